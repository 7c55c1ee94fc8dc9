"""Op tiny_checkpoint: a Hugging Face folder that behaves like the real model, in under a megabyte.

Output `checkpoint`: config, generation config, `model.safetensors` (float32), a byte-level BPE
tokenizer trained here on captions, processor and chat template of the family. Text: 2 layers of
width 64, vision: 2 blocks of width 32, up to 1024 positions.

Errors: bad_request `output_exists`.
"""

from typing import Any

from aqm_runner.model.tiny_model import build_model
from aqm_runner.model.tiny_processor import SPECIAL, build_processor, build_tokenizer
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder; returns the numbers of parameters and of vocabulary entries."""
    del inputs
    folder = outputs["checkpoint"].create()
    context.phase("tokenizer", None)
    tokenizer = build_tokenizer(params["seed"])
    processor = build_processor(params["family"], tokenizer)
    context.phase("model", None)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    model = build_model(params["family"], ids, len(tokenizer), params["seed"])
    context.phase("write", None)
    processor.save_pretrained(folder)
    model.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"parameters": parameters, "vocabulary": len(tokenizer)}
