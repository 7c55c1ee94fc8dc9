"""Which ops a model is to have in INT8, as a file names them: `{"schema": 1, "ops": [path, …]}`."""

import json
from typing import Any

from torch import nn

from aqm_runner.model.module_kinds import part_of
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

SCHEMA = 1


def read_ops(place: Place) -> list[str]:
    """Returns the paths that a file names, in its order; none leaves the model in float32.

    Raises:
        RunnerError: bad_request `missing_input`; gate_failed `unreadable_ops`.
    """
    try:
        document: Any = json.loads(place.require().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(place, f"it is no JSON ({error})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _unreadable(place, f"its schema is not {SCHEMA}")
    ops = document.get("ops")
    if not isinstance(ops, list) or not all(isinstance(op, str) for op in ops):
        raise _unreadable(place, "its ops are no list of paths")
    if len(set(ops)) != len(ops):
        raise _unreadable(place, "it names an op twice")
    return ops


def check_ops(ops: list[str], layers: dict[str, nn.Module], scope: str, place: Place) -> None:
    """Refuses ops that INC would leave in float32 without a word.

    Args:
        ops: Paths.
        layers: Path and module of every linear and convolution layer of the model.
        scope: "lm" calibrates on captions alone, which never reach the vision part.
        place: The file that names the ops.

    Raises:
        RunnerError: gate_failed `unknown_op`, `unsupported_op`, `op_out_of_scope`.
    """
    for op in ops:
        if op not in layers:
            raise _refused("unknown_op", place, op, "is no linear layer of the model")
        if not isinstance(layers[op], nn.Linear):
            kind = type(layers[op]).__name__
            raise _refused("unsupported_op", place, op, f"is a {kind}, which INC cannot reload")
        if scope == "lm" and part_of(op) == "vision":
            raise _refused(
                "op_out_of_scope", place, op, "is of the vision part, which no caption reaches"
            )


def _refused(reason: str, place: Place, op: str, why: str) -> RunnerError:
    return gate_failed(
        reason,
        f"{place.name} asks for {op} in INT8, which {why}.",
        file=place.name,
        next_step="Take it out of the list, or choose another scope or model.",
    )


def _unreadable(place: Place, why: str) -> RunnerError:
    return gate_failed(
        "unreadable_ops",
        f"{place.name} is no list of ops: {why}.",
        file=place.name,
        next_step=f'Write {{"schema": {SCHEMA}, "ops": ["model.layers.0.mlp.up_proj"]}}.',
    )
