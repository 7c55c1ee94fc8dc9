"""Which ModelOpt the wraps around its insides were written for."""

from importlib import metadata
from typing import Any

WRAPPED = "0.47.0"


def may_wrap(context: Any) -> bool:
    """Returns whether the installed ModelOpt is the one whose insides are known; warns if not.

    Without the wraps scores are the same, at the price of more time and memory.
    """
    found = metadata.version("nvidia-modelopt")
    if found != WRAPPED:
        context.warning(
            "modelopt_not_wrapped",
            f"ModelOpt {found} is used as it is, since its insides are known for {WRAPPED} only: "
            "every format is calibrated on all data, and output differences stay in memory.",
        )
    return found == WRAPPED
