"""Op measured_search: the best plan that measuring finds, within a size or for an accuracy goal.

Inputs: those of plan_quality, with `problem` (JSON: groups, sizes, where to begin, and a limit or a
goal) in the place of `plan`; `held_out` (SQLite) drives the search, `held_out_confirm` (SQLite)
accepts what it finds. Output `search`: JSON.

Errors: unsupported_here `no_search_yet`.
"""

from typing import Any

from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Refuses: only its declaration is there."""
    del context, params, inputs, outputs
    raise unsupported_here(
        "no_search_yet",
        "This runner declares measured_search and cannot carry it out.",
        next_step="Use a later version of aqm.",
    )
