"""From a list of ops to a folder with INC's own model, and a document of what was checked."""

import json
from typing import Any

from torch import nn

from aqm_runner.inc.chosen import check_ops, read_ops
from aqm_runner.inc.configurations import check_format
from aqm_runner.inc.fitting import fit, int8_ops, loss
from aqm_runner.inc.library import require_inc, settled, settled_versions
from aqm_runner.inc.reloading import reloaded
from aqm_runner.model.batches import Batch
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.scoring.grouping import layers_of
from aqm_runner.scoring.material import read_batches


def quantize(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the model and the document; returns the document as facts.

    Raises:
        RunnerError: those of `inc.library`, `inc.chosen` and of reading the inputs; gate_failed
            `other_ops` where other ops than asked for are INT8, `reload_differs` where the loss of
            the saved model is another.
    """
    require_inc(context.device)
    check_format(params["format"]["name"], params["format"]["config"])
    check_checkpoint(inputs["checkpoint"])
    ops = read_ops(inputs["ops"])
    make_deterministic(context.device)
    batches, _ = read_batches(context, params, inputs)
    held = _first(batches, params["measure_samples"])
    context.phase("load", None)
    model = load_model(inputs["checkpoint"], params["dtype"], context.device)
    layers = layers_of(model)
    check_ops(ops, layers, params["scope"], inputs["ops"])
    linears = [name for name, layer in layers.items() if isinstance(layer, nn.Linear)]
    with settled():
        plain = loss(model, held)
        context.phase("quantize", None)
        made = fit(model, linears, ops, batches)
        folder = outputs["model"].create()
        made.save(str(folder))
        quantized = {"int8_ops": int8_ops(made.model), "loss": loss(made.model, held)}
    context.phase("reload", None)
    again = reloaded(inputs["checkpoint"].path, folder, held)
    _check(ops, quantized, again)
    document = {
        "schema": 1,
        "engine": "inc",
        "format": params["format"],
        "scope": params["scope"],
        "ops": sorted(ops),
        "linear_layers": len(linears),
        "measured": {
            "calibration_samples": sum(batch.samples for batch in batches),
            "samples": sum(batch.samples for batch in held),
            "tokens": sum(batch.tokens for batch in held),
        },
        "loss": {"float32": plain, "int8": quantized["loss"], "reloaded": again["loss"]},
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "environment": environment_of(context.device, params, settled_versions()),
    }
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    outputs["document"].create().write_bytes(text.encode())
    return {"ops": len(ops), "loss": document["loss"], "bytes": document["bytes"]}


def _first(batches: list[Batch], samples: int) -> list[Batch]:
    """Returns as many whole batches, from the first, as hold a number of samples; at least one."""
    found: list[Batch] = []
    for batch in batches:
        if found and sum(each.samples for each in found) + batch.samples > samples:
            break
        found.append(batch)
    return found


def _check(ops: list[str], made: dict[str, Any], again: dict[str, Any]) -> None:
    for when, found in (("INC's model", made), ("the reloaded model", again)):
        odd = sorted(set(ops) ^ set(found["int8_ops"]))
        if odd:
            raise gate_failed(
                "other_ops",
                f"In {when} {len(found['int8_ops'])} ops are INT8, {len(ops)} were asked for; not "
                f"in both: {', '.join(odd[:3])}.",
                next_step="Report it: a name of an op does not fit INC's.",
            )
    if made["loss"] != again["loss"]:
        raise gate_failed(
            "reload_differs",
            f"The loss was {made['loss']!r} before saving and is {again['loss']!r} in a fresh "
            "process.",
            next_step="Report it: INC's saved model is another than the one that was measured.",
        )
