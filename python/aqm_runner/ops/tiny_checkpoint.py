"""Op tiny_checkpoint: a Hugging Face folder that behaves like the real model, in under a megabyte.

Output `checkpoint`: config, generation config, `model.safetensors` (float32), a byte-level BPE
tokenizer trained here on captions, chat template and, for a family with images, processor. Text: 2
layers of width 64, vision: 2 or 3 blocks of width 32, up to 1024 positions.

Errors: bad_request `output_exists`.
"""

from typing import Any

from transformers import PreTrainedModel

from aqm_runner.model.tiny_families import FAMILIES, build_family
from aqm_runner.model.tiny_model import build_model
from aqm_runner.model.tiny_processor import SPECIAL, build_processor, build_tokenizer
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder; returns the numbers of parameters and of vocabulary entries."""
    del inputs
    folder = outputs["checkpoint"].create()
    context.phase("model", None)
    prepares, model = _build(params["family"], params["seed"])
    context.phase("write", None)
    prepares.save_pretrained(folder)
    model.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    vocabulary = len(getattr(prepares, "tokenizer", prepares))
    return {"parameters": parameters, "vocabulary": vocabulary}


def _build(family: str, seed: int) -> tuple[Any, PreTrainedModel]:
    if family in FAMILIES:
        return build_family(family, seed)
    tokenizer = build_tokenizer(seed)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    model = build_model(family, ids, len(tokenizer), seed)
    return build_processor(family, tokenizer), model
