"""How many formats one call may score on this device: an estimate, kept on the safe side.

What a call needs on top of the loaded weights, in bytes:

    gradient of the embeddings
    + tokens x vocabulary x 2 x element + tokens at once x vocabulary x 16
    + tokens x (layers x hidden + 4 x widest) x element
    + formats x tokens x (outside + widest) x element

`element` is the size of the model's numbers, `widest` the sum of output features of the layers
that are scored in one block, `outside` that of those outside any block (`lm_head` above all), each
block counted with its own tokens (text, or image patches). The first line is what ModelOpt lets
flow back into embeddings; the second logits and their gradient, and a few samples' logits in
float32 with logarithms and gradients (see `loss`); the third the inputs kept for recomputing
blocks, and one block's own activations. The last line is the output differences of every format;
it is there only where ModelOpt keeps them (see `shared_scoring`).
"""

from fnmatch import fnmatch
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from aqm_runner.model.batches import Batch
from aqm_runner.model.loss import TOKENS_AT_ONCE
from aqm_runner.model.module_kinds import part_of
from aqm_runner.model.placement import free_memory

# The rest is for what allocators round up and kernels borrow.
USABLE = 0.9
FLOAT32_COPIES = 4 * 4
ACTIVATIONS_OF_A_BLOCK = 4
# Axes of pixels that a processor has cut into patches.
ROWS = 2
SCORED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def free_bytes(device: str) -> int | None:
    """Returns a device's free memory, torch's own spare included; None where none is counted.

    Of several devices that share a model's layers, that of the fullest one.
    """
    if device != "cuda":
        return None
    return min(
        free + torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)
        for index, free in enumerate(free_memory(device))
    )


def call_bytes(
    model: nn.Module, batches: list[Batch], disabled: list[str], keeps_differences: bool
) -> tuple[int, int]:
    """Returns the bytes that a call needs besides the weights, and those for each format.

    Args:
        model: The loaded model, without quantizers yet.
        batches: What is to be scored; the largest counts.
        disabled: Patterns of modules that are not scored.
        keeps_differences: Whether what each format changes in the outputs is kept.
    """
    text = max(batch.labels.numel() for batch in batches)
    at_once = max(TOKENS_AT_ONCE, *(batch.labels.shape[-1] for batch in batches))
    vision = max(patches(batch, model.config) for batch in batches)
    config = model.config.get_text_config()
    element = next(model.parameters()).element_size()
    blocks: dict[str, int] = {}
    outside = 0
    block_names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, GradientCheckpointingLayer)
    ]
    for name, module in model.named_modules():
        if not isinstance(module, SCORED) or any(fnmatch(name, each) for each in disabled):
            continue
        values = module.weight.shape[0] * (vision if part_of(name) == "vision" else text)
        block = next((each for each in block_names if name.startswith(f"{each}.")), None)
        if block is None:
            outside += values
        else:
            blocks[block] = blocks.get(block, 0) + values
    widest = max(blocks.values(), default=0)
    embeddings = sum(
        parameter.numel() for name, parameter in model.named_parameters() if "embed" in name
    )
    shared = (
        embeddings * element
        + text * config.vocab_size * 2 * element
        + min(text, at_once) * config.vocab_size * FLOAT32_COPIES
        + text * config.num_hidden_layers * config.hidden_size * element
        + ACTIVATIONS_OF_A_BLOCK * widest * element
    )
    return shared, (outside + widest) * element if keeps_differences else 0


def patches(batch: Batch, config: Any) -> int:
    """Returns the number of patches that a vision tower sees of a batch; 0 without images.

    A processor has cut images into rows of patches (patches, values), or leaves them as they are
    (..., colours, height, width).
    """
    pixels = batch.inputs.get("pixel_values")
    if pixels is None:
        return 0
    side = getattr(getattr(config, "vision_config", None), "patch_size", None)
    if pixels.dim() == ROWS or not isinstance(side, int):
        return len(pixels)
    return pixels.numel() // (pixels.shape[-3] * side**2)


def group_size(formats: int, free: int | None, shared: int, own: int) -> int:
    """Returns how many formats one call takes so that all take part in equally large groups.

    At least one: whether a single format fits is for the device to say.
    """
    if free is None or own == 0:
        return formats
    fitting = min(max((int(free * USABLE) - shared) // own, 1), formats)
    groups = -(-formats // fitting)
    return -(-formats // groups)
