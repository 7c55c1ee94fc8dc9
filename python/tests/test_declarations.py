"""Every op is declared once, in `ops/<name>.json`, and has a module that does what that says."""

import gc
import inspect
import json
import sys
import weakref

import pytest
from harness import PYTHON_ROOT
from jsonschema import Draft202012Validator

from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.registry import OPS, Ops, load_op, read_op
from aqm_runner.runner.requests import compile_schema

FOLDER = PYTHON_ROOT / "aqm_runner/ops"


def test_every_module_in_ops_has_a_declaration_and_every_declaration_a_module():
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert modules == set(OPS), (
        "An op is ops/<name>.py and ops/<name>.json; what several ops share lies elsewhere."
    )


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_a_declaration_follows_its_schema(op):
    document = json.loads((FOLDER / f"{op.name}.json").read_text(encoding="utf-8"))
    compile_schema("op").validate(document)
    Draft202012Validator.check_schema(op.params)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_a_declaration_names_params_that_there_are(op):
    properties = op.params["properties"]
    assert op.varies is None or (op.varies in properties) != (op.varies in op.inputs)
    for param, by_value in op.inputs_by.items():
        assert set(by_value) == set(properties[param]["enum"])
        assert param in op.params["required"]
        for roles in by_value.values():
            assert not set(roles) & set(op.inputs | op.optional_inputs)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_the_module_of_an_op_has_run(op):
    assert list(inspect.signature(load_op(op.name).run).parameters) == [
        "context",
        "params",
        "inputs",
        "outputs",
    ]


def test_inputs_go_by_any_value_of_a_param_and_by_none_where_it_is_left_out(tmp_path):
    by_value = {"true": {"more": "file"}, "2": {"two": "file"}, "text": {"text": "file"}}
    declared = {"version": 1, "usesDevice": False, "tools": [], "inputs": {}, "outputs": {}}
    path = tmp_path / "work.json"
    path.write_text(json.dumps({**declared, "params": {}, "inputsBy": {"by": by_value}}))
    op = read_op(path)
    found = [list(op.required_inputs({"by": value})) for value in (True, 2, "text", False)]
    assert found == [["more"], ["two"], ["text"], []]
    assert op.required_inputs({}) == {}


@pytest.mark.parametrize("text", ["{", '{"version": 1}', "[]", "null"])
def test_a_broken_declaration_is_named_when_it_is_asked_for_and_harms_no_other(tmp_path, text):
    (tmp_path / "calibration_subset.json").write_text(
        (FOLDER / "calibration_subset.json").read_text()
    )
    (tmp_path / "zzz.json").write_text(text)
    ops = Ops(tmp_path)
    assert list(ops) == ["calibration_subset", "zzz"]
    assert ops.versions() == {"calibration_subset": OPS["calibration_subset"].version}
    with pytest.raises(RunnerError) as caught:
        _ = ops["zzz"]
    assert (caught.value.reason, caught.value.file) == ("unreadable_op", "ops/zzz.json")
    assert caught.value.next_step


class Model:
    """Stands for a model that an op drops: only the collector frees what refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_an_op_left_is_freed_when_another_op_is_loaded(monkeypatch):
    monkeypatch.delitem(sys.modules, "aqm_runner.ops.calibration_subset", raising=False)
    left = weakref.ref(Model())
    load_op("calibration_subset")
    gc.collect()
    assert left() is None
