"""Processes that are forks of one that has imported ModelOpt: an import takes a dozen seconds."""

import json
import os
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from harness import PATIENCE, PYTHON_ROOT, EventReader, Runner

# Read byte by byte: a fork must not inherit orders that were read ahead. Between this process and
# the one that an order is for is another, which tells the number and the exit code of the latter.
ORIGINAL = """
import gc, json, os, sys
gc.disable()  # as the runner does
import modelopt.torch.quantization, transformers
gc.enable()
orders = open(0, "rb", buffering=0)
while line := orders.readline():
    if os.fork():
        continue
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        exec(order["code"], {"order": order})
        os._exit(0)
    status = open(order["status"], "w")
    print(child, file=status, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=status, flush=True)
    os._exit(0)
"""

# As harness.Runner starts it, but for the import of libraries and the seed of hashes.
RUNNER = """
import os, sys
os.setsid()
os.chdir(order["cwd"])
os.environ.update(order["env"])
log = os.open(order["log"], os.O_WRONLY | os.O_CREAT)
for place, descriptor in ((os.open(order["stdin"], os.O_RDONLY), 0), (log, 1), (log, 2)):
    os.dup2(place, descriptor)
os.environ["AQM_EVENTS_FD"] = str(os.open(order["events"], os.O_WRONLY))
sys.stdin = os.fdopen(0)
from aqm_runner.runner.server import main
main()
"""


class Fork:
    """A process that is no child of this one, with what `subprocess.Popen` offers of one."""

    def __init__(self, status: Path, stdin: Path | None) -> None:
        self.stdin = None if stdin is None else stdin.open("wb", buffering=0)
        self._status = status.open()
        self.pid = int(self._status.readline())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float = PATIENCE) -> int:
        return int(self._status.readline())


class Original:
    """The process that others are forked from. The first fork starts it, if any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forks = 0

    @cached_property
    def _process(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", ORIGINAL],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(PYTHON_ROOT)},
        )

    def fork(self, code: str, pipes: tuple[str, ...] = (), **order: Any) -> Fork:
        """Runs a program in a fork: it finds `order`, and the paths of named pipes in it."""
        self._forks += 1
        paths = {name: self._folder / f"{name} {self._forks}" for name in ("status", *pipes)}
        for path in paths.values():
            os.mkfifo(path)
        named = {name: str(path) for name, path in paths.items()}
        text = json.dumps({"code": code, **order, **named})
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()
        self.paths = paths
        return Fork(paths["status"], paths.get("stdin"))

    def end(self) -> None:
        if self._forks > 0:
            self._process.stdin.close()
            self._process.wait(timeout=PATIENCE)


class ForkedRunner(Runner):
    """A runner with its libraries imported."""

    def __init__(self, original: Original, log: Path, **env: str) -> None:
        log.touch()
        self._log = log.open("rb")
        order = {"cwd": str(log.parent), "log": str(log), "env": env}
        self.process = original.fork(RUNNER, ("stdin", "events"), **order)
        self.events = EventReader(os.open(original.paths["events"], os.O_RDONLY))
