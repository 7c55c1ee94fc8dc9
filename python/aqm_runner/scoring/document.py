"""The score document: raw scores of one candidate format, free of anything volatile.

`schemas/scores.schema.json` says its shape.
"""

import json
import platform
from importlib import metadata
from typing import Any

import torch

from aqm_runner.model.determinism import device_kind
from aqm_runner.scoring.table import Table

SCHEMA = 2


def score_document(
    engine: str,
    params: dict[str, Any],
    table: Table,
    measured: dict[str, Any],
    environment: dict[str, str],
) -> str:
    """Returns the text of the document, the same for the same scores.

    Args:
        engine: Its name; the format as the engine takes it is under that key.
        params: Those of the op: `format`, `method` and `scope`.
        table: The scores.
        measured: What they are sums over.
        environment: What they were measured with.
    """
    document = {
        "schema": SCHEMA,
        "engine": engine,
        "format": {
            "name": params["format"]["name"],
            "charged_bits": table.charged_bits,
            engine: params["format"]["config"],
        },
        "method": params["method"],
        "scope": params["scope"],
        "measured": measured,
        "environment": environment,
        "groups": [
            {
                "name": group.name,
                "modules": list(group.modules),
                "weights": group.weights,
                "enabled": group.enabled,
                "score": group.score,
                "executions": group.executions,
            }
            for group in table.groups
        ],
        "modules": [{"name": name, "type": type_} for name, type_ in table.modules],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def environment_of(device: str, params: dict[str, Any], versions: dict[str, str]) -> dict[str, str]:
    """Returns what decides the bits of scores besides params and inputs.

    Args:
        device: "cpu" or "cuda".
        params: `attention` and `dtype`.
        versions: What the engine itself is made of, by name.
    """
    found = {
        "attention": params["attention"],
        "device_kind": device_kind(device),
        "dtype": params["dtype"],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "torch": torch.__version__,
        "transformers": metadata.version("transformers"),
        **versions,
    }
    return dict(sorted(found.items()))
