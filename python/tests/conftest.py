"""Fixtures, and which tests run where: `pytest python/tests` is right in every environment.

Tests in `in_<environment>` run there alone. The others run in modelopt, which has all that the
runner and its ops need.
"""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from environment_here import OF_ENGINES, environment_here
from forks import Original
from harness import Runner, place, run_op
from hub_web import HubWeb
from material import COCO, HELD_OUT, SAMPLE, SUBSET, ranging
from op_runs import Given
from plan_files import groups_of, in_turn, write_plans
from search_files import goal_problem, limited_problem, write_problem
from web import serving

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import write_database

FAMILIES = ("qwen3_vl", "qwen2_5_vl")
TESTS = Path(__file__).parent
ENVIRONMENT = environment_here()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leaves out the tests of other environments."""
    inside = collection_path.relative_to(TESTS).parts
    if not inside or inside[-1] in ("conftest.py", "__pycache__"):
        return None
    environment = inside[0].removeprefix("in_") if inside[0].startswith("in_") else "modelopt"
    return None if environment == ENVIRONMENT else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests of further engines as those of `npm run test:engines`, each of them."""
    if ENVIRONMENT in OF_ENGINES:
        for item in items:
            item.add_marker(pytest.mark.engines)


def pytest_collection_finish() -> None:
    """Keeps the collector from the libraries, which all stay, as the runner does."""
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Lets a mark choose nothing: an environment may have no slow tests."""
    nothing = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
    if nothing and session.config.option.markexpr:
        session.exitstatus = pytest.ExitCode.OK


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """A process that has imported ModelOpt, for tests that need one of their own with that."""
    process = Original(tmp_path_factory.mktemp("forks"))
    yield process
    process.end()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner that serves many jobs, in another locale, folder, time zone and hash seed."""
    folder = tmp_path_factory.mktemp("kept runner ü")
    others = {"LC_ALL": "C", "PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    runner = Runner(folder / "log", **others, **own_cache(folder))
    yield runner
    code, rest = runner.end()
    assert code == 0
    # A selection of the tests may never have asked it anything.
    assert {event["type"] for event in rest} <= {"hello", "heartbeat"}


def own_cache(folder: Path) -> dict[str, str]:
    """Returns variables with which downloads and tokens are those of a test, not of a person."""
    return {"AQM_CACHE": str(folder / "cache"), "HF_TOKEN_PATH": str(folder / "no-token")}


@pytest.fixture(scope="session")
def given(
    tmp_path_factory: pytest.TempPathFactory,
    coco: Path,
    annotations: dict[str, Path],
    sample: Path,
    lm_inputs: dict[str, Path],
    image_inputs: dict[str, Path],
    quality_inputs: dict[str, dict[str, Path]],
    export_inputs: dict[str, dict[str, Path]],
    search_inputs: dict[str, dict[str, Path]],
    vit_inputs: dict[str, Path],
) -> Iterator[Given]:
    """Material for a run of every op, and a cache that is empty when the first one runs."""
    folder = tmp_path_factory.mktemp("given")
    placed = folder / "placed"
    (placed / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        name = f"captions_{split}2017.json"
        shutil.copy(annotations[f"annotations_{split}"], placed / "annotations" / name)
    with pytest.MonkeyPatch.context() as patch, serving() as web, serving() as store:
        for name, value in own_cache(folder).items():
            patch.setenv(name, value)
        patch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(folder / "no-token"))
        hub = HubWeb(web, store).web.url
        yield Given(
            coco,
            placed,
            annotations,
            sample,
            lm_inputs,
            image_inputs,
            quality_inputs,
            export_inputs,
            search_inputs,
            vit_inputs,
            hub,
        )


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco")
    run_op("synthetic_coco", COCO, {}, folder)
    return folder


@pytest.fixture(scope="session")
def annotations(coco: Path) -> dict[str, Path]:
    return {role: coco / role for role in ("annotations_train", "annotations_val")}


@pytest.fixture(scope="session")
def sample(annotations: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    run_op("calibration_sample", SAMPLE, annotations, folder)
    return folder


@pytest.fixture(scope="session")
def subset(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subset")
    run_op("calibration_subset", SUBSET, {"database": sample / "database"}, folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    for family in FAMILIES:
        run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, folder / family)
    return {family: folder / family / "checkpoint" for family in FAMILIES}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the checkpoint of a family by its name, made when it is first asked for."""
    made: dict[str, Path] = {}

    def checkpoint(family: str) -> Path:
        if family not in made:
            folder = tmp_path_factory.mktemp(family)
            run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, folder)
            made[family] = folder / "checkpoint"
        return made[family]

    return checkpoint


@pytest.fixture(scope="session")
def lm_inputs(checkpoints: dict[str, Path], subset: Path) -> dict[str, Path]:
    return {"checkpoint": checkpoints["qwen3_vl"], "captions": subset / "captions"}


@pytest.fixture(scope="session")
def image_inputs(checkpoints: dict[str, Path], subset: Path, coco: Path) -> dict[str, Path]:
    return {
        "checkpoint": checkpoints["qwen3_vl"],
        "database": subset / "database",
        "images": coco / "images",
    }


@pytest.fixture(scope="session")
def vit_inputs(
    tmp_path_factory: pytest.TempPathFactory, image_inputs: dict[str, Path]
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("vit")
    run_op("tiny_vit", {"seed": 0}, {}, folder)
    return image_inputs | {"checkpoint": folder / "checkpoint"}


@pytest.fixture(scope="session")
def held_out(
    annotations: dict[str, Path], subset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("held_out")
    params = HELD_OUT | {"part": "report", "samples": 8}
    run_op("held_out_sample", params, annotations | {"calibration": subset / "database"}, folder)
    return folder


@pytest.fixture(scope="session")
def quality_inputs(
    checkpoints: dict[str, Path],
    subset: Path,
    held_out: Path,
    coco: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, Path]]:
    """Inputs of plan_quality by scope; the plan gives groups INT4 weights, FP8 and 16 bits."""
    folder = tmp_path_factory.mktemp("plans")
    shared = {
        "checkpoint": checkpoints["qwen3_vl"],
        "database": subset / "database",
        "held_out": held_out / "database",
    }
    images = {"images": coco / "images", "held_out_images": coco / "images"}
    found = {}
    for scope, more in (("lm", {}), ("all_layers", images)):
        groups = groups_of(checkpoints["qwen3_vl"], scope)
        plan = write_plans(
            folder / f"{scope}.json", groups, mixed=in_turn(groups, "INT4_WEIGHTS", "FP8", "NONE")
        )
        found[scope] = shared | more | {"plan": plan}
    return found


@pytest.fixture(scope="session")
def search_inputs(
    quality_inputs: dict[str, dict[str, Path]],
    annotations: dict[str, Path],
    subset: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, Path]]:
    """Inputs of measured_search, scope lm, with a problem that has a limit, and one with a goal.

    Candidates are INT4_WEIGHTS and FP8; 12 held-out captions a set, to judge a goal 24.
    """
    folder = tmp_path_factory.mktemp("search")
    inputs = {role: quality_inputs["lm"][role] for role in ("checkpoint", "database")}
    for role, part in (("held_out", "search"), ("held_out_confirm", "confirm")):
        inputs[role] = folder / part / "database"
    data, rows = annotations | {"calibration": subset / "database"}, []
    for part in ("search", "confirm", "report"):
        params = HELD_OUT | {"part": part, "samples": 12}
        run_op("held_out_sample", params, data, folder / part)
        rows += read_rows(place(folder / part / "database", "file"))[0]
    judging = folder / "judging.db"
    write_database(judging, rows[12:], {"num_samples": "24"})
    groups = groups_of(inputs["checkpoint"], "lm")
    bits = {"NONE": 16, "FP8": 8, "INT4_WEIGHTS": 4}
    limit, goal = limited_problem(groups, bits), goal_problem(groups, bits, kl=2e-3)
    return {
        "limit": inputs | {"problem": write_problem(folder / "limit.json", limit)},
        "goal": inputs
        | {"held_out_confirm": judging, "problem": write_problem(folder / "goal.json", goal)},
    }


@pytest.fixture(scope="session")
def export_inputs(
    quality_inputs: dict[str, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Path]]:
    """Inputs of the exports by scope; the plan gives groups FP8, INT8, INT8 weights and 16 bits."""
    folder = tmp_path_factory.mktemp("exports")
    found = {}
    for scope, more in (("lm", ()), ("all_layers", ("images",))):
        inputs = {role: quality_inputs[scope][role] for role in ("checkpoint", "database", *more)}
        run_op("input_ranges", ranging(scope), inputs, folder / scope)
        groups = groups_of(inputs["checkpoint"], scope)
        formats = in_turn(groups, "FP8", "INT8", "INT8_WEIGHTS", "NONE")
        # A convolution, which no server quantizes.
        kept = {"model.visual.patch_embed.proj": "NONE"}
        formats = [kept.get(name, format_) for name, format_ in zip(groups, formats, strict=True)]
        plan = write_plans(folder / f"{scope}.json", groups, scheme=formats)
        ranges = folder / scope / "ranges"
        found[scope] = {"checkpoint": inputs["checkpoint"], "plan": plan, "ranges": ranges}
    return found
