"""The real vLLM on folders that `served_folders.py` wrote: which level answers what.

Run by `npm run test:soak -- --only serving`, which writes the folders in the environment modelopt
and names their place in AQM_SERVED_FOLDERS.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness import FakeContext, place

from aqm_runner.ops.serving_check import run_batch
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.serving import process

WRITTEN = os.environ.get("AQM_SERVED_FOLDERS")
pytestmark = pytest.mark.skipif(WRITTEN is None, reason="AQM_SERVED_FOLDERS names no folder")
FOLDERS = Path(WRITTEN or ".")
DEVICES: dict[str, dict[str, str]] = {
    "cpu": {"kind": "cpu"},
    "sm80": {"kind": "invented", "capability": "8.0"},
    "sm90": {"kind": "invented", "capability": "9.0"},
}

LOADS = "loads strictly (not run)"
SOUND = (
    "int8",
    "int8_static",
    "int4",
    "fp8",
    "fp8_dynamic",
    "int8_and_fp8",
    "int8_and_fp8_dynamic",
    "int4_and_int8",
    "half_fp8",
)
# Folder: the level that refuses it, whether vLLM loads it by default, what the reason names.
DEFECTS = {
    "missing_scale_of_a_shard": (5, True, "qkv_proj.weight_scale"),
    "missing_scale": (4, True, "down_proj.weight_scale"),
    "missing_input_scale": (4, True, "down_proj.input_scale"),
    "missing_input_scale_of_a_shard": (6, True, "q_proj.input_scale: not in the file"),
    "other_input_scale_of_a_shard": (6, True, "q_proj.input_scale: 1 of 1 values differ"),
    "extra_scale": (4, False, "down_proj.input_scale"),
    "unlisted_o_proj": (4, False, "o_proj"),
    "groups_swapped": (6, True, "int8 in the file, float8_e4m3fn in vLLM"),
    "int8_codes_in_fp8": (6, True, "down_proj.weight: int8 in the file, float8_e4m3fn in vLLM"),
    "q_int8_kv_fp8": (6, True, "k_proj.weight: float8_e4m3fn in the file, int8 in vLLM"),
}


DEADLY = """
import os
import aqm_runner.serving.child as child
real = child.check
child.check = lambda folder: os._exit(3) if folder.name == "deadly" else real(folder)
main(sys.argv[1:])
"""


def check(folders: list[Path], device: dict[str, str], out: Path) -> list[Outcome]:
    """Checks folders in one process; the status of each is `out/<name of the folder>`."""
    members = [
        Member(
            folder.name,
            {"device": device},
            {"checkpoint": place(folder, "folder")},
            {"status": place(out / folder.name, "file")},
        )
        for folder in folders
    ]
    return [outcome for outcomes in run_batch(FakeContext(), members) for outcome in outcomes]


def told(folders: list[Path], device: dict[str, str], out: Path) -> dict[str, Any]:
    """Returns the status of each folder by its name; none of the checks may fail."""
    outcomes = check(folders, device, out)
    assert [outcome.error for outcome in outcomes] == [None] * len(folders)
    return {folder.name: json.loads((out / folder.name).read_text()) for folder in folders}


@pytest.fixture(scope="session", params=DEVICES)
def statuses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What one process says of all folders, and the device's name."""
    out = tmp_path_factory.mktemp(request.param)
    folders = sorted(path for path in FOLDERS.iterdir() if path.is_dir())
    return told(folders, DEVICES[request.param], out) | {"device": request.param}


def test_what_is_sound_loads_and_every_parameter_is_the_files(statuses):
    for name in SOUND:
        status = statuses[name]
        assert (status["status"], status["reason"]) == (LOADS, None), name
        assert status["compared"]["parameters"] > 90
        assert (status["compared"]["different"], status["unquantized"]) == ([], [])
        assert status["by_default"] == "loads"


def test_a_device_that_is_invented_is_called_so(statuses):
    device = statuses["fp8"]["device"]
    assert device == (
        "cpu"
        if statuses["device"] == "cpu"
        else f"invented, compute capability {DEVICES[statuses['device']]['capability']}"
    )


def test_a_cpu_has_no_kernel_for_nvfp4_which_is_no_defect_of_the_folder(statuses):
    status = statuses["nvfp4"]
    if statuses["device"] == "cpu":
        assert (status["status"], status["level"]) == ("not checked", None)
        assert "no kernel for it on a CPU" in status["reason"]
    else:
        assert status["status"] == LOADS


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found_by_its_level(statuses, name):
    level, by_default, named = DEFECTS[name]
    status = statuses[name]
    assert (status["status"], status["level"]) == ("rejected", level)
    assert named in status["reason"]
    assert (status["by_default"] == "loads") == by_default
    assert (status["trace"] is None) == (level > 4)
    assert str(FOLDERS) not in json.dumps(status)


def test_layers_that_vllm_would_run_unquantized_are_named(statuses):
    unlisted = ["model.language_model.layers.0.self_attn.o_proj"]
    assert statuses["unlisted_o_proj"]["unquantized"] == unlisted


# --- Folders that no export writes --------------------------------------------------------------


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What one process says of odd folders; and where their code would have left a mark."""
    base, out = tmp_path_factory.mktemp("odd"), tmp_path_factory.mktemp("statuses")
    mark = out / "code was run"
    changes = {
        "remote_code": {"auto_map": {"AutoConfig": "evil.Evil"}, "model_type": "evil"},
        "unknown_method": {"quantization_config": {"quant_method": "nonsense"}},
        "unknown_architecture": {"architectures": ["Nonsense"]},
    }
    folders = [base / name for name in (*changes, "no_json", "cut_off", "sound_last")]
    for folder in folders:
        shutil.copytree(FOLDERS / "fp8", folder)
        config = json.loads((folder / "config.json").read_text())
        config |= changes.get(folder.name, {})
        (folder / "config.json").write_text(json.dumps(config))
    code = f"open({str(mark)!r}, 'w')\nfrom transformers import PretrainedConfig as Evil\n"
    (base / "remote_code/evil.py").write_text(code)
    (base / "no_json/config.json").write_text("{")
    weights = base / "cut_off/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    outcomes = check(folders, {"kind": "cpu"}, out)
    assert [outcome.error for outcome in outcomes] == [None] * len(folders)
    return {folder.name: json.loads((out / folder.name).read_text()) for folder in folders}, mark


@pytest.mark.parametrize(
    ("name", "level"),
    [("remote_code", 1), ("unknown_method", 1), ("unknown_architecture", 1), ("no_json", 1)],
)
def test_what_is_no_model_is_rejected_by_its_config(odd, name, level):
    status = odd[0][name]
    assert (status["status"], status["level"]) == ("rejected", level)
    assert status["by_default"].startswith("rejected: ")


def test_a_file_that_is_cut_off_is_rejected_at_the_load(odd):
    assert (odd[0]["cut_off"]["status"], odd[0]["cut_off"]["level"]) == ("rejected", 4)


def test_no_code_of_a_folder_is_run(odd):
    assert not odd[1].exists()


def test_what_came_before_changes_no_later_answer(odd, tmp_path):
    check([FOLDERS / "fp8"], {"kind": "cpu"}, tmp_path)
    assert json.loads((tmp_path / "fp8").read_text()) == odd[0]["sound_last"]


def test_a_process_that_dies_is_a_failure_and_the_next_folder_is_checked(tmp_path, monkeypatch):
    # The program is given a check that ends its process over a folder of this name.
    program = process._PROGRAM.replace("main(sys.argv[1:])", DEADLY)
    monkeypatch.setattr(process, "_PROGRAM", program)
    shutil.copytree(FOLDERS / "fp8", tmp_path / "deadly")
    outcomes = check([tmp_path / "deadly", FOLDERS / "fp8"], {"kind": "cpu"}, tmp_path / "out")
    error = outcomes[0].error
    assert isinstance(error, RunnerError)
    assert (error.class_, error.reason) == ("gate_failed", "vllm_died")
    assert "exit 3" in error.message
    assert not (tmp_path / "out/deadly").exists()
    assert outcomes[1].facts == {"status": LOADS, "level": None, "device": "cpu"}
