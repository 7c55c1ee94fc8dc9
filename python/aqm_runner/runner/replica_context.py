"""What code of an op has in a replica, as it has `context` in the runner."""

import sys
import traceback
from collections.abc import Callable
from typing import Any

from aqm_runner.runner.classify import classify, let_go
from aqm_runner.runner.failures import RunnerError


class ReplicaContext:
    """Takes phases, steps and warnings, and drops them: the runner tells the same of its own work.

    Args:
        channel: A `runner.channel.Channel` to the runner.

    Attributes:
        device: "cpu" or "cuda".
    """

    def __init__(self, channel: Any) -> None:
        self.device = channel.device
        self._meter = channel.meter

    def phase(self, name: str, total: int | None) -> None:
        """Drops a phase."""

    def step(self, done: int) -> None:
        """Drops a step."""

    def warning(self, code: str, message: str) -> None:
        """Drops a warning."""

    def sample_memory(self) -> None:
        """Notes the memory peak before something resets the device's own counter."""
        self._meter.sample()


def attempted(compute: Callable[[], Any]) -> tuple[Any, RunnerError | None]:
    """Returns what `compute` returns, or why it failed; the log then has the traceback."""
    try:
        return compute(), None
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        let_go(error)
        return None, classify(error)
