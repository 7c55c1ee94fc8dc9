"""Bytecode of libraries is kept in a folder that is named; that of aqm's own modules never is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import PYTHON_ROOT

# An op whose module imports a library and says what it has found.
OP = "import library\nprint(library.VALUE, 'own {}')\n"
IMPORTS = "from aqm_runner.runner.registry import load_op\nload_op('tells')"


class Machine:
    """A copy of the runner with an op, a library beside it, and a folder for bytecode."""

    def __init__(self, folder: Path) -> None:
        self.bytecode = folder / "cache/bytecode"
        self.package = folder / "runner/aqm_runner"
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PYTHON_ROOT / "aqm_runner", self.package, ignore=skip)
        self.library = folder / "libraries/library.py"
        self.library.parent.mkdir()
        self.write(self.library, "VALUE = 'first'\n")
        self.write(self.package / "ops/tells.py", OP.format("first"))

    def write(self, path: Path, text: str) -> None:
        """Writes a file as npm unpacks one: whatever its content, of the same time."""
        path.write_text(text)
        os.utime(path, (499162500, 499162500))

    def imports(self, code: str = IMPORTS) -> str:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={
                "PYTHONPATH": f"{self.package.parent}:{self.library.parent}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONSAFEPATH": "1",
                "AQM_BYTECODE": str(self.bytecode),
                "AQM_CACHES": json.dumps([str(self.bytecode)]),
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()

    def kept(self) -> list[str]:
        return [path.name.split(".")[0] for path in self.bytecode.rglob("*.pyc")]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def test_a_library_is_compiled_once(machine):
    assert machine.imports() == "first own first"
    assert "library" in machine.kept()
    assert not list(machine.library.parent.rglob("*.pyc"))
    # Seen by what the next process does not see: a change that leaves time and size as they were.
    machine.write(machine.library, "VALUE = 'other'\n")
    assert machine.imports() == "first own first"
    machine.library.write_text("VALUE = 'newer'\n")
    assert machine.imports() == "newer own first"


def test_an_op_of_another_version_of_aqm_is_never_taken_for_the_old_one(machine):
    assert machine.imports() == "first own first"
    assert not {"tells", "registry", "ops"} & set(machine.kept())
    assert not list(machine.package.rglob("*.pyc"))
    machine.write(machine.package / "ops/tells.py", OP.format("other"))
    assert machine.imports() == "first own other"


def test_a_folder_that_has_bytecode_is_left_alone(machine):
    subprocess.run([sys.executable, "-m", "compileall", "-q", machine.library.parent], check=True)
    assert machine.imports() == "first own first"
    assert "library" not in machine.kept()
    machine.write(machine.library, "VALUE = 'other'\n")
    assert machine.imports() == "first own first"


def test_bytecode_for_another_python_is_none(machine):
    other = machine.library.parent / "__pycache__/library.cpython-399.pyc"
    other.parent.mkdir()
    other.write_bytes(b"")
    machine.imports()
    assert "library" in machine.kept()


def test_where_nothing_can_be_kept_modules_are_compiled(machine):
    machine.bytecode.parent.mkdir()
    machine.bytecode.write_text("a file, where a folder should be\n")
    assert machine.imports() == "first own first"


def test_bytecode_in_the_workspace_may_be_read(machine):
    guarded = f"""
from pathlib import Path
from aqm_runner.runner.bytecode import keep_bytecode
from aqm_runner.runner.reads import ReadGuard
keep_bytecode()
guard = ReadGuard()
guard.begin(Path({str(machine.bytecode.parents[1])!r}), [])
import library
open({str(machine.bytecode.parents[1] / "secret")!r}).read()
print(library.VALUE, guard.end())
"""
    (machine.bytecode.parents[1] / "secret").write_text("told")
    assert machine.imports(guarded) == "first ['secret']"
    assert machine.imports(guarded) == "first ['secret']"


def test_a_module_without_source_is_found(machine):
    subprocess.run([sys.executable, "-m", "compileall", "-qb", machine.library.parent], check=True)
    machine.library.unlink()
    assert machine.imports() == "first own first"


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_a_folder_that_cannot_be_looked_into_keeps_no_module_from_being_found(machine, name):
    """Root may look into any folder, so that a name too long for the system is there as well."""
    shut = machine.library.parent.parent / "shut"
    shut.mkdir(mode=0)
    code = f"import sys; sys.path.insert(0, {str(shut / name)!r}); {IMPORTS}"
    assert machine.imports(code) == "first own first"


def test_threads_that_import_leave_the_settings_of_python_as_they_were(machine):
    for number in range(100):
        lines = "".join(f"def f{each}(): pass\n" for each in range(200))
        machine.write(machine.library.with_name(f"part_{number}.py"), lines)
    threads = """
import importlib, sys, threading
from aqm_runner.runner.bytecode import keep_bytecode
keep_bytecode()
def load(first):
    for number in range(first, 100, 2): importlib.import_module(f"part_{number}")
both = [threading.Thread(target=load, args=(first,)) for first in (0, 1)]
for each in both: each.start()
for each in both: each.join()
print(sys.pycache_prefix, sys.dont_write_bytecode)
"""
    assert machine.imports(threads) == "None True"
