"""Op inc_scores: sensitivity of ops and layer groups by Intel Neural Compressor."""

from typing import Any

from aqm_runner.inc.library import require_inc
from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores and the ranked ops."""
    del context, params, inputs, outputs
    require_inc()
    raise unsupported_here("not_written", "This op is being written.", next_step="Wait.")
