"""The squares of `squares.py` in one pass over memory, as a kernel for GPUs."""

import torch

try:
    import triton
    import triton.language as tl
except ImportError:  # comes with PyTorch where it computes on GPUs
    triton = None

BLOCK = 4096


def _squares_kernel(gradient, quantized, output, squares, elements, largest, block: "tl.constexpr"):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = at < elements
    given = tl.load(quantized + at, mask=inside).to(tl.float32)
    plain = tl.load(output + at, mask=inside).to(tl.float32)
    slope = tl.load(gradient + at, mask=inside).to(tl.float32)
    # The difference is a number of the model's kind before it is multiplied.
    value = (given - plain).to(tl.bfloat16).to(tl.float32) * slope
    value = tl.clamp(value, -largest, largest, propagate_nan=tl.PropagateNan.ALL)
    tl.store(squares + at, value * value, mask=inside)


_COMPILED = None if triton is None else triton.jit(_squares_kernel)


def squares_in_one_pass(
    gradient: torch.Tensor, quantized: torch.Tensor, output: torch.Tensor, largest: float
) -> torch.Tensor:
    """Returns the squares in float32; all three are contiguous, in bfloat16 and of one shape."""
    squares = torch.empty_like(output, dtype=torch.float32)
    elements = squares.numel()
    _COMPILED[(triton.cdiv(elements, BLOCK),)](
        gradient, quantized, output, squares, elements, largest, block=BLOCK
    )
    return squares
