"""The event stream: NDJSON on a descriptor of its own, and the threads that watch over it.

Events never go to standard output: libraries print there. The descriptor's number is in
AQM_EVENTS_FD. The heartbeat's period in seconds may be set in AQM_HEARTBEAT_SECONDS.
"""

import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

DEFAULT_HEARTBEAT_SECONDS = 5.0
PARENT_POLL_SECONDS = 0.5
EXIT_ORPHANED = 5

# Where null has a meaning: that a value is not known, or that all actions of the job are meant.
NULLABLE = {
    "resource": {"peak_gpu_memory_bytes"},
    "phase": {"total", "action"},
    "step": {"action"},
    "warning": {"action"},
}

# Too frequent to be worth a check; the tests check every event of a job all the same.
UNCHECKED = frozenset({"hello", "step", "heartbeat"})


class EventWriter:
    """Numbers, checks and writes events; any thread may call it.

    Args:
        descriptor: Open file descriptor; kept from child processes so that they cannot hold
            the reader's end of the pipe open.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._seq = 0
        self._lock = threading.Lock()
        self._ending = threading.Lock()
        self._validator: Any = None

    def emit(self, type_: str, **fields: Any) -> None:
        """Writes one event; fields that are None are left out, except where that says something.

        Raises jsonschema.ValidationError if the event breaks the schema (a bug of ours). Ends
        the process if the reader is gone: its results would not be used.
        """
        with self._lock:
            event = {"seq": self._seq, "time": round(time.time(), 3), "type": type_}
            kept = NULLABLE.get(type_, ())
            event |= {
                key: value for key, value in fields.items() if value is not None or key in kept
            }
            if type_ not in UNCHECKED:
                self._check(event)
            self._seq += 1
            data = (json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n").encode()
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except BrokenPipeError:
                exit_orphaned()

    def emit_and_exit(self, code: int, **fields: Any) -> None:
        """Writes an `error` event and ends the process at once, from any thread.

        A second caller waits here for the end: one process tells of one error.
        """
        self._ending.acquire()
        try:
            self.emit("error", **fields)
        finally:
            os._exit(code)

    def _check(self, event: dict[str, Any]) -> None:
        if self._validator is None:
            from aqm_runner.runner.requests import compile_schema

            self._validator = compile_schema("event")
        self._validator.validate(event)


def exit_orphaned() -> None:
    """Ends this process and what it started: the workers of a data loader keep a GPU as well."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(EXIT_ORPHANED)


def exit_at_once() -> NoReturn:
    """Ends this process well, and frees nothing in it: that is left to the system.

    What libraries registered for the exit is run. What an op left to threads of its own, or in
    files that it did not close, is lost: its outputs were complete before. Python would wait for
    threads and take all modules apart, and C++ libraries what they hold; PyTorch waits for its own
    threads up to 10 s, and a build waits for its runner.
    """
    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(0)


def start_heartbeat(events: EventWriter) -> None:
    """Starts the thread that emits `heartbeat`; a dead reader is noticed by it too."""
    period = float(os.environ.get("AQM_HEARTBEAT_SECONDS", DEFAULT_HEARTBEAT_SECONDS))
    _start_daemon("heartbeat", lambda: _every(period, lambda: events.emit("heartbeat")))


def start_parent_watch() -> None:
    """Starts the thread that ends this process when its parent dies, so no orphan keeps a GPU.

    End of file on standard input is not enough: the main thread does not read it during a job,
    and a parent may close it early to say that no further request comes.
    """
    parent = os.getppid()

    def check() -> None:
        if os.getppid() != parent:
            exit_orphaned()

    _start_daemon("parent watch", lambda: _every(PARENT_POLL_SECONDS, check))


def start_cancel_watch(cancel: Callable[[], None]) -> None:
    """Calls `cancel` in a thread of its own as soon as SIGINT arrives.

    Python runs a signal handler between two bytecodes of the main thread, which may be inside a
    native call for minutes; the wake-up descriptor is written by the C handler itself.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while signal.SIGINT not in os.read(reader, 1):
            pass
        cancel()

    _start_daemon("cancel watch", wait)


def _every(seconds: float, do: Callable[[], None]) -> None:
    while True:
        time.sleep(seconds)
        do()


def _start_daemon(name: str, body: Callable[[], None]) -> None:
    threading.Thread(target=body, name=name, daemon=True).start()
