"""The real vLLM on exports of every family that `family_folders.py` wrote.

Run by `npm run test:soak -- --only serving`, which names the folders in AQM_FAMILY_FOLDERS.
docs/families.md has the same as a table.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from test_serving_check import LOADS, told

WRITTEN = os.environ.get("AQM_FAMILY_FOLDERS")
pytestmark = pytest.mark.skipif(WRITTEN is None, reason="AQM_FAMILY_FOLDERS names no folder")
FOLDERS = sorted(Path(WRITTEN).iterdir()) if WRITTEN else []
EXPERTS = ("qwen3_moe", "mixtral")


@pytest.fixture(scope="session")
def on_an_h100(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What vLLM says on an invented GPU, which has kernels for all of these formats."""
    device = {"kind": "invented", "capability": "9.0"}
    return told(FOLDERS, device, tmp_path_factory.mktemp("sm90"))


@pytest.fixture(scope="session")
def on_a_cpu(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told(FOLDERS, {"kind": "cpu"}, tmp_path_factory.mktemp("cpu"))


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_every_family_is_loaded_strictly(on_an_h100, name):
    """Every parameter is the file's, experts one by one."""
    status = on_an_h100[name]
    assert (status["status"], status["reason"]) == (LOADS, None)
    assert (status["compared"]["different"], status["unquantized"]) == ([], [])
    assert status["compared"]["parameters"] > 25


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_a_cpu_lacks_kernels_for_integers_of_experts_alone(on_a_cpu, name):
    family, plan, _format = name.split("-", 2)
    lacks = family in EXPERTS and plan != "fp8"
    assert on_a_cpu[name]["status"] == ("not checked" if lacks else LOADS)
