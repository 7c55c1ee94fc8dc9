"""Op inc_quantize: a model in which exactly the named ops are INT8, in INC's own form.

Inputs: `checkpoint` (folder), `ops` (JSON, `inc.chosen` has its form), and captions or images as of
inc_scores. Outputs: `model`, the folder that INC saves (`best_model.pt`, to be loaded into the
float32 model with `neural_compressor.utils.pytorch.load`); `document`, JSON: the ops, and the loss
in nats a token of the float32 model, of INC's model, and of the saved one in a fresh process.

A list without ops gives the baseline, which is the float32 model in INC's form.

Errors: those of `inc.quantizing`.
"""

from typing import Any

from aqm_runner.inc.quantizing import quantize
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the model and what it was checked by; returns the number of ops, losses and bytes."""
    return quantize(context, params, inputs, outputs)
