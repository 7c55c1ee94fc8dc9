"""The document of a serving check: what is recorded of what vLLM said."""

import json
import sysconfig
from pathlib import Path
from typing import Any

from aqm_runner.serving.device import Device
from aqm_runner.serving.levels import lacks_kernel

# A trace is kept for people: its end names the cause.
_LONGEST_TRACE = 4000
_LONGEST_REASON = 600
_MOST_DIFFERENCES = 20


def status_of(
    found: dict[str, Any], device: Device, described: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Returns the document; only `speed`, of a server that ran, depends on the machine.

    Args:
        found: What the process with vLLM answered.
        device: The op's param.
        described: vLLM's version and the name of a real GPU.
        folder: Where the exported folder lies, which its files are named after in traces.
    """

    def clean(text: str | None) -> str | None:
        if text is None:
            return None
        packages = sysconfig.get_paths()["purelib"]
        return text.replace(str(folder), "CHECKPOINT").replace(f"{packages}/", "")

    level, reason = found["level"], clean(found["reason"])
    if level is None:
        status = "loads strictly (not run)" if found.get("answers") is None else "serves"
    elif level == 3 and device.kind == "cpu" and lacks_kernel(found["reason"]):
        # The device's limit and no defect of the folder.
        status, level = "not checked", None
        reason = _bounded(f"vLLM has no kernel for it on a CPU ({reason})", _LONGEST_REASON)
    else:
        status = "rejected"
    compared = found["compared"]
    if compared is not None:
        different = compared["different"]
        more = len(different) - _MOST_DIFFERENCES
        kept = different[:_MOST_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])
        compared = compared | {"different": kept}
    trace = clean(found["trace"])
    return {
        "schema": 1,
        "op": "serving_check",
        "vllm": described["vllm"],
        "device": described["gpu"] or device.label,
        "status": status,
        "level": level,
        "reason": reason and _bounded(reason, _LONGEST_REASON),
        "trace": trace and trace[-_LONGEST_TRACE:],
        "by_default": _bounded(clean(found["by_default"]) or "", _LONGEST_REASON),
        "unquantized": found["unquantized"],
        "compared": compared,
        "answers": found.get("answers"),
        "speed": found.get("speed"),
    }


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def written(status: dict[str, Any]) -> str:
    """Returns the bytes of the document as text."""
    return json.dumps(status, indent=2, ensure_ascii=False) + "\n"
