"""What a replica hears of the runner, and tells it: see `replicas`."""

import io
import os
import pickle
import queue
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from aqm_runner.runner.meters import Meter


class _Packer(pickle.Pickler):
    """Packs of a tensor that is part of another only that part: else each has all of the data."""

    def reducer_override(self, value: Any) -> Any:
        """Returns how a value is packed; NotImplemented where that is as usual."""
        torch = sys.modules.get("torch")
        if torch is None or type(value) is not torch.Tensor:
            return NotImplemented
        whole = value.untyped_storage().nbytes()
        return NotImplemented if whole == value.nbytes else value.clone().__reduce_ex__(2)


def packed(message: Any) -> bytes:
    """Returns a message in bytes; what it holds must be known to `pickle`."""
    stream = io.BytesIO()
    _Packer(stream).dump(message)
    return stream.getvalue()


class Channel:
    """A replica's end of the pipe.

    A thread hears, so that this process ends with the runner whatever it does at that moment, and
    the runner never waits for it to import.

    Args:
        pipe: To the runner.
        device: "cpu" or "cuda", as of the job.

    Attributes:
        device: As given.
        meter: Measures this process.
    """

    def __init__(self, pipe: Connection, device: str) -> None:
        self.device = device
        self.meter = Meter()
        self._pipe = pipe
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._hear, name="runner watch", daemon=True).start()

    def receive(self) -> Any:
        """Waits for a message."""
        return pickle.loads(self._heard.get())

    def send(self, message: Any) -> None:
        """Sends a message; what it holds must be known to `pickle`."""
        try:
            self._pipe.send_bytes(packed(message))
        except OSError:
            os._exit(0)

    def _hear(self) -> None:
        try:
            while True:
                self._heard.put(self._pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
