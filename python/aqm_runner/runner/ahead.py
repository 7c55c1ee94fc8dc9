"""Imports an op before there is a job for it: `python -m aqm_runner.runner.ahead OP`.

Runs in the workspace, and becomes the runner when the op is imported. What the import reads is
watched as in a job. A process that read what it must not, that cannot import the op, or that has
begun to use a device, which is nobody's yet, ends: the job finds that out in a runner of its own.
Exit codes: 3 for such a read, 5 for a device, 1 for an op that cannot be imported.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

from aqm_runner.runner.bytecode import keep_bytecode
from aqm_runner.runner.reads import ReadGuard
from aqm_runner.runner.registry import load_op
from aqm_runner.runner.server import main as serve


def main() -> None:
    """Imports the op that is named on the command line, then serves; does not return."""
    guard = ReadGuard()
    guard.begin(Path.cwd(), [])
    with capability_of_driver():
        load_op(sys.argv[1])
    if guard.end():
        sys.exit(3)
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        sys.exit(5)
    serve()


@contextlib.contextmanager
def capability_of_driver() -> Iterator[None]:
    """Has the driver's tool answer for a while what kind of device the first one is.

    ModelOpt 0.47.0 asks that when it is imported, and PyTorch would begin to use the device in
    order to answer. Where the tool gives no answer, PyTorch is asked.
    """
    known = _capability(os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0])
    if known is None or util.find_spec("torch") is None:
        yield
        return
    keep_bytecode()  # before PyTorch, which is most of what is to be compiled
    import torch

    original = torch.cuda.get_device_capability
    importing = True

    # A module may take the function with it, so that this one has to be right afterwards, too.
    def capability(device: Any = None) -> tuple[int, int]:
        first = importing and device is None and not torch.cuda.is_initialized()
        return known if first else original(device)

    torch.cuda.get_device_capability = capability
    try:
        yield
    finally:
        importing = False
        torch.cuda.get_device_capability = original


def _capability(device: str) -> tuple[int, int] | None:
    """Returns the compute capability of a device; None where nobody says it without using it."""
    if not device:
        return None
    command = ["nvidia-smi", f"--id={device}", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    major, _, minor = told.stdout.strip().partition(".")
    if told.returncode != 0 or not (major.isdigit() and minor.isdigit()):
        return None
    return int(major), int(minor)


if __name__ == "__main__":
    main()
