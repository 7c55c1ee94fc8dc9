"""The loop: a request in, its actions one after the other, events out, and the next request.

Actions that are alike in all but what their op can vary run as one batch (see `batch`).

Exit codes: 0 end of input, 2 bad request, 3 gate failed, 4 out of memory, 5 any other failure,
130 cancelled. After any error the process ends, since its state is not to be trusted.
"""

import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aqm_runner.runner.protocol import (
    EventWriter,
    exit_at_once,
    start_cancel_watch,
    start_heartbeat,
    start_parent_watch,
)
from aqm_runner.runner.registry import OPS
from aqm_runner.runner.report import Report
from aqm_runner.runner.secrets import Discreet


def main() -> None:
    """Runs the server on standard input and AQM_EVENTS_FD; does not return."""
    descriptor = os.environ.pop("AQM_EVENTS_FD", "")
    if not descriptor.isdigit():
        sys.stderr.write("aqm_runner: AQM_EVENTS_FD must hold the number of the event descriptor\n")
        sys.exit(2)
    # Libraries print errors with addresses and headers in them; logs are kept.
    sys.stdout, sys.stderr = Discreet(sys.stdout), Discreet(sys.stderr)
    Server(EventWriter(int(descriptor))).serve()


class Server:
    """Holds what outlives one job: the event stream and the cancel flag."""

    def __init__(self, events: EventWriter) -> None:
        self._events = events
        self._cancelled = threading.Event()
        self._job: str | None = None
        self._action: str | None = None
        self._reads: Any = None
        self._replicas: tuple[Any, ...] = ()

    def serve(self) -> None:
        """Serves requests until standard input ends; ends the process."""
        start_cancel_watch(self._cancel)
        start_parent_watch()
        versions = OPS.versions()
        self._events.emit("hello", pid=os.getpid(), python=platform.python_version(), ops=versions)
        start_heartbeat(self._events)
        # Only now: `hello` should not wait for the schema library.
        from aqm_runner.runner.errors import error_fields, exit_code, print_traceback
        from aqm_runner.runner.reads import ReadGuard
        from aqm_runner.runner.requests import RequestReader

        reader = RequestReader()
        self._reads = ReadGuard()
        try:
            while line := sys.stdin.buffer.readline():
                if line.strip():
                    self._run_job(reader.read(line))
        except BaseException as error:
            fields = error_fields(error, self._job, self._action)
            sys.stdout.flush()
            print_traceback(fields)
            sys.stderr.flush()
            # Not sys.exit: a thread of a library could keep a failed process, and its GPU, alive.
            self._events.emit_and_exit(exit_code(fields["class"]), **fields)
        exit_at_once()

    def _run_job(self, request: Any) -> None:
        from aqm_runner.runner.batch import is_batch, run_batch
        from aqm_runner.runner.replicas import end_replicas, start_replicas
        from aqm_runner.runner.requests import check_action

        self._job = request.job
        if request.log is not None:
            _print_to(request.log)
        report = Report(self._events, request)
        # Before the op is imported here: both take many seconds.
        self._replicas = start_replicas(request)
        if is_batch(request.actions):
            # From before the import: a module of the workspace would be a read like any other.
            self._watch_reads(request, request.actions)
            module = self._load(request, request.actions[0].op, None)
            guilty = run_batch(report, module, self._context(report, None), self._reads)
            if guilty is not None:
                self._action = guilty.member.id
                raise guilty.error
        else:
            for action in request.actions:
                self._action = action.id
                self._watch_reads(request, [action])
                check_action(action)
                module = self._load(request, action.op, action.id)
                self._run_action(report, action, module)
                self._action = None
        end_replicas(self._replicas)
        self._events.emit("idle", job=request.job)
        self._job = None

    def _watch_reads(self, request: Any, actions: list[Any]) -> None:
        places = [
            place
            for action in actions
            for place in (*action.inputs.values(), *action.outputs.values())
        ]
        self._reads.begin(request.workspace, places)

    def _load(self, request: Any, op: str, action: str | None) -> Any:
        from aqm_runner.runner.registry import load_op
        from aqm_runner.runner.replicas import check_serves

        if f"aqm_runner.ops.{op}" not in sys.modules:
            # The libraries of a model take a dozen seconds: say what is being waited for.
            ids = {"job": request.job, "action": action}
            self._events.emit("phase", **ids, name="import", total=None)
        module = load_op(op)
        if self._replicas:
            check_serves(module, op)
        return module

    def _context(self, report: Any, action: str | None) -> Any:
        from aqm_runner.runner.context import Context

        report.meter.reset()
        return Context(
            self._events,
            report.request.job,
            action,
            device=report.request.device,
            meter=report.meter,
            cancelled=self._cancelled,
            replicas=self._replicas,
        )

    def _run_action(self, report: Any, action: Any, module: Any) -> None:
        from aqm_runner.runner.partial_origin import open_partials
        from aqm_runner.runner.reads import undeclared_read

        context = self._context(report, action.id)
        context.partials = open_partials(action, context, self._reads)
        start = time.monotonic()
        facts = module.run(context, action.params, action.inputs, action.outputs)
        seconds = time.monotonic() - start
        undeclared = self._reads.end()
        if undeclared:
            raise undeclared_read(action.op, undeclared)
        facts = facts | context.partials.facts()
        report.result(action.id, OPS[action.op], action.outputs, seconds, facts)

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
