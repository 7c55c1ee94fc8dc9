"""Op autoround_scores: AutoScheme's delta-loss of every layer group in one format, by AutoRound.

Inputs: `checkpoint` (folder); scope lm: `captions` (text, a sample a line); scope all_layers:
`database` (SQLite) and `images` (folder with train2017 and val2017). Output `scores`: JSON by
scores.schema.json, with nothing volatile in it. `autoround.scoring` has the formula; the document's
`environment.dtype` says in which numbers the gradients were taken.

The full model is scored on the first min(max(score_size // batch_size, 1), batches) batches; ranges
of activations are those of each batch, as AutoScheme calibrates none. Actions that differ in
nothing but the format share a model (`run_batch`), to the same bytes.

Errors: those of `scoring.job`; gate_failed of `scoring.gates`, `dropped_samples`, `unknown_layers`;
bad_request `unsupported_format`; unsupported_here `no_auto_round`, `auto_round_version`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.autoround.engine import AutoRound
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.job import score_alone, score_members


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores; returns the device's kind and what the sums run over."""
    return score_alone(AutoRound(), context, params, inputs, outputs)


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Scores the formats of several actions that are alike in all else; see `score_members`."""
    return score_members(AutoRound(), context, members)
