"""Blocks of NVFP4 weights, as an export must find them again."""

import torch
from torch import Tensor

from aqm_runner.export.forms import FP4_BLOCK


def with_largest_of_blocks(simulated: Tensor, original: Tensor) -> Tensor:
    """Returns a simulated NVFP4 weight of which an export finds the scales of the simulation.

    The export finds the scale of a block, an FP8 number, from the block's largest number. That is 6
    times the scale in the simulated weight, and so it leads back to the scale, also where the
    original one lies in the middle between two of them and takes one on a GPU and the other one
    here. Only scales near the least that FP8 has are rounded by more than 1/16, and then the code
    may be another one than 6: such a block keeps its largest original number, and others with its
    code are cut to it.

    By the scale that number is 6 but for the rounding of the scale, and the nearest other code
    begins below 5: all of them take the code that they have in the simulation.

    Args:
        simulated: (N, K), each number on a code.
        original: (N, K), the weight that was quantized.
    """
    blocks = original.reshape(len(original), -1, FP4_BLOCK)
    values = simulated.reshape(blocks.shape)
    places = blocks.abs().argmax(-1, keepdim=True)
    largest, rounded = blocks.gather(-1, places), values.gather(-1, places)
    is_six = (rounded - largest).abs() <= largest.abs() / 15
    largest = torch.where(is_six, rounded, largest)
    limit = largest.abs()
    kept = values.clamp(-limit, limit).scatter(-1, places, largest)
    return kept.reshape(original.shape)
