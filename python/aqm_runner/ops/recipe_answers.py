"""Op recipe_answers: what a model answers to fixed prompts, unquantized and quantized by a recipe.

Inputs, params and the output `answers` are those of plan_answers, with a recipe in the place of
plan and candidates; the one plan of the document has the recipe's name. The recipe is applied as
recipe_quality does.

Errors: those of `quality.answers`; gate_failed `held_out_overlaps`, `layer_left_out`,
`layer_not_searched`, `non_finite_logits` and those of loading; bad_request `batch_size`;
unsupported_here `no_gpu`, `format_needs_cuda`, `modelopt_version`.
"""

from typing import Any

from aqm_runner.modelopt.quality.answering import answer_recipe
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the answers of the recipe; returns how many differ."""
    return answer_recipe(context, params, inputs, outputs)
