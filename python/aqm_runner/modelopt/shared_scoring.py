"""What formats change in a layer's output, worked out when it is scored and shared among formats.

For every scored module and format ModelOpt 0.47.0 quantizes input and weight and runs the layer in
the forward pass, and keeps the difference until the module's next forward pass: for Qwen3-VL-4B
about 2.7 GB a format and 1024 tokens of a batch. Its backward hook is the only reader. Here the
hook does that work itself, from the module's input and output: one difference is in memory at a
time, and formats that quantize the input or the weight alike share the result. The operations and
their operands are ModelOpt's, so scores keep their bits.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from modelopt.torch.quantization.algorithms import QuantRecipe, QuantRecipeHparam
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import nn

# ModelOpt's bound on one output element's contribution before it is squared.
LARGEST = 1e10
PLAIN = (bool, int, float, str, tuple, list, dict, slice, torch.Size, torch.dtype, type(None))
# What a quantizer has that says nothing about how it quantizes.
ASIDE = {*vars(nn.Module()), "_calibrator", "forward"}


@contextlib.contextmanager
def shared_scoring() -> Iterator[None]:
    """Takes the place of the forward calls and hooks that ModelOpt meanwhile gives modules."""
    original = nn.Module.register_full_backward_hook
    shared: list[SharedResult] = []

    def register(module: nn.Module, hook: Any, prepend: bool = False) -> Any:
        if not hasattr(module, "_hparams_for_scoring"):
            return original(module, hook, prepend)
        scored = ScoredModule(module)
        shared.extend(scored.shared)
        # ModelOpt puts back `_forward_original` when it is done.
        module.forward = scored.forward
        return original(module, scored.add_scores, prepend)

    nn.Module.register_full_backward_hook = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_full_backward_hook = original  # type: ignore[method-assign]
        for each in shared:
            each.remove()


class ScoredModule:
    """One scored module; its scores are added up where ModelOpt looks for them.

    The score of a format grows by the sum over output elements of (dL/dY * (Y_quantized - Y))^2,
    in float32, each element's root bounded by 1e10: what ModelOpt's `_get_auto_quantize_score` has.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._unquantized = QuantRecipe(quant_cfg=None)
        self._call: tuple[Any, ...] | None = None
        self._recipes: dict[QuantRecipeHparam, list[QuantRecipe]] = {}
        self.shared: list[SharedResult] = []
        for hparam in module._hparams_for_scoring:
            if not hparam.is_configurable:
                continue
            recipes = [recipe for recipe in hparam.choices if recipe != self._unquantized]
            if module in hparam.quant_modules and _has_one_weight(module):
                inputs, weights = (
                    _alike(recipes, hparam._all_quantizer_choices, module, role)
                    for role in ("input_quantizer", "weight_quantizer")
                )
                self.shared += [SharedResult(list(same.values())) for same in (*inputs, *weights)]
                # One weight after the other: few of them are in memory at once.
                recipes = [recipe for same in weights for recipe in same]
            self._recipes[hparam] = recipes
            hparam.active = self._unquantized

    def forward(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Returns the unquantized output; keeps what it was made from if gradients will come."""
        output = self._module._forward_original(tensor, *args, **kwargs)
        # Without gradients a checkpointed block is only passed through; it comes again.
        if torch.is_grad_enabled():
            result = _tensor(output).detach()
            versions = (tensor._version, result._version)
            self._call = (tensor.detach(), args, kwargs, result, versions)
        return output

    @torch.no_grad()
    def add_scores(self, module: nn.Module, _grad_input: Any, grad_output: Any) -> None:
        """Stands for ModelOpt's backward hook."""
        if self._call is None:
            # ModelOpt would use the last call's differences a second time; silence would change
            # the score.
            raise RuntimeError(
                f"a scored {type(module).__name__} is called more than once in a forward pass"
            )
        (input_, args, kwargs, output, versions), self._call = self._call, None
        if (input_._version, output._version) != versions:
            raise RuntimeError(
                f"the input or output of a scored {type(module).__name__} is overwritten before "
                "its gradient is known"
            )
        try:
            for hparam, recipes in self._recipes.items():
                for recipe in recipes:
                    hparam._apply_quantizer_choice(recipe)
                    quantized = _tensor(module._forward_original(input_, *args, **kwargs))
                    score = _score(grad_output[0], quantized.sub_(output))
                    scores = hparam._importance_dict[recipe]
                    scores[module] = score if scores[module] is None else scores[module] + score
        finally:
            for hparam in self._recipes:
                hparam._apply_quantizer_choice(self._unquantized)
            for each in self.shared:
                each.forget()


class SharedResult:
    """The result of quantizers that do the same, kept until each of them has given it once."""

    def __init__(self, quantizers: list[TensorQuantizer]) -> None:
        self._quantizers = quantizers
        self._quantize: Callable[[torch.Tensor], torch.Tensor] = quantizers[0].forward
        self._last: tuple[torch.Tensor, torch.Tensor] | None = None
        self._uses_left = 0
        if len(quantizers) > 1:
            for each in quantizers:
                each.forward = self.forward

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        """Stands for the quantizers' own; nothing writes to what it returns."""
        if self._last is None or self._last[0] is not tensor:
            self._last = (tensor, self._quantize(tensor))
            self._uses_left = len(self._quantizers)
        result = self._last[1]
        self._uses_left -= 1
        if self._uses_left <= 0:
            self.forget()
        return result

    def forget(self) -> None:
        """Lets go of the result."""
        self._last = None

    def remove(self) -> None:
        """Leaves the quantizers as they were."""
        self.forget()
        for each in self._quantizers:
            each.__dict__.pop("forward", None)


def _has_one_weight(module: nn.Module) -> bool:
    """Returns whether a layer has one input and one weight; experts have several, used in turn."""
    return hasattr(module, "input_quantizer") and hasattr(module, "weight_quantizer")


def _tensor(output: Any) -> torch.Tensor:
    return output[0] if isinstance(output, tuple) else output


def _score(gradient: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    """Returns the sum of squared products, in ModelOpt's order: it shows in the bits of a sum."""
    values = difference.float()
    if gradient.stride() == values.stride():
        values.mul_(gradient)
    else:
        values = gradient.float() * values
    return values.clamp_(-LARGEST, LARGEST).square_().sum()


def _alike(
    recipes: list[QuantRecipe], choices: dict[QuantRecipe, Any], module: nn.Module, role: str
) -> list[dict[QuantRecipe, TensorQuantizer]]:
    """Returns the recipes in sets of those whose quantizers do the same."""
    found: dict[str, list[dict[QuantRecipe, TensorQuantizer]]] = {}
    for recipe in recipes:
        quantizer = choices[recipe][module][role]
        sets = found.setdefault(_description(quantizer), [])
        for same in sets:
            if _same_buffers(next(iter(same.values())), quantizer):
                same[recipe] = quantizer
                break
        else:
            sets.append({recipe: quantizer})
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
