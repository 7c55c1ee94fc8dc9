"""The process of a replica: see `replicas`."""

import os
import signal
import sys
from multiprocessing.connection import Connection

from aqm_runner.runner.channel import Channel
from aqm_runner.runner.registry import load_op
from aqm_runner.runner.secrets import Discreet


def main(descriptor: int, op: str, device: str) -> None:
    """Serves the runner at the other end of a descriptor; does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner is told as well, and ends
    sys.stdout, sys.stderr = Discreet(sys.stdout), Discreet(sys.stderr)
    os.set_inheritable(descriptor, False)  # what a replica starts must not keep the pipe open
    channel = Channel(Connection(descriptor), device)
    module = load_op(op)
    if hasattr(module, "serve_replica"):
        module.serve_replica(channel)
    channel.receive()  # the runner says that nothing serves it, and ends
