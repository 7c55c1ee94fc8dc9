"""Which INC there is, and whether it is one whose insides are known here."""

from importlib import metadata
from importlib.util import find_spec

from aqm_runner.runner.failures import unsupported_here

# What the workarounds of docs/inc.md were written for.
KNOWN = "2.6"


def require_inc() -> None:
    """Raises unsupported_here `no_inc` without INC, `unknown_inc` for a version not known here."""
    if find_spec("neural_compressor") is None:
        raise unsupported_here(
            "no_inc",
            "This Python has no Intel Neural Compressor.",
            next_step="Let aqm make the environment inc, or name an interpreter that has it.",
        )
    found = version()
    if found != KNOWN:
        raise unsupported_here(
            "unknown_inc",
            f"Intel Neural Compressor {found} is installed; its insides are known for {KNOWN}.",
            next_step="Let aqm make the environment inc from python/inc.lock.",
        )


def version() -> str:
    """Returns the version of the installed INC."""
    return metadata.version("neural-compressor")
