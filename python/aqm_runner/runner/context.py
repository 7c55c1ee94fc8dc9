"""What an op sees of the world around it."""

import threading
import time
from typing import TYPE_CHECKING, Any

from aqm_runner.runner.failures import CANCELLED, RunnerError
from aqm_runner.runner.meters import Meter
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.protocol import EventWriter

if TYPE_CHECKING:
    from aqm_runner.runner.replicas import Replica

STEP_SECONDS = 0.05


class Context:
    """Progress and warnings of one action, or of a batch, tied to its job and id.

    Args:
        events: Where events go.
        job: The job's id.
        action: The action's id; None where what is told concerns all actions of the job.
        device: "cpu" or "cuda".
        meter: Measures the action.
        cancelled: Set once the job is to stop.
        replicas: Processes on further devices of the job.

    Attributes:
        device: As given.
        replicas: As given.
        partials: The action's partial results; in a batch each member has its own instead.
    """

    def __init__(
        self,
        events: EventWriter,
        job: str,
        action: str | None,
        device: str,
        meter: Meter,
        cancelled: threading.Event,
        replicas: "tuple[Replica, ...]" = (),
    ) -> None:
        self.device = device
        self.replicas = replicas
        self.partials = Partials()
        self._events = events
        self._ids = {"job": job, "action": action}
        self._meter = meter
        self._cancelled = cancelled
        self._total: int | None = None
        self._last_step = 0.0

    def phase(self, name: str, total: int | None) -> None:
        """Says that a stretch of work begins; `total` steps, or None if not known."""
        self.check_cancelled()
        self._total = total
        self._last_step = 0.0
        self._emit("phase", name=name, total=total)

    def step(self, done: int) -> None:
        """Says how many steps of the phase are done; at most 20 events a second, and the last."""
        self.check_cancelled()
        now = time.monotonic()
        if done == self._total or now - self._last_step >= STEP_SECONDS:
            self._last_step = now
            self._emit("step", done=done)

    def warning(self, code: str, message: str) -> None:
        """Tells of something that a person should know but that does not make the result wrong."""
        self._emit("warning", code=code, message=message)

    def sample_memory(self) -> None:
        """Notes the memory peak before something resets the device's own counter."""
        self._meter.sample()

    def note_gpu_memory(self, peak: int | None) -> None:
        """Notes the memory peak, in bytes, of a device that a replica is on."""
        self._meter.note(peak)

    def check_cancelled(self) -> None:
        """Raises RunnerError of class cancelled once the job is to stop."""
        if self._cancelled.is_set():
            raise RunnerError(CANCELLED, "interrupted", "The job was cancelled.")

    def _emit(self, type_: str, **fields: Any) -> None:
        self._events.emit(type_, **self._ids, **fields)
