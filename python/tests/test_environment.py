"""The lock files: pinned, hashed, the same for everyone."""

import re
from importlib import metadata

import pytest
from harness import PYTHON_ROOT

from aqm_runner.runner.registry import OPS


@pytest.mark.parametrize(
    "name",
    ["requirements", "requirements-dev", "data", "tables", "torch", "vllm", "inc", "autoround"],
)
def test_every_line_of_a_lock_file_is_a_pin_or_a_hash(name):
    text = (PYTHON_ROOT / f"{name}.lock").read_text()
    assert "://" not in text
    for line in text.splitlines():
        assert re.fullmatch(
            r"[a-z0-9-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        ), line


def test_what_is_asked_for_exactly_is_locked_and_installed():
    lines = (PYTHON_ROOT / "requirements.in").read_text().split()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert set(pins) == {
        "torch",
        "torchvision",
        "transformers",
        "nvidia-modelopt",
        "compressed-tensors",
    }
    locked = (PYTHON_ROOT / "requirements.lock").read_text()
    for name, version in pins.items():
        assert f"{name}=={version} \\" in locked
        assert metadata.version(name) == version


@pytest.mark.parametrize("name", ["requirements-dev", "data", "tables", "torch"])
def test_what_another_lock_file_shares_with_the_runner_s_is_the_same(name):
    def pins(name: str) -> set[str]:
        text = (PYTHON_ROOT / f"{name}.lock").read_text()
        return set(re.findall(r"^([a-z0-9-]+==[^ ]+)", text, re.MULTILINE))

    runner, other = pins("requirements"), pins(name)
    names = {pin.split("==")[0] for pin in runner}
    others = {pin.split("==")[0] for pin in other}
    assert not others & ({"nvidia-modelopt"} if name == "torch" else {"nvidia-modelopt", "torch"})
    assert {pin for pin in other if pin.split("==")[0] in names} <= runner


def test_data_ops_name_tools_that_their_environment_has():
    locked = (PYTHON_ROOT / "data.lock").read_text()
    for op in ("calibration_sample", "calibration_subset", "coco_annotations", "coco_images"):
        assert OPS[op].tools == ()
    for tool in OPS["hub_checkpoint"].tools:
        assert f"{tool}==" in locked
        assert metadata.version(tool)
