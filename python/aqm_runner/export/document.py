"""The check document: what was compared, and what was found; free of anything volatile."""

import hashlib
import json
from collections import Counter
from typing import Any

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.layer_outputs import AnsweredAlike
from aqm_runner.export.logits import SaidAlike
from aqm_runner.export.planned import Planned
from aqm_runner.export.weights import Compared
from aqm_runner.quality.plans import PlanDocument

SCHEMA = 1
GATES = (
    "plan_and_files",
    "config_and_files",
    "fused_scales_differ",
    "non_finite_weights",
    "weights_differ",
    "input_scales_differ",
    "outputs_differ",
    "logits_differ",
)


def plan_digest(document: PlanDocument) -> str:
    """Returns the hexadecimal SHA-256 of the groups of a document and of its one plan's formats."""
    formats = document.plans[0].formats
    said = [
        [name, list(layers), format_]
        for (name, layers), format_ in zip(document.groups.items(), formats, strict=True)
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def check_document(
    op: str,
    scope: str,
    document: PlanDocument,
    planned: Planned,
    folder: ExportedFolder,
    compared: Compared,
    alike: AnsweredAlike,
    said: SaidAlike,
) -> str:
    """Returns the text of the check document, the same for the same folder.

    Args:
        op: Name of the op.
        scope: Its param.
        document: With the one plan.
        planned: The plan, layer by layer.
        folder: What was written and read back.
        compared: What was found of its weights.
        alike: What was found of its layers' outputs.
        said: What was found of its logits.
    """
    formats = Counter(each.format for each in planned.quantized.values())
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "op": op,
        "plan": plan_digest(document),
        "scope": scope,
        "bytes": folder.size(),
        "weight_bytes": folder.weight_bytes(),
        "quantized_layers": len(planned.quantized),
        "kept_layers": len(planned.kept),
        "formats": dict(sorted(formats.items())),
        "layers": [vars(each) for each in compared.layers],
        "weights": compared.digest,
        "outputs": vars(alike),
        "logits": vars(said),
        "gates": list(GATES),
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"
