"""Op recipe_quality: how far a recipe of ModelOpt, alike for all layers, moves a model.

What a practitioner takes who chooses nothing by the layer: SmoothQuant, AWQ, plain FP8, NVFP4. It
is the control that a mixed plan has to beat. Inputs, params and the output `quality` are those of
plan_quality, with a recipe in the place of plan and candidates; the one plan of the document has
the recipe's name. A recipe changes weights, so each has a model of its own.

The recipe is applied by `mtq.quantize` to exactly the layers that plans of the scope may quantize,
so that sizes compare; `modelopt.quality.recipe` says how.

Errors: those of `quality.material` and `quality.measuring`; gate_failed `layer_left_out`,
`layer_not_searched`, and those of loading; unsupported_here `no_gpu`, `format_needs_cuda`,
`modelopt_version`.
"""

from typing import Any

from aqm_runner.modelopt.quality.recipe_job import measure_recipe
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the quality of the recipe; returns what it was applied to and measured on."""
    return measure_recipe(context, params, inputs, outputs)
