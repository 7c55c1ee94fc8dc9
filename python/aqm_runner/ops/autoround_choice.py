"""Op autoround_choice: what AutoScheme itself chooses for budgets of bits, by its own scores.

Inputs are those of autoround_scores, and scores are measured in the same way, once for all budgets.
Output `choice`: JSON, a document of plans as plan_quality reads it, one for each budget, each with
its `loss` (the sum of scores) and `bits` a weight as AutoScheme counts them; groups have the scores
that it chose by. With the unit "group" layers that a server fuses share a format; with "layer" each
has its own, as AutoScheme does by default.

AutoScheme's choice is the exact optimum of its table (a test compares), but for the output head,
which it gives at least 6 bits where it can.

Errors: those of autoround_scores, and bad_request `candidate_twice`, `budget_out_of_range`.
"""

from typing import Any

from aqm_runner.autoround.choice_job import choose_plans
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the choices; returns the device's kind and what scores run over."""
    return choose_plans(context, params, inputs, outputs)
