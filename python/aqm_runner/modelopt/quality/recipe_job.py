"""What a model that is quantized by a uniform recipe of ModelOpt says of held-out data."""

from importlib import metadata
from typing import Any

from aqm_runner.model.determinism import device_kind
from aqm_runner.modelopt.quality.recipe import load_with_recipe, ready_for_recipe
from aqm_runner.quality.document import plan_entry, quality_document
from aqm_runner.quality.material import read_material
from aqm_runner.quality.measuring import Measurement, non_finite_logits
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of

OP = "recipe_quality"


def measure_recipe(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the quality document of a recipe; returns facts.

    Args:
        context: Gets phases, steps and warnings.
        params: Of the op.
        inputs: Of the op.
        outputs: `quality`.

    Raises:
        RunnerError: See the op.
    """
    name, checkpoint = params["recipe"], inputs["checkpoint"]
    config = ready_for_recipe(context, params, inputs)
    material = read_material(context, params, inputs)
    measurement = Measurement(material.held_out, context.device)
    model, applied = load_with_recipe(
        context,
        params,
        inputs,
        config,
        material.calibration,
        lambda model: measurement.look_at_unquantized(model, checkpoint.name),
    )
    context.phase("measure", 1)
    tokens = measurement.measure(model)
    if not tokens.finite:
        raise non_finite_logits(f"the model quantized by {name}", checkpoint.name)
    versions = {"modelopt": metadata.version("nvidia-modelopt")}
    text = quality_document(
        OP,
        params,
        environment_of(context.device, params, versions),
        material.held_out,
        measurement,
        material.intervals,
        [plan_entry(name, tokens, material.held_out, measurement, material.intervals)],
    )
    outputs["quality"].create().write_bytes(text.encode())
    context.step(1)
    return {
        "device_kind": device_kind(context.device),
        "layers": len(applied.layers),
        "weights": applied.weights,
        "unscaled_layers": applied.unscaled,
        "held_out_samples": len(material.held_out.sample_tokens),
        "held_out_tokens": material.held_out.tokens,
    }
