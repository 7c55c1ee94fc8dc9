"""A folder of AutoRound as transformers loads it, in either form."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig

from aqm_runner.autoround.library import part
from aqm_runner.model.architectures import attention_of, auto_class
from aqm_runner.model.checkpoint import OURS

AUTO_ROUND = "auto_round"


def load_folder(path: Path, form: str, device: str) -> tuple[nn.Module, dict[str, Any]]:
    """Returns the model in evaluation mode, and what transformers says of its keys.

    Both forms are asked for in float32. AutoRound's own is computed in float16 all the same: its
    layers for a CPU have no other type, and it changes the whole model.

    Args:
        path: The folder.
        form: "auto_round" or "llm_compressor".
        device: "cpu" or "cuda".
    """
    if form == AUTO_ROUND:
        # transformers loads this form with AutoRound's own layers, once that is imported.
        part("inference.convert_model")
    config = AutoConfig.from_pretrained(path, **OURS)
    model, info = auto_class(config).from_pretrained(
        path,
        dtype=torch.float32,
        attn_implementation=attention_of(config),
        use_safetensors=True,
        output_loading_info=True,
        device_map=device,
        **OURS,
    )
    model = model.eval()
    if form != AUTO_ROUND:
        # Otherwise the first forward pass does it.
        model.hf_quantizer.compressor.decompress_model(model)
    return model, info


def dtype_of(model: nn.Module) -> str:
    """Returns the type of numbers in which a model computes, as "float16"."""
    norms = [each.dtype for each in model.parameters() if each.is_floating_point()]
    return str(norms[0]).removeprefix("torch.")
