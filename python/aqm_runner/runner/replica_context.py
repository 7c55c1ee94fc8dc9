"""What code of an op sees in a replica, as `context` is what it sees in the runner."""

from typing import Any


class ReplicaContext:
    """Tells nobody of phases, steps and warnings: those of the runner are the same.

    Args:
        channel: A `runner.channel.Channel` to the runner.

    Attributes:
        device: "cpu" or "cuda".
        replicas: Empty: only the runner has replicas.
    """

    replicas = ()

    def __init__(self, channel: Any) -> None:
        self.device = channel.device
        self._meter = channel.meter

    def phase(self, name: str, total: int | None) -> None:
        """Tells nobody."""

    def step(self, done: int) -> None:
        """Tells nobody."""

    def warning(self, code: str, message: str) -> None:
        """Tells nobody."""

    def sample_memory(self) -> None:
        """Notes the memory peak before something resets the device's own counter."""
        self._meter.sample()
