"""What formats change in a layer's output, worked out when it is scored and shared among formats.

For every scored module and format ModelOpt 0.47.0 quantizes input and weight and runs the layer in
the forward pass, and keeps the difference until the module's next forward pass: for Qwen3-VL-4B
about 2.7 GB a format and 1024 tokens of a batch. Its backward hook is the only reader. Here that
work is done when the gradient of the module's output is known, from its input and output: one
difference is in memory at a time, and formats that quantize the input or the weight alike share the
result. The operations and their operands are ModelOpt's, so scores keep their bits.

With few formats the host takes longer for a step than the GPU. So the unquantized output of a
linear layer is computed without its quantizers, which are off, and the hook is its output's and not
its own, for which PyTorch would add two operations in each direction. Other modules keep a hook of
their own: its operation at their input also adds up gradients, and order shows in a sum's bits.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from modelopt.torch.quantization.algorithms import QuantRecipeHparam
from torch import nn
from torch.nn import functional

from aqm_runner.modelopt.quantized_outputs import (
    UNQUANTIZED,
    AnyOutputs,
    LinearOutputs,
    Outputs,
    first,
    is_left_as_it_is,
    is_plain_linear,
)
from aqm_runner.modelopt.squares import squares

# What was known of a module and format before a batch, and what the batch adds, to what is known.
Add = Callable[[torch.Tensor | None, torch.Tensor], torch.Tensor]


def in_sum(known: torch.Tensor | None, score: torch.Tensor) -> torch.Tensor:
    """Returns the sum over the batches so far, as ModelOpt has it."""
    return score if known is None else known + score


def in_row(known: torch.Tensor | None, score: torch.Tensor) -> torch.Tensor:
    """Returns the scores of the batches so far (batches that reached the module,)."""
    return score.reshape(1) if known is None else torch.cat([known, score.reshape(1)])


@contextlib.contextmanager
def shared_scoring(add: Add = in_sum) -> Iterator[None]:
    """Takes the place of the forward calls and hooks that ModelOpt meanwhile gives modules."""
    original = nn.Module.register_full_backward_hook

    def register(module: nn.Module, hook: Any, prepend: bool = False) -> Any:
        if not hasattr(module, "_hparams_for_scoring"):
            return original(module, hook, prepend)
        scored = ScoredModule(module, add)
        # ModelOpt puts back `_forward_original` when it is done.
        module.forward = scored.forward
        if scored.is_linear:
            return scored
        return original(module, lambda _, __, gradients: scored.add_scores(gradients[0]), prepend)

    nn.Module.register_full_backward_hook = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_full_backward_hook = original  # type: ignore[method-assign]


class ScoredModule:
    """One scored module; its scores are added up where ModelOpt looks for them.

    The score of a format grows by the sum over output elements of (dL/dY * (Y_quantized - Y))^2,
    in float32, each element's root bounded by 1e10: what ModelOpt's `_get_auto_quantize_score` has.
    """

    def __init__(self, module: nn.Module, add: Add) -> None:
        self._module = module
        self._add = add
        self._call: tuple[Any, ...] | None = None
        self._outputs: dict[QuantRecipeHparam, Outputs] = {}
        for hparam in module._hparams_for_scoring:
            if hparam.is_configurable:
                kind = LinearOutputs if is_plain_linear(module, hparam) else AnyOutputs
                self._outputs[hparam] = kind(module, hparam)
                hparam.active = UNQUANTIZED
        self.is_linear = is_left_as_it_is(module)

    def forward(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Returns the unquantized output; keeps what it was made from if gradients will come."""
        if self.is_linear:
            output = functional.linear(tensor, self._module.weight, self._module.bias)
        else:
            output = self._module._forward_original(tensor, *args, **kwargs)
        # Without gradients a checkpointed block is only passed through; it comes again.
        if torch.is_grad_enabled():
            given = first(output)
            if self.is_linear:
                self._end_call()
                if given.requires_grad:
                    given.register_hook(self.add_scores)
            result = given.detach()
            # Where layers lie on several devices, a hook of the layer moves its input to it.
            input_ = tensor.detach().to(result.device)
            self._call = (input_, args, kwargs, result, (input_._version, result._version))
        return output

    @torch.no_grad()
    def add_scores(self, gradient: torch.Tensor) -> None:
        """Stands for ModelOpt's backward hook; gets the gradient of the module's output."""
        call = self._end_call()
        if call is None:
            # ModelOpt would use the last call's differences a second time; silence would change
            # the score.
            raise RuntimeError(
                f"a scored {type(self._module).__name__} is called more than once in a forward pass"
            )
        input_, args, kwargs, output, _ = call
        for hparam, outputs in self._outputs.items():
            for recipe, quantized in outputs(input_, *args, **kwargs):
                score = squares(gradient, quantized, output).sum()
                scores = hparam._importance_dict[recipe]
                scores[self._module] = self._add(scores[self._module], score)

    def remove(self) -> None:
        """Is what ModelOpt does with the handle of its hook when all batches are scored."""
        self._end_call()
        self._outputs = {}

    def _end_call(self) -> tuple[Any, ...] | None:
        """Returns the last call, and forgets it; raises if its input or output is overwritten.

        What is written over an output can take the output's hook away, so that its gradient never
        comes: calls end with the next one, and with the last batch.
        """
        call, self._call = self._call, None
        if call is not None:
            input_, _, _, output, versions = call
            if (input_._version, output._version) != versions:
                raise RuntimeError(
                    f"the input or output of a scored {type(self._module).__name__} is "
                    "overwritten before its gradient is known"
                )
        return call
