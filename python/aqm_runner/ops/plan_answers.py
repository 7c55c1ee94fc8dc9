"""Op plan_answers: what a model answers to fixed prompts, unquantized and in the formats of plans.

Inputs as those of plan_quality; of `held_out` the first rows have the images that are asked about,
which are in `held_out_images` for both scopes. Output `answers`: JSON with nothing volatile in it:
prompts, token ids and texts of the unquantized model's answers and of each plan's, and in which
tokens they differ.

Answers are greedy, at most `max_new_tokens` tokens. `quality.answers` says how they are made; a
plan is simulated as plan_quality does. The unquantized model answers once for all members. Actions
that differ in nothing but the plan can share a model (`run_batch`), to the same bytes.

Errors: those of `quality.answers` and `quality.plans`; gate_failed `held_out_overlaps`,
`control_differs`, `progress_short`, `non_finite_range`, `non_finite_logits` and those of loading;
bad_request `batch_size`, `candidate_twice`, `path_scoped_format`, `empty_format`, `invalid_format`,
`unsupported_algorithm`; unsupported_here `no_gpu`, `format_needs_cuda`, `modelopt_version`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.modelopt.quality.answering import answer_members
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the answers of the plans of one document; returns how many differ."""
    member = Member("", params, inputs, outputs, context.partials)
    (outcome,) = [each for outcomes in run_batch(context, [member]) for each in outcomes]
    if outcome.error is not None:
        raise outcome.error
    return outcome.facts or {}


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Lets the plans of several actions answer that are alike in all else; see `answer_members`."""
    return answer_members(context, members)
