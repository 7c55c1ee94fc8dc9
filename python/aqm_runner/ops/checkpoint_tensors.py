"""Op checkpoint_tensors: names, types and shapes of a checkpoint's weights, from headers alone.

Output `tensors`: JSON `{"schema": 1, "bytes", "tensors": [{"name", "dtype", "shape"}, ...]}`, a
line for each tensor in the order of names (code points). `name` and `dtype` are those of the
safetensors file, `bytes` is the sum over tensors of elements x width of the type, in bytes.

Errors: those of `check_checkpoint`; bad_request `output_exists`.
"""

import json
from math import prod
from typing import Any

from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.runner.places import Place

SCHEMA = 1
# Bytes of an element, for every type that `check_checkpoint` lets through.
WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "F16": 2, "BF16": 2, "BOOL": 1}


def run(
    context: Any,
    params: dict[str, Any],  # noqa: ARG001 (every op has them)
    inputs: dict[str, Place],
    outputs: dict[str, Place],
) -> dict[str, Any]:
    """Writes the document; returns the number of tensors and their bytes."""
    context.phase("read", None)
    tensors = check_checkpoint(inputs["checkpoint"])
    size = sum(WIDTHS[tensor.dtype] * prod(tensor.shape) for tensor in tensors.values())
    lines = [
        json.dumps({"name": name, "dtype": tensors[name].dtype, "shape": tensors[name].shape})
        for name in sorted(tensors)
    ]
    head = f'{{\n  "schema": {SCHEMA},\n  "bytes": {size},\n  "tensors": [\n    '
    text = head + ",\n    ".join(lines) + "\n  ]\n}\n"
    outputs["tensors"].create().write_bytes(text.encode())
    return {"tensors": len(tensors), "bytes": size}
