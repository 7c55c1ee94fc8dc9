"""Op inc_scores: sensitivity of ops and layer groups by Intel Neural Compressor, on a CPU.

Inputs: `checkpoint` (folder); scope lm: `captions` (text, a sample a line); scope all_layers:
`database` (SQLite) and `images` (folder with train2017 and val2017). Outputs: `scores`, JSON by
scores.schema.json; `ops`, JSON as `inc.ranking` says: single ops, the least sensitive first. Both
hold nothing volatile. `inc.engine` has the formulas.

The bounds of a resumable action are `score_size` and `max_ops`: each op's distance on each batch is
a partial result, and so are each ten random vectors of hawq_v2.

Errors: those of `scoring.job` and `inc.library`; bad_request `unsupported_format`, `path`,
`scope`, `padded_batch`; gate_failed of `scoring.gates` and `inc.ranking`, `unknown_layers`,
`no_head`.
"""

from typing import Any

from aqm_runner.inc.engine import Inc
from aqm_runner.runner.places import Place
from aqm_runner.scoring.job import score_alone


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes scores and ranked ops; returns the device's kind, counts and resident memory."""
    engine = Inc(outputs["ops"], context.device)
    return score_alone(engine, context, params, inputs, outputs) | engine.facts
