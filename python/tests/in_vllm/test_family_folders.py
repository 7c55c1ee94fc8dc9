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
DEVICES: dict[str, dict[str, str]] = {
    "cpu": {"kind": "cpu"},
    "sm90": {"kind": "invented", "capability": "9.0"},
}


@pytest.fixture(scope="session", params=DEVICES)
def statuses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What one process says of all folders."""
    return told(FOLDERS, DEVICES[request.param], tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_every_family_is_loaded_strictly(statuses, name):
    """Every parameter is the file's, experts one by one."""
    status = statuses[name]
    assert (status["status"], status["reason"]) == (LOADS, None)
    assert (status["compared"]["different"], status["unquantized"]) == ([], [])
    assert status["compared"]["parameters"] > 25
