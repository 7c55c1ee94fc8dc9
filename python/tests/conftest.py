from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Original
from harness import Runner, run_op
from material import COCO, SAMPLE, SUBSET

FAMILIES = ("qwen3_vl", "qwen2_5_vl")


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
    runner = Runner(folder / "log", LC_ALL="C", PYTHONHASHSEED="7", TZ="Asia/Kathmandu")
    yield runner
    code, rest = runner.end()
    assert code == 0
    # A selection of the tests may never have asked it anything.
    assert {event["type"] for event in rest} <= {"hello", "heartbeat"}


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
def lm_inputs(checkpoints: dict[str, Path], subset: Path) -> dict[str, Path]:
    return {"checkpoint": checkpoints["qwen3_vl"], "captions": subset / "captions"}


@pytest.fixture(scope="session")
def image_inputs(checkpoints: dict[str, Path], subset: Path, coco: Path) -> dict[str, Path]:
    return {
        "checkpoint": checkpoints["qwen3_vl"],
        "database": subset / "database",
        "images": coco / "images",
    }
