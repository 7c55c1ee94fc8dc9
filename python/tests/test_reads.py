"""The guard over undeclared reads, in a real runner with an op that does what the test says."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import PYTHON_ROOT, Runner, of_type

# An op whose deed is a param; it is given the names of everything that it may want to touch.
OP = '''"""Does what it is told."""

def run(context, params, inputs, outputs):
    """Writes its outputs, then does the deed."""
    made = outputs["made"].create()
    tree = outputs["tree"].create()
    made.write_text("made")
    (tree / "part").write_text("part")
    exec(params["code"], {"made": made, "tree": tree, "file": inputs["file"].path,
                          "folder": inputs["folder"].path, "outside": params["outside"]})
    return {}
'''
DECLARATION = {
    "version": 1,
    "usesDevice": False,
    "tools": [],
    "inputs": {"file": "file", "folder": "folder"},
    "outputs": {"made": "file", "tree": "folder"},
    "params": {"type": "object"},
}


class Place:
    """A workspace that holds its own runner, two inputs, a secret, and links among them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "work space ü"
        self.outside = folder / "outside"
        self.package = self.root / "python"
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PYTHON_ROOT / "aqm_runner", self.package / "aqm_runner", ignore=skip)
        (self.package / "aqm_runner/ops/deed.py").write_text(OP)
        (self.package / "aqm_runner/ops/deed.json").write_text(json.dumps(DECLARATION))
        self.write("given.txt", "given")
        self.write("given/one.txt", "one")
        self.write("secret.txt", "secret")
        self.write("given-not/secret.txt", "secret")  # a prefix of its name is declared
        self.write("hidden/deep/secret.txt", "secret")
        (self.root / "module_here.py").write_text("X = 1\n")
        self.outside.mkdir()
        (self.outside / "library.txt").write_text("library")
        (self.outside / "into").symlink_to(self.root / "hidden")
        (self.root / "link.txt").symlink_to(self.outside / "library.txt")
        (self.root / "given/through").symlink_to(self.root / "hidden")
        sqlite3.connect(self.root / "secret.db").close()
        with sqlite3.connect(self.root / "secret.db") as database:
            database.execute("CREATE TABLE t (x)")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def runner(self, log: Path) -> Runner:
        return Runner(log, cwd=self.root, PYTHONPATH=str(self.package), PYTHONDONTWRITEBYTECODE="1")

    def request(self, code: str, stage: Path) -> dict[str, Any]:
        def spot(path: Path, kind: str) -> dict[str, str]:
            return {"path": str(path), "kind": kind, "name": path.name}

        return {
            "protocol": 1,
            "job": code,
            "device": "cpu",
            "workspace": str(self.root),
            "actions": [
                {
                    "id": "deed",
                    "op": "deed",
                    "version": 1,
                    "params": {"code": code, "outside": str(self.outside)},
                    "inputs": {
                        "file": spot(self.root / "given.txt", "file"),
                        "folder": spot(self.root / "given", "folder"),
                    },
                    "outputs": {
                        "made": spot(stage / "made", "file"),
                        "tree": spot(stage / "tree", "folder"),
                    },
                }
            ],
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("reads"))


@pytest.fixture(scope="module")
def honest(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner that lives through all jobs: none of them may be accused."""
    runner = place.runner(tmp_path_factory.mktemp("honest") / "log")
    yield runner
    assert runner.end()[0] == 0


def accused(place: Place, code: str, tmp_path: Path) -> dict[str, Any]:
    runner = place.runner(tmp_path / "log")
    runner.send(place.request(code, tmp_path / "stage"))
    error = list(runner.events)[-1]
    assert runner.end()[0] == 3
    return error


def wide(code: str, file: str):
    """Returns a case of `npm run test:engines`."""
    return pytest.param(code, file, marks=pytest.mark.engines)


@pytest.mark.parametrize(
    ("code", "file"),
    [
        ("open(file.parent / 'secret.txt').read()", "secret.txt"),
        wide("open('secret.txt').read()", "secret.txt"),
        ("open(b'secret.txt', 'rb').read()", "secret.txt"),
        wide("open('secret.txt', 'r+').read()", "secret.txt"),
        wide("open('secret.txt', 'a+').read()", "secret.txt"),
        wide("open(folder / '../secret.txt').read()", "secret.txt"),
        wide("open('given-not/secret.txt').read()", "given-not/secret.txt"),
        ("open(outside + '/into/deep/secret.txt').read()", "hidden/deep/secret.txt"),
        wide("open('link.txt').read()", "link.txt"),
        ("import os; os.chdir('hidden'); open('deep/secret.txt').read()", "hidden/deep/secret.txt"),
        wide("import os; os.close(os.open('secret.txt', os.O_RDONLY))", "secret.txt"),
        ("import os; os.listdir('hidden')", "hidden"),
        wide("import os; list(os.scandir('hidden/deep'))", "hidden/deep"),
        wide("import os; os.link('secret.txt', tree / 'linked')", "secret.txt"),
        ("import shutil; shutil.copy('secret.txt', tree)", "secret.txt"),
        ("import sqlite3; sqlite3.connect('secret.db').close()", "secret.db"),
        wide(
            "import sqlite3; sqlite3.connect('file:secret.db?mode=ro', uri=True).close()",
            "secret.db",
        ),
        ("import module_here", "module_here.py"),
        (
            "import threading; t = threading.Thread(target=lambda: open('secret.txt').read());"
            " t.start(); t.join()",
            "secret.txt",
        ),
        (
            "import os\nif os.fork() == 0:\n  open('secret.txt').read(); os._exit(0)\nos.wait()",
            "secret.txt",
        ),
        ("open('given/through/deep/secret.txt').read(); open('secret.txt').read()", "secret.txt"),
    ],
)
def test_an_undeclared_read_is_an_error_that_names_the_file(place, tmp_path, code, file):
    error = accused(place, code, tmp_path)
    assert (error["type"], error["class"]) == ("error", "gate_failed")
    assert (error["reason"], error["file"]) == ("undeclared_read", file)
    assert f"deed read {file}, which is no declared input" in error["message"]
    assert "Declare it as an input" in error["next_step"]
    assert error["action"] == "deed"
    assert error["retryable"] is False


def test_a_mapped_file_is_named_even_if_python_did_not_open_it(place, tmp_path):
    code = (
        "import ctypes, mmap\n"
        "fd = ctypes.CDLL(None).open(b'secret.txt', 0)\n"
        "mmap.mmap(fd, 0, access=mmap.ACCESS_READ).read()"
    )
    assert accused(place, code, tmp_path)["file"] == "secret.txt"


def test_several_undeclared_reads_are_all_told_in_one_error(place, tmp_path):
    code = "for name in ('secret.txt', 'link.txt', 'secret.txt'): open(name).read()"
    error = accused(place, code, tmp_path)
    assert "deed read link.txt, secret.txt, which are no declared input" in error["message"]
    assert "Declare them as inputs" in error["next_step"]


def test_nothing_is_told_of_the_artifacts_of_an_accused_action(place, tmp_path):
    runner = place.runner(tmp_path / "log")
    runner.send(place.request("open('secret.txt').read()", tmp_path / "stage"))
    events = list(runner.events)
    assert of_type(events, "artifact") == of_type(events, "result") == []
    assert runner.end()[0] == 3


@pytest.mark.parametrize(
    "code",
    [
        "file.read_text(); open(file.parent / 'given.txt').read()",
        "import os; os.chdir(folder); open('one.txt').read(); os.chdir('..')",
        "[p.read_text() for p in folder.rglob('*.txt')]",
        "open(folder / 'through/deep/secret.txt').read()",  # the folder's digest covers it
        "made.read_text(); (tree / 'part').read_text(); list(tree.iterdir())",
        "import shutil; (tree / 'sub/deep').mkdir(parents=True); shutil.rmtree(tree / 'sub')",
        "(tree / 'x').write_text('x'); (tree / 'x').rename(tree / 'y'); (tree / 'y').read_text()",
        "open(outside + '/library.txt').read(); __import__('os').listdir(outside)",
        "import importlib, wave, html.parser",
        "from aqm_runner.runner import digests; print(digests.digest_folder(folder))",
        "import os, pathlib; pathlib.Path('secret.txt').stat(); os.path.exists('hidden')",
        "import contextlib\nwith contextlib.suppress(OSError): open('absent.txt')",
        "import contextlib, os\nwith contextlib.suppress(OSError): os.listdir('absent')",
        "import os; open('mine', 'w').write('x'); open('mine').read(); os.rename('mine', 'yours');"
        " open('yours').read(); os.remove('yours')",
        "import sqlite3; c = sqlite3.connect(tree / 'new.db'); c.execute('CREATE TABLE t (x)')",
        "import sqlite3; sqlite3.connect(':memory:').close()",
        "import tempfile; f = tempfile.NamedTemporaryFile(dir='.'); f.write(b'x'); f.seek(0)",
        "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', ''], check=True)",
        "import linecache; linecache.getlines('aqm_runner/runner/server.py')",
    ],
)
def test_what_is_declared_made_or_outside_is_no_undeclared_read(place, honest, tmp_path, code):
    honest.send(place.request(code, tmp_path / "stage"))
    events = honest.events.until("idle", job=code)
    assert [event["role"] for event in of_type(events, "artifact")] == ["made", "tree"]


def test_libraries_that_live_in_the_workspace_may_be_read(place, tmp_path):
    place.write("libraries/some_library/__init__.py", "X = open(__file__).read()\n")
    place.write("libraries/some_library/data.txt", "data")
    runner = Runner(
        tmp_path / "log",
        cwd=place.root,
        PYTHONPATH=f"{place.package}:{place.root / 'libraries'}",
    )
    code = "import some_library; open(some_library.__path__[0] + '/data.txt').read()"
    runner.send(place.request(code, tmp_path / "stage"))
    runner.events.until("idle")
    assert runner.end()[0] == 0
    assert str(place.root) not in sys.prefix


def test_each_action_of_a_job_is_judged_by_its_own_declarations(place, tmp_path):
    document = place.request("open('secret.txt').read()", tmp_path / "first")
    second = place.request("open('secret.txt').read()", tmp_path / "second")["actions"][0]
    first = document["actions"][0]
    first["inputs"]["file"] |= {"path": str(place.root / "secret.txt")}
    document["actions"].append(second | {"id": "second"})
    runner = place.runner(tmp_path / "log")
    runner.send(json.dumps(document))
    events = list(runner.events)
    assert [event["action"] for event in of_type(events, "result")] == ["deed"]
    assert (events[-1]["reason"], events[-1]["action"]) == ("undeclared_read", "second")
    assert runner.end()[0] == 3


def test_of_a_folder_that_is_taken_in_part_only_that_part_may_be_read(place, honest, tmp_path):
    def part(code: str, stage: Path) -> dict[str, Any]:
        document = place.request(code, stage)
        document["actions"][0]["inputs"]["folder"]["include"] = ["*.txt"]
        return document

    link = "import os; os.symlink(folder / 'one.txt', tree / 'to'); open(tree / 'to').read()"
    for code in ("list(folder.rglob('*')); open(folder / 'one.txt').read()", link):
        honest.send(part(code, tmp_path / code[:4]))
        honest.events.until("idle", job=code)
    place.write("given/other.md", "not taken")
    runner = place.runner(tmp_path / "log")
    runner.send(part("open(folder / 'other.md').read()", tmp_path / "stage"))
    error = list(runner.events)[-1]
    assert (error["reason"], error["file"]) == ("undeclared_read", "given/other.md")
    assert runner.end()[0] == 3


def test_an_error_that_nobody_foresaw_is_in_the_log_of_its_job(place, tmp_path):
    runner = place.runner(tmp_path / "log")
    log = tmp_path / "job.log"
    runner.send(place.request("1 / 0", tmp_path / "stage") | {"log": str(log)})
    error = list(runner.events)[-1]
    assert (error["class"], error["reason"]) == ("bug", "unforeseen")
    assert "log" in error["next_step"]
    assert runner.end()[0] == 5
    text = log.read_text()
    assert text.startswith("Traceback (most recent call last):")
    assert "ZeroDivisionError: division by zero" in text
