"""Where partial results come from: what can show in their bits and only the runner knows.

aqm's identity of a partial result has the environment's lock. It cannot know what was installed
(the user may name an interpreter), which Python runs, and on which kind of device.
"""

import functools
import hashlib
import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from aqm_runner.runner.partials import Partials
from aqm_runner.runner.reads import ReadGuard, undeclared_read
from aqm_runner.runner.requests import Action


def open_partials(action: Action, context: Any, reads: ReadGuard) -> Partials:
    """Returns the partial results of an action.

    None is kept once an undeclared file was read: the identity does not know of that file, so an
    item would be reused after it changed. The op stops at once, and not only when it is done.

    Args:
        action: Its `partial` says where they lie.
        context: Gets warnings; knows the device.
        reads: Watches the action.
    """

    def check() -> None:
        undeclared = reads.so_far()
        if undeclared:
            raise undeclared_read(action.op, undeclared)

    if action.partial is None:
        return Partials()
    return Partials(action.partial, origin_digest(context.device), context.warning, check)


def origin_digest(device: str) -> str:
    """Returns 64 hex digits that are the same for the same packages and kind of device.

    Args:
        device: "cpu" or "cuda".
    """
    facts = {"python": platform.python_version(), "packages": _packages(), **_machine(device)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _machine(device: str) -> dict[str, Any]:
    kind = {"system": platform.system(), "machine": platform.machine(), "processor": _processor()}
    if device != "cuda":
        return kind
    import torch  # a runner with a GPU job has loaded it

    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {**kind, "devices": devices}


@functools.cache
def _packages() -> list[str]:
    found = {
        f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions(path=sys.path)
    }
    return sorted(found)


@functools.cache
def _processor() -> str:
    """Returns the model of the processor: matrix products on another one may round differently."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
