"""The ranked list of ops: the layout that INC's users know, with what it was made by.

The layout is that of the published `op_sensitivity_mse_v2_*.json`: `meta`, and items with
`op_name`, `op_type` and `mse`, the least sensitive op first. Distances of one op in INT8 belong to
`int8_requant_sensitivity`: INC measures the same when it quantizes single ops again.
"""

import json
from dataclasses import dataclass
from typing import Any

from aqm_runner.runner.failures import gate_failed


@dataclass(frozen=True)
class RankedOp:
    """An op and what it scores.

    Attributes:
        name: Its path.
        type: Class name of the layer.
        score: The sum over batches.
        more: What else is known, by name; shown beside the score.
    """

    name: str
    type: str
    score: float
    more: dict[str, float]


def check_ranking(ops: list[RankedOp], format_name: str) -> None:
    """Refuses a ranking that tells ops apart by nothing but their names.

    Args:
        ops: All that were scored.
        format_name: For messages.

    Raises:
        RunnerError: gate_failed `no_op_scored` for none, `all_zero` for zeros alone,
            `same_for_all` for one value of several ops.
    """
    if not ops:
        raise gate_failed(
            "no_op_scored",
            f"The scope and the bounds leave no op to be scored in {format_name}.",
            next_step="Widen the scope, raise max_ops, or include lm_head.",
        )
    if all(op.score == 0 for op in ops):
        raise gate_failed(
            "all_zero",
            f"Every op scores exactly zero in {format_name}: the point of measurement does not "
            "depend on them, or nothing was quantized.",
            next_step="Report it: distances are to be measured at the logits.",
        )
    if len(ops) > 1 and len({op.score for op in ops}) == 1:
        raise gate_failed(
            "same_for_all",
            f"All {len(ops)} ops score {ops[0].score!r} in {format_name}: the point of measurement "
            "does not tell them apart.",
            next_step="Report it: distances are to be measured at the logits.",
        )


def ranking_document(
    ops: list[RankedOp],
    params: dict[str, Any],
    measured: dict[str, int],
    environment: dict[str, str],
    found: dict[str, Any],
) -> str:
    """Returns the text of the document, the same for the same scores.

    Args:
        ops: All that were scored.
        params: Those of the op.
        measured: What scores are sums over.
        environment: What they were measured with.
        found: What the method says of itself, by name; goes to `meta`.
    """
    meta = {
        "backend": "pytorch_fx",
        "device": "cpu",
        "strategy": params["method"],
        "confidence_batches": measured["score_batches"],
        "calib_samples": measured["calibration_samples"],
        "calib_batch_size": measured["batch_size"],
        "max_seq_len": measured["sequence_length"],
        "path": params["path"],
        "scope": params["scope"],
        "format": params["format"],
        "max_ops": params["max_ops"],
        "ops_scored": len(ops),
        "score_samples": measured["score_samples"],
        "score_tokens": measured["score_tokens"],
        **found,
        "environment": environment,
    }
    items = [
        {"op_name": op.name, "op_type": op.type, "mse": op.score, **op.more}
        for op in sorted(ops, key=lambda op: (op.score, op.name))
    ]
    document = {"meta": meta, "fp32_fallback_sensitivity": [], "int8_requant_sensitivity": items}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
