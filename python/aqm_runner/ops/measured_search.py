"""Op measured_search: the best plan that measuring finds, within a size or for an accuracy goal.

Inputs: `checkpoint` (folder); `problem` (JSON: groups, the sizes of their candidates, where to
begin, and a limit or a goal); `database` (SQLite: calibration data); `held_out` (SQLite), on which
plans are searched, and `held_out_confirm` (SQLite), on which what was found is accepted, of which
scope lm takes the captions; scope all_layers: `images`, `held_out_images` and
`held_out_confirm_images` (folders). Optional `sample` (SQLite): the full sample that calibration
data is a part of. None of the three kinds of data may share an image or a caption with another.
Output `search`: JSON with nothing volatile in it.

The model is loaded and calibrated once, as plan_quality does it; `search` says which plans are
measured and kept. Every measurement is an item of the action's partial results, and the first ones
are the same for any `measurements`: so a longer search continues a shorter one. A goal that no
plan meets is no error; the document says so.

Errors: those of `quality.material` and `quality.plans.check_plans`; gate_failed
`unreadable_problem`, `control_differs`, `progress_short`, `non_finite_range`, `non_finite_logits`
and those of loading; bad_request `too_few_measurements`, `candidate_twice`, `path_scoped_format`,
`empty_format`, `invalid_format`, `unsupported_algorithm`; unsupported_here `no_gpu`,
`format_needs_cuda`, `modelopt_version`.
"""

from typing import Any

from aqm_runner.modelopt.quality.devices.replica import Replica
from aqm_runner.modelopt.quality.search_job import search_plan
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes what the search found; returns what it was measured on and how far it came."""
    return search_plan(context, params, inputs, outputs)


def serve_replica(channel: Any) -> None:
    """Measures plans of a job that has several devices, on one of them; does not return."""
    Replica(channel).serve()
