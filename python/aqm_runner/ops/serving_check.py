"""Op serving_check: what vLLM says of an exported folder.

Input `checkpoint` (folder), output `status` (JSON). Errors: unsupported_here `no_vllm`.
"""

from importlib.util import find_spec
from typing import Any

from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Refuses until the check is there."""
    del context, params, inputs, outputs
    there = "" if find_spec("vllm") is None else ", though it is installed"
    raise unsupported_here("no_vllm", f"vLLM cannot be asked yet{there}.")
