"""A runner in a process of its own, as the TypeScript side starts it, and an op's context."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place
from aqm_runner.runner.registry import OPS, load_op
from aqm_runner.runner.replicas import Replica
from aqm_runner.runner.requests import compile_schema

PYTHON_ROOT = Path(__file__).parents[1]
# For what hangs, in seconds: a machine may be as busy as it likes.
PATIENCE = 1200
EVENT_SCHEMA = compile_schema("event")


class FakeContext:
    """Collects what an op tells; nothing is cancelled."""

    def __init__(self, device: str = "cpu", replicas: tuple[Replica, ...] = ()) -> None:
        self.device = device
        self.replicas = replicas
        self.partials = Partials()
        self.phases: list[tuple[str, int | None]] = []
        self.steps: list[int] = []
        self.warnings: list[str] = []
        self.messages: list[str] = []

    def phase(self, name: str, total: int | None) -> None:
        self.phases.append((name, total))

    def step(self, done: int) -> None:
        self.steps.append(done)

    def warning(self, code: str, message: str) -> None:
        self.warnings.append(code)
        self.messages.append(message)

    def sample_memory(self) -> None:
        pass

    def note_gpu_memory(self, peak: int | None) -> None:
        pass

    def check_cancelled(self) -> None:
        pass


def place(path: Path, kind: str) -> Place:
    return Place(path, kind, f"given/{path.name}")


def kinds_of(op: str) -> dict[str, str]:
    """Returns role to kind of all inputs that some action of the op may have."""
    declared = OPS[op]
    kinds = declared.inputs | declared.optional_inputs
    for by_value in declared.inputs_by.values():
        for more in by_value.values():
            kinds = kinds | more
    return kinds


def run_op(
    op: str,
    params: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    context: FakeContext | None = None,
) -> dict[str, Any]:
    """Runs an op in this process; all outputs go to `output/<role>`."""
    kinds = kinds_of(op)
    return load_op(op).run(
        context or FakeContext(),
        params,
        {role: place(path, kinds[role]) for role, path in inputs.items()},
        {role: place(output / role, kind) for role, kind in OPS[op].outputs.items()},
    )


def run_together(
    paramses: list[dict[str, Any]],
    inputs: dict[str, Path],
    output: Path,
    context: FakeContext | None = None,
    partials: list[Partials] | None = None,
) -> list[list[Outcome]]:
    """Scores formats as one batch in this process; returns its outcomes, a list a group.

    The scores of the format X go to `output/X/scores`; `partials` are those of each format.
    """
    module = load_op("sensitivity_scores")
    kinds = kinds_of("sensitivity_scores")
    members = [
        Member(
            params["format"]["name"],
            params,
            {role: place(path, kinds[role]) for role, path in inputs.items()},
            {"scores": place(output / params["format"]["name"] / "scores", "file")},
            kept,
        )
        for params, kept in zip(paramses, partials or [Partials() for _ in paramses], strict=True)
    ]
    return list(module.run_batch(context or FakeContext(), members))


def action(
    op: str, params: dict[str, Any], inputs: dict[str, Path], output: Path, **changes: Any
) -> dict[str, Any]:
    """Returns an action of a request with the same meaning as `run_op`."""
    kinds = kinds_of(op)
    spot = lambda path, kind: {"path": str(path), "kind": kind, "name": f"given/{path.name}"}  # noqa: E731
    return {
        "id": op,
        "op": op,
        "version": OPS[op].version,
        "params": params,
        "inputs": {role: spot(path, kinds[role]) for role, path in inputs.items()},
        "outputs": {role: spot(output / role, kind) for role, kind in OPS[op].outputs.items()},
    } | changes


def request(job: str, *actions: dict[str, Any], device: str = "cpu") -> dict[str, Any]:
    """Returns a request; `| {"replicas": [...]}` gives it processes on further devices."""
    return {
        "protocol": 1,
        "job": job,
        "device": device,
        "workspace": "/anywhere",
        "actions": list(actions),
    }


class EventReader:
    """Reads, checks and hands out the events of a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.seen: list[dict[str, Any]] = []
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stream = os.fdopen(descriptor, encoding="utf-8")
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        with self._stream:
            for line in self._stream:
                self._queue.put(json.loads(line))
        self._queue.put(None)

    def until(self, type_: str, **fields: Any) -> list[dict[str, Any]]:
        """Returns the events up to and including the first that matches."""
        found = []
        for event in self:
            found.append(event)
            if event["type"] == type_ and all(event.get(k) == v for k, v in fields.items()):
                return found
            assert event["type"] != "error", event
        raise AssertionError(f"no {type_} {fields}; last seen: {self.seen[-3:]}")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (event := self._queue.get(timeout=PATIENCE)) is not None:
            EVENT_SCHEMA.validate(event)
            assert event["seq"] == len(self.seen)
            self.seen.append(event)
            yield event
        self._queue.put(None)  # for whoever asks again


class Runner:
    """A `python -m aqm_runner` process."""

    def __init__(self, log: Path, cwd: Path | None = None, **env: str) -> None:
        reader, writer = os.pipe()
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aqm_runner"],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=cwd or log.parent,
            env=os.environ | {"PYTHONPATH": str(PYTHON_ROOT), "AQM_EVENTS_FD": str(writer)} | env,
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        self.events = EventReader(reader)

    def send(self, document: Any) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def run(self, job: str, *actions: dict[str, Any]) -> list[dict[str, Any]]:
        """Sends a job and returns its events up to `idle`."""
        self.send(request(job, *actions))
        return self.events.until("idle", job=job)

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Ends standard input; returns the exit code and the events not yet read."""
        self.process.stdin.close()
        rest = list(self.events)
        code = self.process.wait(timeout=PATIENCE)
        self._log.close()
        return code, rest


def of_type(events: list[dict[str, Any]], type_: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == type_]
