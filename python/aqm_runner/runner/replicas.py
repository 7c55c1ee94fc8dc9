"""Further processes of a job, each on a device of its own, with the op of the job imported.

The runner computes on the first device of a job. For each further one it starts a replica before it
imports the op itself, since both take many seconds. What they say to each other is the op's matter:
its module has `serve_replica(channel)`.

A replica ends when the runner does, in whatever way. One that was killed tells nothing, and its job
cannot go on: the runner ends as it did, at once, so that aqm makes the same of it as of a killed
runner. One that ended by itself, since it could not import the op, say, is told of where the op
needs it: perhaps the runner cannot either, and tells why, or the op can do without.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Pipe
from typing import Any

from aqm_runner.runner.channel import packed
from aqm_runner.runner.failures import BUG, RunnerError, bad_request

# What a replica runs; it looks for modules where the runner does.
PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from aqm_runner.runner.replica_process import main
main(int(sys.argv[2]), sys.argv[3], sys.argv[4])
"""


class Replica:
    """A process beside the runner.

    Args:
        op: Name of the op that it imports.
        kind: "cpu" or "cuda", as of the job.
        device: What CUDA_VISIBLE_DEVICES calls its device; on a CPU any word.

    Attributes:
        name: The device, for messages.
        pid: The process.
        ended: Whether `end` was called.
    """

    def __init__(self, op: str, kind: str, device: str) -> None:
        self.name = f"GPU {device}" if kind == "cuda" else device
        self._pipe, theirs = Pipe()
        seen = {"CUDA_VISIBLE_DEVICES": device if kind == "cuda" else ""}
        place = str(theirs.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(sys.path), place, op, kind],
            stdin=subprocess.DEVNULL,
            env=os.environ | seen,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()  # or the end of the process would not be heard
        self.pid = self._process.pid
        self.ended = False
        self._watch = threading.Thread(target=self._watch_it, name="replica watch", daemon=True)
        self._watch.start()

    def send(self, message: Any) -> None:
        """Sends a message; what it holds must be known to `pickle`.

        Raises:
            RunnerError: `replica_ended`.
        """
        try:
            self._pipe.send_bytes(packed(message))
        except OSError as error:
            raise self._has_ended() from error

    def receive(self) -> Any:
        """Waits for a message. Raises as `send`."""
        try:
            return pickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._has_ended() from error

    def has_told(self) -> bool:
        """Returns whether there is a message, or an end, so that `receive` does not wait."""
        return self._pipe.poll()

    def kill(self) -> None:
        """Kills the process, and does not wait for its end; may be called again."""
        self.ended = True
        self._process.kill()

    def end(self) -> None:
        """Ends the process and waits for that; may be called again."""
        self.kill()
        self._watch.join()
        self._pipe.close()

    def _has_ended(self) -> RunnerError:
        self._watch.join()
        return RunnerError(
            BUG,
            "replica_ended",
            f"the process on {self.name} ended with code {self._process.returncode}; the log says "
            "why",
        )

    def _watch_it(self) -> None:
        code = self._process.wait()
        if self.ended or code >= 0:
            return
        how = signal.Signals(-code).name
        sys.stderr.write(
            f"The process of this job on {self.name} ended by {how}, and so does this.\n"
        )
        sys.stderr.flush()
        os.kill(os.getpid(), -code)


def start_replicas(request: Any) -> tuple[Replica, ...]:
    """Starts a replica for each further device of a request, which has actions of one op."""
    op = request.actions[0].op
    return tuple(Replica(op, request.device, device) for device in request.replicas)


def check_serves(module: Any, op: str) -> None:
    """Raises bad_request `no_replicas` for an op that leaves further devices idle."""
    if not hasattr(module, "serve_replica"):
        raise bad_request(
            "no_replicas",
            f"{op} works on one device, and its job has more.",
            next_step="Take upToGpus out of the resources of the action's rule.",
        )


def end_replicas(replicas: Sequence[Replica]) -> None:
    """Ends all, side by side: a device takes a second or two to let go of a process."""
    for replica in replicas:
        replica.kill()
    for replica in replicas:
        replica.end()
