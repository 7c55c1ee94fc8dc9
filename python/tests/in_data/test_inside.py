"""Names that others chose: the same table that the TypeScript side is held to."""

import json
from pathlib import Path

import pytest

from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.inside import inside, why_not_inside

NAMES = json.loads((Path(__file__).parents[3] / "tests/fixtures/names.json").read_bytes())


@pytest.mark.parametrize(("name", "problem"), NAMES)
def test_a_name_is_judged_as_in_typescript(name, problem):
    assert why_not_inside(name) == problem


def test_a_name_that_no_file_system_could_hold():
    assert why_not_inside("a" * 255) is None
    assert why_not_inside("ä" * 128) == "is too long for a file system"
    assert why_not_inside("a/" * 2000 + "a") == "is too long for a file system"


def test_the_refusal_says_who_names_what(tmp_path):
    assert inside(tmp_path, "a/b", "list.json") == tmp_path / "a/b"
    with pytest.raises(RunnerError) as caught:
        inside(tmp_path, "../" * 500, "list.json")
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "unsafe_path")
    assert caught.value.file == "list.json"
    assert len(caught.value.message) < 400
