"""Python loads this first where it is on PYTHONPATH: a runner then stops itself once it scores.

A test can kill it there, in the middle, however busy the machine is.
"""

import os
import signal
from typing import Any

from aqm_runner.runner.context import Context

tell = Context.phase


def phase(self: Context, name: str, *total: Any) -> None:
    tell(self, name, *total)
    if name == "score":
        os.kill(os.getpid(), signal.SIGSTOP)


Context.phase = phase
