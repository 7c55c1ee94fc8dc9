"""What an op loads is what a scan of its imports finds: the scan decides when it is stale."""

import ast
import json
import shutil
from pathlib import Path

from harness import PYTHON_ROOT, action
from material import COCO, SAMPLE, SUBSET, scoring

PACKAGE = PYTHON_ROOT / "aqm_runner"
SERVER_SIDE = {
    "runner.batch",
    "runner.context",
    "runner.errors",
    "runner.meters",
    "modelopt.prepare_extensions",
    "runner.protocol",
    "runner.registry",
    "runner.report",
    "runner.requests",
    "runner.server",
}

# Each op runs in a fork of a process that has imported the libraries, and none of ours.
SCRIPT = """
import importlib, json, sys
from pathlib import Path
from types import SimpleNamespace
entry = order["entry"]
module = importlib.import_module("aqm_runner.ops." + entry["op"])
from aqm_runner.runner.places import Place
def places(key):
    return {role: Place(Path(p["path"]), p["kind"], p["name"]) for role, p in entry[key].items()}
quiet = lambda *_: None
context = SimpleNamespace(device="cpu", phase=quiet, step=quiet, warning=quiet,
                          sample_memory=quiet, check_cancelled=quiet, partials=None)
module.run(context, entry["params"], places("inputs"), places("outputs"))
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


def test_ops_load_exactly_their_static_closure(
    original, tmp_path, coco, annotations, sample, lm_inputs
):
    # As the public data set lies, so that nothing has to be served.
    placed = tmp_path / "placed"
    (placed / "annotations").mkdir(parents=True)
    for split, role in (("train", "annotations_train"), ("val", "annotations_val")):
        name = f"annotations/captions_{split}2017.json"
        shutil.copy(annotations[role], placed / name)
    unpacked = {"source": str(placed), "archive": None}
    full = {"database": sample / "database"}
    runs = [
        ("synthetic_coco", COCO, {}),
        ("calibration_sample", SAMPLE, annotations),
        ("calibration_subset", SUBSET, full),
        ("coco_annotations", unpacked, {}),
        ("coco_images", {"source": str(coco / "images")}, full),
        ("tiny_checkpoint", {"family": "qwen2_5_vl", "seed": 0}, {}),
        ("sensitivity_scores", scoring(), lm_inputs),
    ]
    entries = [action(op, params, inputs, tmp_path / op) for op, params, inputs in runs]
    loaded = {}
    for entry in entries:
        names = tmp_path / f"{entry['op']}.json"
        fork = original.fork(SCRIPT, entry=entry, loaded=str(names))
        assert fork.wait() == 0
        loaded[entry["op"]] = set(json.loads(names.read_text()))
    packages = {
        ".".join(["aqm_runner", *init.parent.relative_to(PACKAGE).parts])
        for init in PACKAGE.rglob("__init__.py")
    }
    # The script itself needs places.
    needed = {"aqm_runner.runner.places"}
    assert set(loaded) == {op for op, _, _ in runs}
    for op, names in loaded.items():
        closure = scan(f"aqm_runner.ops.{op}")
        assert names - packages - needed == closure - needed
        assert not closure & {f"aqm_runner.{name}" for name in SERVER_SIDE}


def test_an_op_that_needs_a_server_imports_all_at_once():
    found = scan("aqm_runner.ops.hub_checkpoint")  # which asserts that no import is late
    assert {
        "aqm_runner.fetching.hub",
        "aqm_runner.fetching.remote",
        "aqm_runner.runner.cache",
    } < found
    assert not any("model" in name for name in found)


def test_packages_hold_no_code():
    for init in PACKAGE.rglob("__init__.py"):
        assert [type(node) for node in ast.parse(init.read_text()).body] == [ast.Expr], init


def test_files_are_short():
    for path in [*PACKAGE.rglob("*.py"), *Path(__file__).parent.glob("*.py")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path
