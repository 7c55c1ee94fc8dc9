"""The quality document: figures of plans, free of anything volatile."""

import json
from typing import Any

from aqm_runner.quality.figures import Intervals, figures_of, sample_sums
from aqm_runner.quality.held_out import HeldOut
from aqm_runner.quality.material import is_leaked
from aqm_runner.quality.measuring import Measurement
from aqm_runner.quality.tokens import TokenFigures

SCHEMA = 1


def plan_entry(
    name: str,
    tokens: TokenFigures,
    held_out: HeldOut,
    measurement: Measurement,
    intervals: Intervals,
    *,
    short: bool = False,
) -> dict[str, Any]:
    """Returns a plan's part of the document.

    Args:
        name: Of the plan.
        tokens: Its measured figures.
        held_out: What it was measured on.
        measurement: Has looked at the unquantized model.
        intervals: How intervals are made.
        short: Leaves out `sample_kl` and all intervals but that of `kl`.
    """
    figures = figures_of(
        tokens,
        held_out.sample_tokens,
        intervals,
        only_kl=short,
        unquantized_loss=measurement.loss,
    )
    entry: dict[str, Any] = {"name": name} | figures
    if not short:
        entry["sample_kl"] = sample_sums(tokens.kl, held_out.sample_tokens)
    return entry


def quality_document(
    op: str,
    params: dict[str, Any],
    environment: dict[str, str],
    held_out: HeldOut,
    measurement: Measurement,
    intervals: Intervals,
    plans: list[dict[str, Any]],
) -> str:
    """Returns the text of the document, the same for the same figures.

    Args:
        op: Name of the op.
        params: Its params; `scope`, and `candidates` and `leaked` where it has them.
        environment: As `scoring.document.environment_of` returns it.
        held_out: What was measured on.
        measurement: Has looked at the unquantized model.
        intervals: How intervals are made.
        plans: As `plan_entry` returns them.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "op": op, "scope": params["scope"]}
    if is_leaked(params):
        # Such figures flatter: who reads the document has to see it.
        document["leaked"] = True
    if "candidates" in params:
        document["candidates"] = [each["name"] for each in params["candidates"]]
    document |= {
        "held_out": {
            "samples": len(held_out.sample_tokens),
            "tokens": held_out.tokens,
            "batches": len(held_out.batches),
        },
        "environment": environment,
        "reference": measurement.reference(intervals),
        "sample_tokens": held_out.sample_tokens,
        "plans": plans,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
