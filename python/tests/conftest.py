from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Runner, action, request, run_op
from material import COCO, SUBSET

FAMILIES = ("qwen3_vl", "qwen2_5_vl")


@pytest.fixture(scope="session", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner that serves many jobs, in another locale, folder, time zone and hash seed.

    Started first, so that its imports overlap with those of this process.
    """
    folder = tmp_path_factory.mktemp("kept runner ü")
    runner = Runner(folder / "log", LC_ALL="C", PYTHONHASHSEED="7", TZ="Asia/Kathmandu")
    yield runner
    code, rest = runner.end()
    assert code == 0
    # A selection of the tests may never have asked it anything.
    assert {event["type"] for event in rest} <= {"hello", "heartbeat"}


@pytest.fixture(scope="session", autouse=True)
def doomed(kept: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner for the test that cancels it; it begins with torch's import, ahead of need."""
    folder = tmp_path_factory.mktemp("doomed")
    runner = Runner(folder / "log", AQM_HEARTBEAT_SECONDS="0.2")
    params = {"family": "qwen3_vl", "seed": 1}
    runner.send(request("warm", action("tiny_checkpoint", params, {}, folder)))
    yield runner
    runner.process.kill()
    runner.process.wait()


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco")
    run_op("synthetic_coco", COCO, {}, folder)
    return folder


@pytest.fixture(scope="session")
def annotations(coco: Path) -> dict[str, Path]:
    return {role: coco / role for role in ("annotations_train", "annotations_val")}


@pytest.fixture(scope="session")
def subset(annotations: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subset")
    run_op("calibration_subset", SUBSET, annotations, folder)
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
