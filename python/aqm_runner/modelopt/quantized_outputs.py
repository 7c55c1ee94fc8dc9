"""A layer's output in each format, one at a time, with what formats quantize alike done once."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from modelopt.torch.quantization.algorithms import QuantRecipe, QuantRecipeHparam
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import nn
from torch.nn import functional

UNQUANTIZED = QuantRecipe(quant_cfg=None)
PLAIN = (bool, int, float, str, tuple, list, dict, slice, torch.Size, torch.dtype, type(None))
# What a quantizer has that says nothing about how it quantizes.
ASIDE = {*vars(nn.Module()), "_calibrator"}
# From the layer's arguments to each recipe with the output that may be overwritten.
Outputs = Callable[..., Iterator[tuple[QuantRecipe, torch.Tensor]]]
# Sets of recipes whose quantizers do the same, each recipe with its quantizer.
Alike = list[dict[QuantRecipe, TensorQuantizer]]


class AnyOutputs:
    """Calls the module with each recipe's quantizers in place, as ModelOpt does."""

    def __init__(self, module: nn.Module, hparam: QuantRecipeHparam) -> None:
        self._module = module
        self._hparam = hparam

    def __call__(self, *args: Any, **kwargs: Any) -> Iterator[tuple[QuantRecipe, torch.Tensor]]:
        """Yields recipe and output; leaves the module unquantized."""
        try:
            for recipe in _recipes(self._hparam):
                self._hparam._apply_quantizer_choice(recipe)
                yield recipe, first(self._module._forward_original(*args, **kwargs))
        finally:
            self._hparam._apply_quantizer_choice(UNQUANTIZED)


class LinearOutputs:
    """Multiplies each quantized input by each quantized weight, without the module's own call.

    A call of the module changes quantizers back and forth and takes the host longer than the GPU.
    """

    def __init__(self, module: nn.Module, hparam: QuantRecipeHparam) -> None:
        self._module = module
        recipes, choices = _recipes(hparam), hparam._all_quantizer_choices
        inputs, self._weights = (
            _alike({recipe: choices[recipe][module][role] for recipe in recipes})
            for role in ("input_quantizer", "weight_quantizer")
        )
        self._input_of = {recipe: number for number, same in enumerate(inputs) for recipe in same}
        self._inputs = [next(iter(same.values())) for same in inputs]

    def __call__(self, input_: torch.Tensor) -> Iterator[tuple[QuantRecipe, torch.Tensor]]:
        """Yields recipe and output; one quantized weight is in memory at a time."""
        inputs: dict[int, torch.Tensor] = {}
        for same in self._weights:
            weight = next(iter(same.values()))(self._module.weight)
            for recipe in same:
                number = self._input_of[recipe]
                if number not in inputs:
                    inputs[number] = self._inputs[number](input_)
                yield recipe, functional.linear(inputs[number], weight, self._module.bias)
            del weight


def is_plain_linear(module: nn.Module, hparam: QuantRecipeHparam) -> bool:
    """Returns whether a choice quantizes the operands of a `functional.linear` and no more."""
    return (
        module in hparam.quant_modules
        and isinstance(module, nn.Linear)
        and module.get_original_cls_by_level(level=0) is nn.Linear
        and not hasattr(module, "_forward_pre_dm")
        and not getattr(module, "_use_real_quant_gemm", False)
        and all(
            not choice[module]["output_quantizer"].is_enabled
            for choice in hparam._all_quantizer_choices.values()
        )
    )


def is_left_as_it_is(module: nn.Module) -> bool:
    """Returns whether a module's call is `functional.linear` of its own operands, none quantized.

    A call may be wrapped, such as by a hook that moves the input to a device, and a hook may change
    the output: then the call is something else.
    """
    forward = getattr(module._forward_original, "__func__", None)
    return (
        forward is type(module).forward
        and all(is_plain_linear(module, each) for each in module._hparams_for_scoring)
        and not hasattr(module, "_hf_hook")
        and not module._forward_hooks
        and all(
            not quantizer.is_enabled
            and quantizer.pre_quant_scale is None
            and not quantizer.rotate_is_enabled
            for quantizer in (module.input_quantizer, module.weight_quantizer)
        )
    )


def first(output: Any) -> torch.Tensor:
    """Returns the tensor that a module's output is or begins with."""
    return output[0] if isinstance(output, tuple) else output


def _recipes(hparam: QuantRecipeHparam) -> list[QuantRecipe]:
    return [recipe for recipe in hparam.choices if recipe != UNQUANTIZED]


def _alike(quantizers: dict[QuantRecipe, TensorQuantizer]) -> Alike:
    """Returns the recipes in sets of those whose quantizers do the same."""
    found: dict[str, Alike] = {}
    seen: dict[int, dict[QuantRecipe, TensorQuantizer]] = {}
    for recipe, quantizer in quantizers.items():
        if id(quantizer) in seen:
            seen[id(quantizer)][recipe] = quantizer
            continue
        sets = found.setdefault(_description(quantizer), [])
        for same in sets:
            if _same_buffers(next(iter(same.values())), quantizer):
                break
        else:
            same = {}
            sets.append(same)
        same[recipe] = quantizer
        seen[id(quantizer)] = same
    return [same for sets in found.values() for same in sets]


def _description(quantizer: TensorQuantizer) -> str:
    """Returns all that decides what a quantizer does but ranges; unlike any other if unsure."""
    facts = {name: value for name, value in vars(quantizer).items() if name not in ASIDE}
    if type(quantizer) is not TensorQuantizer or quantizer._parameters or quantizer._modules:
        return f"{id(quantizer)}"
    return repr(
        sorted(
            (name, repr(value) if isinstance(value, PLAIN) else id(value))
            for name, value in facts.items()
        )
    )


def _same_buffers(one: TensorQuantizer, other: TensorQuantizer) -> bool:
    ours, theirs = one._buffers, other._buffers
    return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)
