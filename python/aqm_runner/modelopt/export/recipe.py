"""A recipe of ModelOpt, alike for all layers, as a checkpoint.

The model is the one that recipe_quality measures. What its calibration finds out is kept
(`quality.recipe_state`), so that an export which failed or was killed does not calibrate again.

Before ModelOpt writes layers that a server fuses, it gives them one scale for each input feature,
and with AWQ moves these scales into the norm before the layers. That is done here first, by its own
function, and what the model says must stay the same; the rest is as for plans.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from modelopt.torch.export.unified_export_hf import requantize_resmooth_fused_llm_layers
from torch import nn

from aqm_runner.export.architecture import empty_model, layer_shapes
from aqm_runner.export.forms import Form
from aqm_runner.export.job import Exporter, Request, write_and_compare
from aqm_runner.export.kept import NAMES
from aqm_runner.export.logits import Prompt, compare_logits, logits_of, make_prompts
from aqm_runner.export.pairs import form_of
from aqm_runner.export.planned import Planned, PlannedLayer, check_shapes
from aqm_runner.export.scaled import ScaledInputs
from aqm_runner.model.architectures import check_images
from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import make_deterministic, require_device
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.quality.recipe import (
    Applied,
    calibrate_recipe,
    check_experts_of_recipe,
    recipe_config,
    recipe_groups,
    settle_recipe,
)
from aqm_runner.modelopt.quality.recipe_state import HeardScales, restore
from aqm_runner.modelopt.scoring import check_modelopt
from aqm_runner.modelopt.simulated_layers import SimulatedLayers
from aqm_runner.quality.plans import Plan, PlanDocument
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place
from aqm_runner.scoring.scopes import kept_layers

STATE = "calibrated state"


def export_recipe(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Place],
    outputs: dict[str, Place],
    exporter: Exporter,
) -> dict[str, Any]:
    """Writes the folder of a recipe and its check document; returns facts.

    Args:
        context: Gets phases, steps and warnings, and has the partial results.
        params: Of the op.
        inputs: `checkpoint`, `database`, and for all_layers `images`.
        outputs: `checkpoint` and `check`.
        exporter: That of ModelOpt's format.

    Raises:
        RunnerError: See the op.
    """
    name, checkpoint = params["recipe"], inputs["checkpoint"]
    require_device(context.device)
    check_modelopt()
    check_checkpoint(checkpoint)
    check_images(checkpoint, params["scope"])
    empty = empty_model(checkpoint)
    check_experts_of_recipe(empty, name)
    kept = kept_layers(empty, params["scope"], params["include_lm_head"])
    config = recipe_config(name, kept)
    check_format(name, config, context.device)
    form = form_of(config, exporter.export)
    if isinstance(form, str):
        raise bad_request(
            "format_not_exportable",
            f"{name} cannot be exported as {exporter.export}: {form}.",
            next_step="Choose another recipe.",
        )
    groups = {
        next(iter(group.layers)): tuple(group.layers) for group in recipe_groups(empty, params)
    }
    planned = _planned(groups, name, {layer: form for each in groups.values() for layer in each})
    check_shapes(planned, layer_shapes(empty), name, checkpoint.name)
    make_deterministic(context.device)
    prompts = make_prompts(checkpoint, params["scope"])
    context.phase("prepare", None)
    batches = calibration_batches(context, params, inputs)
    model, applied = _quantized(context, params, checkpoint, batches, config)
    simulated = SimulatedLayers(model, groups, dict.fromkeys(planned.quantized, name))
    _fuse_as_modelopt_does(context, simulated, prompts, checkpoint.name)
    scaled: dict[str, Form] = {
        layer: ScaledInputs(form, NAMES[scales.dtype])
        for layer in planned.quantized
        if (scales := simulated.feature_scales(layer)) is not None
    }
    forms = {layer: scaled.get(layer, form) for layer in planned.quantized}
    document = PlanDocument(groups, (Plan(name, (name,) * len(groups)),))
    request = Request(context, params["scope"], checkpoint, outputs, exporter, prompts)
    del model
    holder = [simulated]
    del simulated
    facts = write_and_compare(
        request, document, _planned(groups, name, forms), lambda _: holder.pop()
    )
    return facts | {"scaled_layers": len(scaled), "unscaled_layers": applied.unscaled}


def _planned(
    groups: Mapping[str, tuple[str, ...]], name: str, forms: Mapping[str, Form]
) -> Planned:
    quantized = {layer: PlannedLayer(name, form) for layer, form in forms.items()}
    return Planned(groups, quantized, (), ranges=False)


def _quantized(
    context: Any,
    params: dict[str, Any],
    checkpoint: Place,
    batches: list[Batch],
    config: dict[str, Any],
) -> tuple[nn.Module, Applied]:
    """Returns the model that recipe_quality measures, calibrated now or by an earlier run."""
    context.phase("load", None)
    model = load_model(checkpoint, params["dtype"], context.device)
    state = context.partials.get(STATE)
    if state is None:
        heard = HeardScales()
        with heard.installed():
            calibrate_recipe(context, model, Loader(batches, context.device), config, params)
        context.partials.put(STATE, heard.state(model))
    else:
        context.phase("restore", None)
        restore(model, config, state)
    return model, settle_recipe(context, model, params["recipe"], config, params)


def _fuse_as_modelopt_does(
    context: Any, simulated: SimulatedLayers, prompts: list[Prompt], name: str
) -> None:
    """Lets ModelOpt prepare layers that servers fuse, and checks that the model says the same."""
    model = simulated.model
    if all(simulated.feature_scales(layer) is None for layer in simulated.formats):
        return
    context.phase("fuse", None)
    before = logits_of(model, prompts, context.device)
    with simulated.unquantized():
        unquantized = logits_of(model, prompts, context.device)
    with contextlib.redirect_stdout(None):
        requantize_resmooth_fused_llm_layers(model)
    after = logits_of(model, prompts, context.device)
    dtype = next(each.dtype for each in model.parameters() if each.is_floating_point())
    rounds = any(simulated.input_range(layer) is not None for layer in simulated.formats)
    compare_logits(unquantized, before, after, rounds, name, dtype)
