"""Which folder of the package may import which: the same order as of the rooms in TypeScript.

Every import counts: late ones, and those that only a type checker reads.
"""

import ast
import re
import sys
from functools import cache
from pathlib import Path

from harness import PYTHON_ROOT

PACKAGE = PYTHON_ROOT / "aqm_runner"
# Rules that come with aqm, and those of its examples.
RULES = [PYTHON_ROOT.parent / folder for folder in ("rules", "examples")]
FILES = sorted(PACKAGE.rglob("*.py"))
BY_MODULE = {".".join(path.relative_to(PYTHON_ROOT).with_suffix("").parts): path for path in FILES}

# An engine is a folder with an engine.py that keeps to the interface in scoring/engine.py.
ENGINES = sorted(
    path.parent.name for path in PACKAGE.glob("*/engine.py") if path.parent.name != "scoring"
)

# Low to high: a room imports only from lower rows, and rooms of one row do not know each other.
ROWS = [
    ["runner"],
    ["calibration", "fetching", "serving"],
    ["model"],
    ["scoring", "training"],
    ["quality", "ranges", "vit"],
    ["export", "search"],
    [*ENGINES, "compressed"],
    ["ops"],
]
HEIGHT = {room: row for row, rooms in enumerate(ROWS) for room in rooms}

# What several environments may load; any other room is of one environment alone.
SHARED = {"runner", "calibration", "model", "scoring", "ranges", "quality", "export"}

# What lock files have under another name than it is imported by.
DISTRIBUTIONS = {"PIL": "pillow", "modelopt": "nvidia-modelopt"}


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Returns the dotted names of all modules that a file imports, in its order."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found += [module_of(node.module or "", alias.name) for alias in node.names]
    return tuple(dict.fromkeys(found))


def module_of(module: str, name: str) -> str:
    """Returns the module that `from module import name` loads."""
    inner = f"{module}.{name}"
    return inner if inner in BY_MODULE else module


@cache
def own_imports(path: Path) -> list[Path]:
    """Returns the files of the package that a file imports."""
    return [BY_MODULE[name] for name in imports_of(path) if name in BY_MODULE]


def room_of(path: Path) -> str:
    """Returns the folder of the package that a file lies in; empty for the package's own files."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else ""


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def closure(start: Path) -> set[Path]:
    """Returns a file and all that it imports from the package, at any depth."""
    found: set[Path] = set()
    pending = [start]
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += own_imports(path)
    return found


def circle_through(start: Path) -> list[Path] | None:
    """Returns a shortest way from a file back to itself along imports, or None."""
    ways = [[start]]
    seen = set()
    while ways:
        longer = []
        for way in ways:
            for imported in own_imports(way[-1]):
                if imported == start:
                    return [*way, imported]
                if imported not in seen:
                    seen.add(imported)
                    longer.append([*way, imported])
        ways = longer
    return None


def test_every_file_is_in_a_room():
    rooms = {room_of(path) for path in FILES} - {""}
    assert rooms == set(HEIGHT)
    assert ENGINES


def test_imports_go_only_downwards():
    wrong = [
        f"{short(path)} → {short(imported)}"
        for path in FILES
        for imported in own_imports(path)
        if room_of(path) not in ("", room_of(imported))
        and HEIGHT[room_of(imported)] >= HEIGHT[room_of(path)]
    ]
    assert wrong == []


def test_there_is_no_circle_of_files():
    circles = [circle_through(path) for path in FILES]
    assert [" → ".join(map(short, circle)) for circle in circles if circle is not None] == []


def test_only_ops_import_an_engine():
    wrong = [
        f"{short(path)} → {short(imported)}"
        for path in FILES
        for imported in own_imports(path)
        if room_of(imported) in ENGINES and room_of(path) not in ("ops", room_of(imported))
    ]
    assert wrong == []


def test_only_its_room_imports_a_library_that_a_room_is_for():
    rooms = {engine: engine for engine in ENGINES} | {
        "compressed_tensors": "compressed",
        "neural_compressor": "inc",
    }
    wrong = [
        f"{short(path)} → {name}"
        for path in FILES
        for name in imports_of(path)
        if room_of(path) != rooms.get(name.split(".")[0], room_of(path))
    ]
    assert wrong == []


def test_every_room_has_a_readme_that_names_what_it_imports():
    problems = []
    for room in HEIGHT:
        readme = PACKAGE / room / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.exists() else ""
        line = re.search(r"^May import: (.*)\.$", text, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", line[1])) if line else None
        used = {
            room_of(imported)
            for path in FILES
            if room_of(path) == room
            for imported in own_imports(path)
        }
        if named is None:
            problems.append(f'{room}/README.md is not there, or has no line "May import: …."')
        else:
            problems += [f"{room}/README.md does not name {o}" for o in used - named - {room}]
            upwards = [o for o in named if HEIGHT.get(o, 99) >= HEIGHT[room]]
            problems += [f"{room}/README.md names {o}, which is not below" for o in upwards]
    assert problems == []
    assert (PACKAGE / "README.md").exists()


# --- Environments ---------------------------------------------------------------------------------


def ts_files() -> list[Path]:
    """Returns the files of all rules in an order that does not depend on the machine."""
    return [path for folder in RULES for path in sorted(folder.rglob("*.ts"))]


def environments_of_ops() -> dict[str, str]:
    """Returns op → the lock file of the environment that a rule declares it in."""
    texts = [path.read_text(encoding="utf-8") for path in ts_files()]
    declared = r"const (\w+) = environment\(\{[^}]*?\block: \"([^\"]+)\""
    locks = dict(found for text in texts for found in re.findall(declared, text))
    op = r"pythonOp\s*(?:<[^()]*>)?\(\s*\"(\w+)\",\s*(\w+)"
    return {name: locks[of] for text in texts for name, of in re.findall(op, text)}


def distributions_in(lock: str) -> set[str]:
    """Returns the names of all packages that a lock file pins."""
    text = (PYTHON_ROOT.parent / lock).read_text(encoding="utf-8")
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_an_op_imports_only_what_its_environment_has():
    environments = environments_of_ops()
    ops = {path.stem for path in (PACKAGE / "ops").glob("*.py")} - {"__init__"}
    assert set(environments) == ops
    problems = []
    for op, lock in environments.items():
        pinned = distributions_in(lock)
        for path in closure(PACKAGE / "ops" / f"{op}.py"):
            for name in {module.split(".")[0] for module in imports_of(path)}:
                if name in sys.stdlib_module_names or name == "aqm_runner":
                    continue
                if normal(DISTRIBUTIONS.get(name, name)) not in pinned:
                    problems.append(f"{op}: {short(path)} imports {name}, which {lock} has not")
    assert problems == []


def test_a_room_that_is_not_shared_is_of_one_environment():
    users: dict[str, dict[str, list[str]]] = {}
    for op, lock in environments_of_ops().items():
        for room in {room_of(path) for path in closure(PACKAGE / "ops" / f"{op}.py")}:
            users.setdefault(room, {}).setdefault(lock, []).append(op)
    several = {
        room: by_lock
        for room, by_lock in users.items()
        if room not in {*SHARED, "ops"} and len(by_lock) > 1
    }
    assert several == {}
