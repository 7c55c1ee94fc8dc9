"""The process that has vLLM: reads a folder a line from standard input, answers on a descriptor.

Started by `process.py`, with the device as JSON and the number of the descriptor. vLLM and what it
imports print what they like on standard output, which is why answers do not go there.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aqm_runner.serving.device import device_of, pretend
from aqm_runner.serving.generation import generate
from aqm_runner.serving.levels import check, start


def main(arguments: list[str]) -> None:
    """Answers until standard input ends."""
    device, answers = device_of(json.loads(arguments[0])), int(arguments[1])
    _end_with_parent()
    with os.fdopen(answers, "w", encoding="utf-8") as out:

        def tell(answer: dict[str, Any]) -> None:
            out.write(json.dumps(answer) + "\n")
            out.flush()

        if device.capability is not None:
            pretend(device.capability)
        start()
        tell({"ready": _described(device.kind)})
        for line in sys.stdin:
            asked = json.loads(line)
            folder = Path(asked["folder"])
            found = check(folder)
            if device.kind == "cuda" and found["level"] is None:
                found |= generate(folder, asked["simulated"])
            tell(found)


def _described(kind: str) -> dict[str, Any]:
    """Returns vLLM's version, and the name of a real GPU."""
    import torch
    import vllm
    from vllm.platforms import current_platform

    # Without its extensions vLLM finds no kernels, and would say so of every folder.
    if kind != "cpu":
        import vllm._custom_ops

        assert hasattr(torch.ops._C, "cutlass_scaled_mm"), "vLLM's extensions do not load"
    gpu = current_platform.get_device_name() if kind == "cuda" else None
    return {"vllm": vllm.__version__, "gpu": gpu}


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, since its answers would not be read."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
