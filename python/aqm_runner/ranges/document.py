"""The document of input ranges: written by the op input_ranges, read by exports."""

import json
import math
from typing import Any

from aqm_runner.model.stacked_experts import ExpertLayer
from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

OP = "input_ranges"
SCHEMA = 1


def ranges_document(scope: str, environment: dict[str, str], ranges: dict[str, float]) -> str:
    """Returns the text of the document, the same for the same ranges.

    Args:
        scope: "lm" or "all_layers".
        environment: What they were found with.
        ranges: Path of a layer and the largest magnitude of its input.
    """
    document = {
        "schema": SCHEMA,
        "op": OP,
        "scope": scope,
        "environment": environment,
        "layers": ranges,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def range_name(layer: ExpertLayer) -> str:
    """Returns what the range of an expert's layer is called: all experts of a block have one."""
    return f"{layer.module}.{layer.product}"


def read_ranges(place: Place, scope: str) -> dict[str, float]:
    """Returns path of a layer and the largest magnitude of its input, as float32 has it exactly.

    Args:
        place: The document.
        scope: What the ranges must have been found for.

    Raises:
        RunnerError: gate_failed `unreadable_ranges`; `ranges_of_another_scope`.
    """
    try:
        document = read_document(place.path)
        if (document["schema"], document["op"]) != (SCHEMA, OP):
            raise DocumentError(f"it is no document of {OP} in the schema {SCHEMA}")
        ranges = {str(name): _range(name, value) for name, value in document["layers"].items()}
        found = document["scope"]
    except (DocumentError, KeyError, TypeError, AttributeError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise gate_failed(
            "unreadable_ranges",
            f"{place.name} holds no ranges that can be read: {said}.",
            file=place.name,
            next_step="Build the ranges again.",
        ) from error
    if found != scope:
        raise gate_failed(
            "ranges_of_another_scope",
            f"{place.name} has ranges that were found for the scope {found}, on other data than "
            f"those of {scope}.",
            file=place.name,
            next_step=f"Give the export the ranges of the scope {scope}.",
        )
    return ranges


def _range(name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise DocumentError(f"the range of {name} is {value!r}, no finite number from 0")
    return float(value)
