"""What is told of an action that ended: its artifacts, resources and result, or its failure."""

import platform
from importlib import metadata
from typing import Any

from aqm_runner.runner.meters import Meter
from aqm_runner.runner.protocol import EventWriter
from aqm_runner.runner.registry import Op


class Report:
    """Tells of the actions of one request.

    Attributes:
        request: The request.
        meter: Measures what runs; reset by the caller at each start.
    """

    def __init__(self, events: EventWriter, request: Any) -> None:
        self._events = events
        self.request = request
        self.meter = Meter()

    def result(
        self, action: str, op: Op, outputs: dict[str, Any], seconds: float, facts: Any
    ) -> None:
        """Emits `artifact` for each output, `resource` and `result`.

        Args:
            action: The action's id.
            op: The op's declaration.
            outputs: Role to place; whole.
            seconds: What the action took, or its share of what a batch took.
            facts: As the op returned them.
        """
        from aqm_runner.runner.digests import digest_place

        ids = {"job": self.request.job, "action": action}
        for role, place in sorted(outputs.items()):
            digest, size = digest_place(place.path, place.kind)
            self._events.emit("artifact", **ids, role=role, digest=digest, size=size)
        self._events.emit("resource", **ids, **self.meter.peaks())
        on_gpu = self.request.device == "cuda" and op.uses_device
        # Each replica has a device for as long as the job takes.
        devices = 1 + len(self.request.replicas)
        seconds = round(seconds, 3)
        self._events.emit(
            "result",
            **ids,
            seconds=seconds,
            gpu_seconds=round(seconds * devices, 3) if on_gpu else 0,
            tools={"python": platform.python_version()}
            | {name: metadata.version(name) for name in op.tools},
            facts=facts,
        )

    def failed(self, action: str, error: Any) -> None:
        """Emits `failed`: this action has no result, the others of the job go on."""
        from aqm_runner.runner.errors import error_fields, print_traceback

        fields = error_fields(error, self.request.job, action)
        print_traceback(fields)
        fields.pop("traceback")
        self._events.emit("failed", **fields)
