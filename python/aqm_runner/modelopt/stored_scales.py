"""Ranges of weights as the scales that are stored say them.

A checkpoint stores the scale of a weight, not its range, and integer weights without quantized
inputs have scales in bfloat16: vLLM keeps the scales of compressed-tensors' `pack-quantized` in the
model's type, with any type in the file. A scale in float32 would be rounded there after the codes
were made with another one. Here the range is rounded before anything is quantized, to

    amax' = largest * bfloat16(amax / largest)

with `largest` the largest code, 127 or 7. The product has at most 15 significant bits, so float32
holds it exactly, and amax' / largest is the stored scale bit for bit. All other formats have scales
in float32, or scales that ModelOpt rounds itself (FP4), and their ranges stay as they are.
"""

import torch
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import Tensor, nn

STORED_BITS = (4, 8)


def round_ranges(weight: nn.Module | None, inputs: nn.Module | None) -> None:
    """Rounds the range of a calibrated quantizer of weights, where its scale is stored in bfloat16.

    Args:
        weight: The quantizer of a layer's weight.
        inputs: That of the layer's inputs.
    """
    if not isinstance(weight, TensorQuantizer) or not weight.is_enabled or weight._dynamic:
        return
    blocks = weight.block_sizes or {}
    if weight.num_bits not in STORED_BITS or (weight.axis is None and not blocks):
        return
    if blocks.get("type", "static") != "static" or (isinstance(inputs, nn.Module) and _on(inputs)):
        return
    range_ = weight.amax
    if isinstance(range_, Tensor):
        # Without casting the buffer itself: a range that was found in bfloat16 is not wide enough.
        weight._amax = stored_range(range_, weight.num_bits)


def stored_range(range_: Tensor, bits: int) -> Tensor:
    """Returns the range in float32 whose scale is a bfloat16 number.

    Args:
        range_: Largest magnitudes, of any shape.
        bits: Of a code.
    """
    largest = float(2 ** (bits - 1) - 1)
    return (range_.float() / largest).to(torch.bfloat16).float() * largest


def _on(quantizer: nn.Module) -> bool:
    return bool(getattr(quantizer, "is_enabled", True))
