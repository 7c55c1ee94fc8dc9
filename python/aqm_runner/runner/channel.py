"""What a replica hears of the runner, and tells it: see `replicas`."""

import os
import pickle
import queue
import threading
from multiprocessing.connection import Connection
from typing import Any


class Channel:
    """A replica's end of the pipe.

    A thread hears, so that this process ends with the runner whatever it does at that moment, and
    the runner never waits for it to import.

    Args:
        pipe: To the runner.
        device: "cpu" or "cuda", as of the job.
    """

    def __init__(self, pipe: Connection, device: str) -> None:
        self.device = device
        self._pipe = pipe
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._hear, name="runner watch", daemon=True).start()

    def receive(self) -> Any:
        """Waits for a message."""
        return pickle.loads(self._heard.get())

    def send(self, message: Any) -> None:
        """Sends a message; what it holds must be known to `pickle`."""
        try:
            self._pipe.send_bytes(pickle.dumps(message))
        except OSError:
            os._exit(0)

    def _hear(self) -> None:
        try:
            while True:
                self._heard.put(self._pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
