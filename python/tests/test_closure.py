"""What an op loads is what a scan of its imports finds: the scan decides when it is stale."""

import ast
import json
from pathlib import Path

import pytest
from conftest import own_cache
from harness import PYTHON_ROOT, action
from op_runs import runs_of

from aqm_runner.runner.registry import OPS

PACKAGE = PYTHON_ROOT / "aqm_runner"
SERVER_SIDE = {
    "runner.batch",
    "runner.channel",
    "runner.context",
    "runner.errors",
    "runner.meters",
    "modelopt.prepare_extensions",
    "runner.protocol",
    "runner.registry",
    "runner.replica_process",
    "runner.replicas",
    "runner.report",
    "runner.requests",
    "runner.server",
}

# Each op runs in a fork of a process that has imported the libraries, and none of ours.
SCRIPT = """
import importlib, json, os, sys
os.environ.update(order["environ"])
from pathlib import Path
from types import SimpleNamespace
entry = order["entry"]
module = importlib.import_module("aqm_runner.ops." + entry["op"])
from aqm_runner.runner.places import Place
def places(key):
    return {role: Place(Path(p["path"]), p["kind"], p["name"]) for role, p in entry[key].items()}
quiet = lambda *_: None
context = SimpleNamespace(device="cpu", replicas=(), phase=quiet, step=quiet, warning=quiet,
                          sample_memory=quiet, check_cancelled=quiet,
                          partials=SimpleNamespace(get=quiet, put=quiet))
from aqm_runner.runner.failures import RunnerError
try:
    module.run(context, entry["params"], places("inputs"), places("outputs"))
    refused = None
except RunnerError as error:
    refused = error.reason
assert refused == order["refused"], refused
names = [name for name in sys.modules if name.split(".")[0] == "aqm_runner"]
Path(order["loaded"]).write_text(json.dumps(names))
"""


def scan(module: str) -> set[str]:
    """Returns a module of the package and all that it imports from it, at any depth."""
    found: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        path = PYTHON_ROOT / (name.replace(".", "/") + ".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                if (node.module or "").split(".")[0] == "aqm_runner":
                    assert node.col_offset == 0, f"{path} imports {node.module} late"
                    pending.append(node.module)
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
                assert "aqm_runner" not in names, f"{path} imports the package itself"
    return found


@pytest.mark.engines
@pytest.mark.parametrize("op", OPS)
def test_an_op_loads_exactly_its_static_closure(original, tmp_path, given, op):
    closure = scan(f"aqm_runner.ops.{op}")
    assert not closure & {f"aqm_runner.{name}" for name in SERVER_SIDE}
    loaded: set[str] = set()
    for index, run in enumerate(runs_of(op, given)):
        entry = action(op, run.params, run.inputs, tmp_path / f"{index}")
        names = tmp_path / f"{index}.json"
        order = {"entry": entry, "loaded": str(names), "refused": run.refused}
        assert original.fork(SCRIPT, environ=own_cache(tmp_path), **order).wait() == 0
        loaded |= set(json.loads(names.read_text()))
    packages = {
        ".".join(["aqm_runner", *init.parent.relative_to(PACKAGE).parts])
        for init in PACKAGE.rglob("__init__.py")
    }
    # The script itself needs places and failures.
    needed = {f"aqm_runner.runner.{name}" for name in ("places", "inside", "failures")}
    assert loaded - packages - needed == closure - needed


def test_packages_hold_no_code():
    for init in PACKAGE.rglob("__init__.py"):
        assert [type(node) for node in ast.parse(init.read_text()).body] == [ast.Expr], init


def test_files_are_short():
    for path in [*PACKAGE.rglob("*.py"), *Path(__file__).parent.glob("*.py")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path
