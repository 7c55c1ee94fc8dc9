"""Op plan_quality: how far plans move a model from the unquantized one, measured on held-out data.

Inputs: `checkpoint` (folder); `plan` (JSON: groups, and the format of each in one plan or several);
`database` (SQLite: calibration data) and `held_out` (SQLite: what is measured on), of which scope
lm takes the captions; scope all_layers: `images` and `held_out_images` (folders). Optional
`sample` (SQLite): the full sample that calibration data is a part of; held-out data may share
neither an image nor a caption with it. Output `quality`: JSON with nothing volatile in it. With the
param `leaked` it is the other way round: all of `held_out` must be in the calibration data, and
the document says so.

The full model is loaded and calibrated once, with all candidates; a plan is judged by putting each
group into its format. `quality` says what is measured and how, `modelopt.quality` how a plan is
simulated. Actions that differ in nothing but the plan can share a model (`run_batch`), to the same
bytes.

Errors: those of `quality.material`, `quality.plans` and `quality.measuring`; gate_failed
`control_differs`, `progress_short`, `non_finite_range` and those of loading; bad_request
`candidate_twice`, `path_scoped_format`, `empty_format`, `invalid_format`, `unsupported_algorithm`;
unsupported_here `no_gpu`, `format_needs_cuda`, `modelopt_version`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.modelopt.quality.devices.replica import Replica
from aqm_runner.modelopt.quality.job import measure_members
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the quality of the plans of one document; returns what they were measured on."""
    member = Member("", params, inputs, outputs, context.partials)
    (outcome,) = [each for outcomes in run_batch(context, [member]) for each in outcomes]
    if outcome.error is not None:
        raise outcome.error
    return outcome.facts or {}


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Measures the plans of several actions that are alike in all else; see `measure_members`."""
    return measure_members(context, members)


def serve_replica(channel: Any) -> None:
    """Measures plans of a job that has several devices, on one of them; does not return."""
    Replica(channel).serve()
