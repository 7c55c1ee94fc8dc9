"""Op sensitivity_scores: raw sensitivity of every layer group to one format, by ModelOpt.

Inputs: `checkpoint` (folder); scope lm: `captions` (text, a sample a line); scope all_layers:
`database` (SQLite) and `images` (folder with train2017 and val2017). Output `scores`: JSON by
scores.schema.json, with nothing volatile in it.

The full model is calibrated on all batches and scored on the first
min(max(score_size // batch_size, 1), batches). Scope lm keeps the vision part in high precision
and feeds captions alone; all_layers feeds images with captions. Actions that differ in nothing but
the format can share a model (`run_batch`), and a job by `gradient` can have several devices, each
with a share of the batches, to the same bytes.

Errors: those of `scoring.job`; gate_failed of `scoring.gates` and `modelopt.progress`; bad_request
`path_scoped_format`, `empty_format`, `invalid_format`, `unsupported_algorithm`; unsupported_here
`format_needs_cuda`, `modelopt_version`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.modelopt.engine import ModelOpt
from aqm_runner.modelopt.replica import Replica
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.job import score_alone, score_members


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores; returns the device's kind and what the sums run over."""
    return score_alone(ModelOpt(), context, params, inputs, outputs)


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Scores the formats of several actions that are alike in all else; see `score_members`."""
    return score_members(ModelOpt(), context, members)


def serve_replica(channel: Any) -> None:
    """Scores batches of a job that has several devices, on one of them; does not return."""
    Replica(channel).serve()
