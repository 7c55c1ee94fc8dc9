"""Op input_ranges: how large the inputs of all layers get that a scope may quantize.

Inputs: `checkpoint` (folder); `database` (SQLite: calibration data), of which scope lm takes the
captions; scope all_layers: `images` (folder with train2017 and val2017). Output `ranges`: JSON with
the largest magnitude of each layer's input over all batches, float32 exactly, nothing volatile.

A static quantizer of inputs needs no more of the data, so that one run serves all schemes of a
model, scope and calibration size. `ranges.maxima` says what is computed; it is bit for bit what
ModelOpt finds with its algorithm `max`. A layer that no batch reaches (an expert that no token is
sent to) is not in the document.

Errors: bad_request `batch_size`; unsupported_here `no_gpu`, `unsupported_layer`; gate_failed
`non_finite_range`, and those of loading and of `calibration_batches`.
"""

from typing import Any

from torch import nn

from aqm_runner.model.batches import Loader
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.model.stacked_experts import stacked_modules
from aqm_runner.ranges.document import ranges_document
from aqm_runner.ranges.maxima import InputMaxima
from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.scoring.grouping import group_layers, layers_of, stacked_layers
from aqm_runner.scoring.scopes import kept_layers


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the ranges; returns the device's kind, and how many layers have one."""
    scope, checkpoint = params["scope"], inputs["checkpoint"]
    require_device(context.device)
    check_checkpoint(checkpoint)
    make_deterministic(context.device)
    context.phase("prepare", None)
    batches = calibration_batches(context, params, inputs)
    context.phase("load", None)
    model = load_model(checkpoint, params["dtype"], context.device)
    _check_layers(model)
    layers = layers_of(model) | stacked_modules(model)
    groups = group_layers(layers, kept_layers(model, scope, params["include_lm_head"]))
    watched = {
        name: layer for group in groups if group.enabled for name, layer in group.layers.items()
    }
    maxima = InputMaxima(watched)
    maxima.watch(context, model, Loader(batches, context.device))
    ranges = maxima.ranges()
    text = ranges_document(scope, environment_of(context.device, params, {}), ranges)
    outputs["ranges"].create().write_bytes(text.encode())
    return {
        "device_kind": device_kind(context.device),
        "layers": len(ranges),
        "unreached_layers": [name for name in maxima.names if name not in ranges],
        "calibration_samples": sum(batch.samples for batch in batches),
    }


def _check_layers(model: nn.Module) -> None:
    """Refuses experts in a layout that is not known: what their products take cannot be watched."""
    stacked = stacked_layers(model)
    if stacked and not stacked_modules(model):
        raise unsupported_here(
            "unsupported_layer",
            f"{stacked}, whose inputs cannot be watched.",
            next_step="Choose formats without static quantizers of inputs for this model.",
        )
