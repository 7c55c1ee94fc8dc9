"""Ranges that a server needs to be one where it fuses layers into one.

A server (vLLM, TensorRT-LLM) runs q, k and v of an attention block, and gate and up of an MLP, as
one matrix product, with one slot for every scale that is a single number: the scale of a weight
as a whole, or the global one above the scales of its blocks (NVFP4), and the scale of the input.
ModelOpt 0.47.0 gives the layers the largest range among them when it exports
(`preprocess_linear_fusion`); here the same is done before anything is measured. Scales of channels
and of blocks lie beside each other in the fused weight and stay as they are.

Of a mixture of experts, gate and up of one expert share the range of their weights, and all experts
that of their inputs: a server quantizes a token once for all experts. Where transformers holds all
experts in one module, ModelOpt has it so by itself.
"""

from collections.abc import Iterable
from typing import Any

import torch
from modelopt.torch.quantization.nn import SequentialQuantizer, TensorQuantizer
from torch import nn

from aqm_runner.quality.fused import fused_keys


def share_ranges(names: Iterable[str], choices: dict[str, dict[str, nn.Module]]) -> None:
    """Gives the quantizers of one group, in one format, the largest range where a server has one.

    Args:
        names: Paths of the group's modules.
        choices: Module → role → its quantizer in that format, or a list of them.
    """
    weights: dict[tuple[str, ...], list[TensorQuantizer]] = {}
    inputs: dict[tuple[str, ...], list[TensorQuantizer]] = {}
    names = list(names)
    for name in names:
        of_weight, of_input = fused_keys(name, len(names))
        for role, all_, key in (
            ("weight_quantizer", weights, of_weight),
            ("input_quantizer", inputs, of_input),
        ):
            # A sequence quantizes twice; what is first of one fuses with what is first of another.
            for step, quantizer in enumerate(_quantizers(choices[name].get(role))):
                all_.setdefault((*key, str(step)), []).append(quantizer)
    for quantizers in (*weights.values(), *inputs.values()):
        _share(quantizers)


def _quantizers(given: nn.Module | None) -> list[TensorQuantizer]:
    if isinstance(given, TensorQuantizer):
        return [given]
    return list(given) if isinstance(given, SequentialQuantizer) else []


def _share(quantizers: list[TensorQuantizer]) -> None:
    enabled = [each for each in quantizers if each.is_enabled and not each._dynamic]
    for name in ("amax", "global_amax"):
        ranges = [(each, getattr(each, name, None)) for each in enabled]
        single = [(each, range_) for each, range_ in ranges if _is_single(range_)]
        if len(single) > 1:
            largest = torch.stack([range_.reshape(()) for _, range_ in single]).max()
            for each, range_ in single:
                setattr(each, name, largest.reshape(range_.shape))


def _is_single(range_: Any) -> bool:
    return isinstance(range_, torch.Tensor) and range_.numel() == 1
