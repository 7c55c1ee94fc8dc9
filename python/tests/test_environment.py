"""The lock files: pinned, hashed, the same for everyone."""

import re
from importlib import metadata

import pytest
from harness import PYTHON_ROOT


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
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
    assert set(pins) == {"torch", "torchvision", "transformers", "nvidia-modelopt"}
    locked = (PYTHON_ROOT / "requirements.lock").read_text()
    for name, version in pins.items():
        assert f"{name}=={version} \\" in locked
        assert metadata.version(name) == version


def test_what_the_development_tools_share_with_the_runner_is_the_same():
    def pins(name: str) -> dict[str, str]:
        text = (PYTHON_ROOT / f"{name}.lock").read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))

    runner, tools = pins("requirements"), pins("requirements-dev")
    shared = runner.keys() & tools.keys()
    assert "torch" not in tools
    assert {name: tools[name] for name in shared} == {name: runner[name] for name in shared}
