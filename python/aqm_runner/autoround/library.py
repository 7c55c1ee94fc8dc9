"""The package auto-round, imported late, and only in the version that its workarounds are for."""

import logging
from dataclasses import asdict
from importlib import import_module, metadata
from importlib.util import find_spec
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
    if find_spec("auto_round") is None:
        raise unsupported_here(
            "no_auto_round",
            "This Python environment has no AutoRound (the package auto-round).",
            next_step=NEXT_STEP,
        )
    found = metadata.version("auto-round")
    if found != VERSION:
        raise unsupported_here(
            "auto_round_version",
            f"AutoRound {found} is installed; its insides are used in the way of {VERSION}.",
            next_step=NEXT_STEP,
        )


def part(name: str) -> ModuleType:
    """Returns a module of the package, for example `auto_scheme.delta_loss`."""
    module = import_module(f"auto_round.{name}")
    # It tells of every layer; what concerns a person is told by the op.
    logging.getLogger("autoround").setLevel(logging.ERROR)
    return module


def all_fields(scheme: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that AutoRound gives to layers: those of a format, and all others."""
    return asdict(part("schemes").QuantizationScheme.from_dict(scheme))
