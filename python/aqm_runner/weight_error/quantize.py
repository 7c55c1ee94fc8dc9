"""Weights as a format leaves them: rounded to its numbers, in the weight's own type again.

Integers and FP8 (E4M3), scaled by the largest magnitude of the whole weight, of each index of one
axis, or of each block along the last axis. The arithmetic is that of ModelOpt 0.47.0 on a CPU
(`_tensor_quant`, `_fp8_eager`), to the bit; a test compares. ModelOpt's CUDA kernels may round
otherwise where a value lies between two numbers.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

from aqm_runner.runner.failures import RunnerError, bad_request

E4M3 = (4, 3)
E4M3_LARGEST = 448.0
# Half of float16's smallest number: a weight below it counts as zero.
EPSILON = 2.0**-24


@dataclass(frozen=True)
class WeightFormat:
    """A format of weights.

    Attributes:
        bits: Bits of an integer, or None for FP8 (E4M3).
        axis: The axis whose every index has a scale of its own; None: one scale, or blocks.
        block: Weights along the last axis that share a scale; None: no blocks.
    """

    bits: int | None
    axis: int | None
    block: int | None

    @property
    def charged_bits(self) -> float:
        """Bits of one weight, without its share of the scale."""
        return 8.0 if self.bits is None else float(self.bits)


def weight_format(name: str, config: dict[str, Any]) -> WeightFormat:
    """Returns the format of a request.

    Args:
        name: For messages.
        config: `{"weight": {"num_bits", "axis"?, "block_sizes"?}}`, the attributes of a pair's
            weight quantizer.

    Raises:
        RunnerError: bad_request `unsupported_format` for what cannot be simulated here.
    """
    given = dict(config["weight"])
    bits, axis = given.pop("num_bits", None), given.pop("axis", None)
    blocks = dict(given.pop("block_sizes", None) or {})
    kind = blocks.pop("type", "static")
    block = blocks.pop("-1", None)
    number = tuple(bits) if isinstance(bits, list) else bits
    if given or blocks or kind != "static" or (axis is not None and block is not None):
        raise _unsupported(
            name,
            "scales that are neither floats for a whole weight, nor for an "
            "axis, nor for blocks along the last one",
        )
    if number != E4M3 and not (isinstance(number, int) and 2 <= number <= 8):
        raise _unsupported(name, f"numbers of {bits!r} bits")
    return WeightFormat(None if number == E4M3 else number, axis, block)


@torch.no_grad()
def fake_quantize(weight: torch.Tensor, format_: WeightFormat) -> torch.Tensor:
    """Returns the weight with every element replaced by the nearest that the format has.

    Args:
        weight: (outputs, inputs, ...), any float type; it is left alone.
        format_: How to round.

    Returns:
        The same shape and type.
    """
    if format_.block is not None:
        width = weight.shape[-1]
        missing = -width % format_.block
        blocks = pad(weight, (0, missing)).reshape(-1, format_.block)
        rounded = _round(blocks, blocks.abs().amax(1, keepdim=True), format_.bits)
        return rounded.reshape(*weight.shape[:-1], width + missing)[..., :width]
    if format_.axis is None:
        return _round(weight, weight.abs().amax(), format_.bits)
    others = [axis for axis in range(weight.dim()) if axis != format_.axis]
    return _round(weight, weight.abs().amax(others, keepdim=True), format_.bits)


def _round(weight: torch.Tensor, largest: torch.Tensor, bits: int | None) -> torch.Tensor:
    values, largest = weight.float(), largest.float()
    zero = largest <= EPSILON
    if bits is None:
        scale = E4M3_LARGEST / torch.where(zero, torch.ones_like(largest), largest)
        scaled = (values * scale).clamp(-E4M3_LARGEST, E4M3_LARGEST)
        return (scaled.to(torch.float8_e4m3fn).float() * (1 / scale)).to(weight.dtype)
    bound = 2.0 ** (bits - 1) - 1
    # A number divided by a tensor would be the number times its reciprocal: other bits.
    scale = torch.where(zero, torch.zeros_like(largest), torch.full_like(largest, bound) / largest)
    rounded = (values * scale).round_().clamp_(-bound - 1, bound)
    return (rounded / torch.where(zero, torch.ones_like(scale), scale)).to(weight.dtype)


def _unsupported(name: str, what: str) -> RunnerError:
    return bad_request(
        "unsupported_format",
        f"The engine weight_error does not simulate the weights of {name}, which have {what}.",
        next_step="Choose integers or FP8 (E4M3) with static scales, or score it with ModelOpt.",
    )
