"""How large the inputs of every layer are: the mean square of each input feature over tokens."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.runner.failures import unsupported_here

CONVOLUTIONS = {
    nn.Conv1d: nn.grad.conv1d_weight,
    nn.Conv2d: nn.grad.conv2d_weight,
    nn.Conv3d: nn.grad.conv3d_weight,
}


class InputSquares:
    """Sums over the data what each weight of a layer is multiplied with, squared.

    Pads are left out: a text layer's input (samples, tokens, features) is taken where the batch's
    attention mask is set. Vision layers have no pads.

    Args:
        layers: Path and module of the layers to watch.

    Attributes:
        calls: Forward calls of each layer, by path.
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self._layers = layers
        self._mask: torch.Tensor | None = None
        self._sums: dict[str, torch.Tensor] = {}
        self._rows = dict.fromkeys(layers, 0)
        self.calls = dict.fromkeys(layers, 0)

    def mean(self, name: str) -> torch.Tensor | None:
        """Returns the mean squares, float64 of the weight's shape without its first axis.

        None where no token reached the layer.
        """
        return self._sums[name] / self._rows[name] if self._rows[name] else None

    @torch.no_grad()
    def watch(self, context: Any, model: nn.Module, loader: Loader) -> None:
        """Runs the model on all batches; tells of the phase `calibrate` and its steps."""
        context.phase("calibrate", len(loader))
        with self._hooks():
            for done, batch in enumerate(loader, start=1):
                self._mask = _mask(batch)
                model(**batch.inputs, use_cache=False)
                context.step(done)

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        handles = [
            module.register_forward_pre_hook(
                lambda module, inputs, name=name: self._add(name, module, inputs[0])
            )
            for name, module in self._layers.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _add(self, name: str, module: nn.Module, tensor: torch.Tensor) -> None:
        self.calls[name] += 1
        squares = tensor.detach().float().square()
        if isinstance(module, nn.Linear):
            masked = self._mask is not None and squares.shape[:-1] == self._mask.shape
            rows = squares[self._mask] if masked else squares.flatten(0, -2)
            found, count = rows.sum(0, dtype=torch.float64), len(rows)
        else:
            found, count = _patch_squares(module, squares)
        self._rows[name] += count
        self._sums[name] = self._sums[name] + found if name in self._sums else found


def _mask(batch: Batch) -> torch.Tensor | None:
    mask = batch.inputs.get("attention_mask")
    return None if mask is None else mask.bool()


def _patch_squares(module: Any, squares: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Returns a convolution's sums over output places, and how many places there are.

    The squares that a weight meets at all places add up to the gradient, with respect to that
    weight, of the sum of one output channel.
    """
    if module.groups != 1 or isinstance(module.padding, str) or module.padding_mode != "zeros":
        raise unsupported_here(
            "unsupported_layer",
            f"The engine weight_error does not know the inputs of this {type(module).__name__}: "
            "it has groups, or padding other than zeros.",
            next_step="Score this model with another engine.",
        )
    ones = squares.new_ones((len(squares), 1, *_output_sizes(module, squares)))
    gradient = CONVOLUTIONS[type(module)](
        squares, (1, *module.weight.shape[1:]), ones, module.stride, module.padding, module.dilation
    )
    return gradient[0].double(), ones.numel()


def _output_sizes(module: Any, tensor: torch.Tensor) -> list[int]:
    """Returns the output's sizes after samples and channels: torch's own formula for it."""
    axes = zip(
        tensor.shape[2:],
        module.padding,
        module.dilation,
        module.kernel_size,
        module.stride,
        strict=True,
    )
    return [
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, padding, dilation, kernel, stride in axes
    ]
