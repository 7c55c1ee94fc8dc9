"""Op weight_error_scores: squared error of every layer group's weights, by the size of inputs.

Inputs: `checkpoint` (folder); scope lm: `captions` (text, a sample a line); scope all_layers:
`database` (SQLite) and `images` (folder with train2017 and val2017). Output `scores`: JSON by
scores.schema.json, with nothing volatile in it. `weight_error.engine` has the formula.

The full model runs once over all batches, without gradients. Scope lm feeds captions alone and
leaves the vision part out; all_layers feeds images with captions. Actions that differ in nothing
but the format share that run (`run_batch`), to the same bytes.

Errors: those of `scoring.job`; gate_failed of `scoring.gates`; bad_request `unsupported_format`;
unsupported_here `unsupported_layer`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.job import score_alone, score_members
from aqm_runner.weight_error.engine import WeightError


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores; returns the device's kind and what the means run over."""
    return score_alone(WeightError(), context, params, inputs, outputs)


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Scores the formats of several actions that are alike in all else; see `score_members`."""
    return score_members(WeightError(), context, members)
