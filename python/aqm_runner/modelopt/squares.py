"""Squares whose sum is a score: of what a format changes in a layer's output, times the gradient.

For an output element they are min(max(g * (q - y), -1e10), 1e10)^2 in float32, where q - y is
rounded to the model's numbers first: what `_get_auto_quantize_score` of ModelOpt 0.47.0 works out
in five passes over memory. On a GPU one pass does so, if it has given the same bits there before.
"""

import functools
from collections.abc import Callable

import torch

from aqm_runner.modelopt.one_pass import squares_in_one_pass

# ModelOpt's bound on one output element's contribution before it is squared.
LARGEST = 1e10
PATTERNS = 2**16
# From gradient, quantized output, output and bound to squares.
OnePass = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]


def squares(gradient: torch.Tensor, quantized: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """Returns the squares in float32; `quantized` may be overwritten.

    Args:
        gradient: dL/dY, of the output's shape.
        quantized: The layer's output with weight and input quantized.
        output: The layer's output Y without quantization.
    """
    one_pass = _one_pass(quantized.device)
    if one_pass is not None and all(
        each.dtype == torch.bfloat16 and each.is_contiguous() and each.shape == output.shape
        for each in (gradient, quantized, output)
    ):
        return one_pass(gradient, quantized, output, LARGEST)
    return in_passes(gradient, quantized, output)


def in_passes(
    gradient: torch.Tensor, quantized: torch.Tensor, output: torch.Tensor
) -> torch.Tensor:
    """Returns the squares in ModelOpt's steps; the layout of memory shows in the bits of a sum."""
    values = quantized.sub_(output).float()
    if gradient.stride() == values.stride():
        values.mul_(gradient)
    else:
        values = gradient.float() * values
    return values.clamp_(-LARGEST, LARGEST).square_()


@functools.cache
def _one_pass(device: torch.device) -> OnePass | None:
    """Returns the kernel that does all in one pass; None where it is missing or has other bits."""
    if device.type != "cuda":
        return None
    try:
        alike = gives_equal_bits(squares_in_one_pass, device)
    except Exception:  # no Triton, no compiler, a GPU that it does not know: slower, not wrong
        return None
    return squares_in_one_pass if alike else None


def gives_equal_bits(one_pass: OnePass, device: torch.device) -> bool:
    """Returns whether a kernel agrees with `in_passes` to the bit.

    Every bit pattern of bfloat16 is subtracted from numbers near it and from numbers of all sizes,
    infinite ones and those that are none included, and multiplied by gradients of all sizes.
    """
    patterns = torch.arange(PATTERNS, dtype=torch.int32, device=device).to(torch.int16)
    every = patterns.view(torch.bfloat16)
    near = (patterns ^ 5).view(torch.bfloat16)
    draw = torch.Generator(device).manual_seed(0)
    orders = [torch.randperm(PATTERNS, generator=draw, device=device) for _ in range(4)]
    output = torch.cat([every, every, every[orders[0]]])
    quantized = torch.cat([near, every[orders[1]], output[:PATTERNS]])
    gradient = torch.cat([every[orders[2]], every[orders[3]], every[orders[2]]])
    ours = one_pass(gradient, quantized.clone(), output, LARGEST)
    theirs = in_passes(gradient, quantized.clone(), output)
    # What is no number has many bit patterns and means the same in each.
    both = ours.isnan() & theirs.isnan()
    return bool(((ours.view(torch.int32) == theirs.view(torch.int32)) | both).all())
