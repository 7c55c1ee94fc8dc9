"""The loop: a request in, its actions one after the other, events out, and the next request.

Exit codes: 0 end of input, 2 bad request, 3 gate failed, 4 out of memory, 5 any other failure,
130 cancelled. After any error the process ends: nobody may trust its state.
"""

import os
import platform
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from aqm_runner.protocol import (
    EventWriter,
    start_cancel_watch,
    start_heartbeat,
    start_parent_watch,
)
from aqm_runner.registry import VERSIONS


def main() -> None:
    """Runs the server on standard input and AQM_EVENTS_FD; does not return."""
    descriptor = os.environ.pop("AQM_EVENTS_FD", "")
    if not descriptor.isdigit():
        sys.stderr.write("aqm_runner: AQM_EVENTS_FD must hold the number of the event descriptor\n")
        sys.exit(2)
    Server(EventWriter(int(descriptor))).serve()


class Server:
    """Holds what outlives one job: the event stream and the cancel flag."""

    def __init__(self, events: EventWriter) -> None:
        self._events = events
        self._cancelled = threading.Event()
        self._job: str | None = None
        self._action: str | None = None
        self._reads: Any = None

    def serve(self) -> None:
        """Serves requests until standard input ends; ends the process."""
        start_cancel_watch(self._cancel)
        start_parent_watch()
        self._events.emit("hello", pid=os.getpid(), python=platform.python_version(), ops=VERSIONS)
        start_heartbeat(self._events)
        # Only now: `hello` should not wait for the schema library.
        from aqm_runner.errors import error_fields, exit_code
        from aqm_runner.reads import ReadGuard
        from aqm_runner.requests import RequestReader

        reader = RequestReader()
        self._reads = ReadGuard()
        try:
            while line := sys.stdin.buffer.readline():
                if line.strip():
                    self._run_job(reader.read(line))
        except BaseException as error:
            fields = error_fields(error, self._job, self._action)
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: a thread of a library could keep a failed process, and its GPU, alive.
            self._events.emit_and_exit(exit_code(fields["class"]), **fields)
        sys.exit(0)

    def _run_job(self, request: Any) -> None:
        from aqm_runner.registry import load_op
        from aqm_runner.requests import check_action

        self._job = request.job
        if request.log is not None:
            _print_to(request.log)
        for action in request.actions:
            self._action = action.id
            if f"aqm_runner.ops.{action.op}" not in sys.modules:
                # The libraries of a model take a dozen seconds: say what is being waited for.
                ids = {"job": request.job, "action": action.id}
                self._events.emit("phase", **ids, name="import", total=None)
            # From before the import: a module of the workspace would be a read like any other.
            places = [*action.inputs.values(), *action.outputs.values()]
            self._reads.begin(request.workspace, [place.path for place in places])
            module = load_op(action.op)
            check_action(action, module)
            self._run_action(request, action, module)
            self._action = None
        self._events.emit("idle", job=request.job)
        self._job = None

    def _run_action(self, request: Any, action: Any, module: Any) -> None:
        from aqm_runner.context import Context
        from aqm_runner.digests import digest_place
        from aqm_runner.meters import Meter
        from aqm_runner.reads import undeclared_read

        ids = {"job": request.job, "action": action.id}
        meter = Meter()
        meter.reset()
        context = Context(
            self._events, **ids, device=request.device, meter=meter, cancelled=self._cancelled
        )
        start = time.monotonic()
        facts = module.run(context, action.params, action.inputs, action.outputs)
        seconds = round(time.monotonic() - start, 3)
        undeclared = self._reads.end()
        if undeclared:
            raise undeclared_read(action.op, undeclared)
        for role, place in sorted(action.outputs.items()):
            digest, size = digest_place(place.path, place.kind)
            self._events.emit("artifact", **ids, role=role, digest=digest, size=size)
        self._events.emit("resource", **ids, **meter.peaks())
        on_gpu = request.device == "cuda" and module.USES_DEVICE
        self._events.emit(
            "result",
            **ids,
            seconds=seconds,
            gpu_seconds=seconds if on_gpu else 0,
            tools={"python": platform.python_version()}
            | {name: metadata.version(name) for name in module.TOOLS},
            facts=facts,
        )

    def _cancel(self) -> None:
        self._cancelled.set()
        self._events.emit_and_exit(
            130,
            **{
                "job": self._job,
                "action": self._action,
                "class": "cancelled",
                "reason": "interrupted",
                "message": "The job was cancelled." if self._job else "The runner was cancelled.",
                "retryable": False,
            },
        )


def _print_to(log: Path) -> None:
    """Appends what this process prints from now on, libraries' own threads included, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
