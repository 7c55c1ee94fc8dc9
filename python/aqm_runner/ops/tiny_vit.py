"""Op tiny_vit: a Hugging Face folder of an image classifier, a ViT with random weights.

Output `checkpoint`: config, image processor and `model.safetensors` (float32). Three blocks of
width 128, images of 64 x 64 pixels in patches of 8 x 8, 10 classes.

Errors: bad_request `output_exists`.
"""

from typing import Any

from aqm_runner.runner.places import Place
from aqm_runner.vit.tiny import build_processor, build_vit


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder; returns the number of parameters."""
    del inputs
    folder = outputs["checkpoint"].create()
    context.phase("model", None)
    model = build_vit(params["seed"])
    context.phase("write", None)
    build_processor().save_pretrained(folder)
    model.save_pretrained(folder)
    return {"parameters": sum(parameter.numel() for parameter in model.parameters())}
