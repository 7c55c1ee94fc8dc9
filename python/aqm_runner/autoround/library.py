"""The package auto-round, imported late, and only in the version that its workarounds are for."""

import logging
from dataclasses import asdict
from importlib import metadata
from types import ModuleType
from typing import Any

from aqm_runner.runner.failures import unsupported_here

VERSION = "0.16.1"
NEXT_STEP = "Use an environment made from the runner's autoround.lock."


def check_library() -> None:
    """Refuses another environment than that of AutoRound, before any model is loaded.

    Raises:
        RunnerError: unsupported_here `no_auto_round`; `auto_round_version`, since scores are read
            from its insides.
    """
    try:
        found = metadata.version("auto-round")
    except metadata.PackageNotFoundError:
        raise unsupported_here(
            "no_auto_round",
            "This Python environment has no AutoRound (the package auto-round).",
            next_step=NEXT_STEP,
        ) from None
    if found != VERSION:
        raise unsupported_here(
            "auto_round_version",
            f"AutoRound {found} is installed; its insides are used in the way of {VERSION}.",
            next_step=NEXT_STEP,
        )


def part(name: str) -> ModuleType:
    """Returns a module of the package: one of those below.

    Every import is written out, since a key has to see what an op may load.
    """
    if name == "schemes":
        from auto_round import schemes as module
    elif name == "autoround":
        from auto_round import autoround as module
    elif name == "inference.convert_model":
        from auto_round.inference import convert_model as module
    elif name == "auto_scheme.delta_loss":
        from auto_round.auto_scheme import delta_loss as module
    elif name == "auto_scheme.gen_auto_scheme":
        from auto_round.auto_scheme import gen_auto_scheme as module
    elif name == "auto_scheme.utils":
        from auto_round.auto_scheme import utils as module
    elif name == "data_type.utils":
        from auto_round.data_type import utils as module
    elif name == "envs":
        from auto_round import envs as module
    else:
        raise AssertionError(f"{name} is not imported here")
    # It tells of every layer; what concerns a person is told by the op.
    logging.getLogger("autoround").setLevel(logging.ERROR)
    return module


def all_fields(scheme: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that AutoRound gives to layers: those of a format, and all others."""
    return asdict(part("schemes").QuantizationScheme.from_dict(scheme))
