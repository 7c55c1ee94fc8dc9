"""The largest magnitude of every layer's input over all batches.

What ModelOpt 0.47.0 calls `max` calibration of a static quantizer with one range for a tensor
(`MaxCalibrator` without an axis): the largest absolute value among all that the layer is called
with, pads included, in the type in which it is called.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from aqm_runner.model.batches import Loader
from aqm_runner.model.stacked_experts import PRODUCTS, is_stacked, on_inputs
from aqm_runner.runner.failures import gate_failed


class InputMaxima:
    """Watches layers while a model runs; keeps one number a layer, on the device.

    Args:
        layers: Path and module of the layers to watch. Experts that are one module have two: what
            all experts of the block are given, and what their second product is.

    Attributes:
        names: What the ranges are called, in the order of layers.
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self._layers = layers
        self.names = [
            name
            for path, layer in layers.items()
            for name in (
                [f"{path}.{product}" for product in PRODUCTS] if is_stacked(layer) else [path]
            )
        ]
        self._maxima: dict[str, Tensor] = {}

    @torch.inference_mode()
    def watch(self, context: Any, model: nn.Module, loader: Loader) -> None:
        """Runs the model on all batches; tells of the phase `calibrate` and its steps."""
        head = model.get_output_embeddings()
        # The range of the output head needs all tokens; those of other layers no logits.
        kept = 0 if any(layer is head for layer in self._layers.values()) else 1
        context.phase("calibrate", len(loader))
        with self._hooks():
            for done, batch in enumerate(loader, start=1):
                model(**batch.inputs, use_cache=False, logits_to_keep=kept)
                context.step(done)

    def ranges(self) -> dict[str, float]:
        """Returns path to range of the layers that were called, in their order; float32 exactly.

        Raises:
            RunnerError: gate_failed `non_finite_range` naming the first layer with NaN or infinity
                in an input.
        """
        found = {
            name: float(self._maxima[name].float()) for name in self.names if name in self._maxima
        }
        for name, value in found.items():
            if not 0 <= value < float("inf"):
                raise gate_failed(
                    "non_finite_range",
                    f"On the calibration data the input of {name} has values that are no finite "
                    "numbers, so that it has no range.",
                    next_step="Check the checkpoint's weights for NaN and infinity; with "
                    "bfloat16, try float32.",
                )
        return found

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        removals: list[Callable[[], None]] = []
        for name, module in self._layers.items():
            if is_stacked(module):
                removals.append(on_inputs(module, functools.partial(self._hear, name)))
            else:
                handle = module.register_forward_pre_hook(
                    lambda _module, inputs, name=name: self._add(name, inputs[0])
                )
                removals.append(handle.remove)
        try:
            yield
        finally:
            for remove in removals:
                remove()

    def _hear(self, name: str, product: str, given: Tensor) -> Tensor:
        self._add(f"{name}.{product}", given)
        return given

    def _add(self, name: str, tensor: Tensor) -> None:
        if tensor.numel() == 0:  # an expert that no token was sent to
            return
        # Without a copy of the tensor; NaN stays NaN in both.
        largest = torch.maximum(tensor.max().abs(), tensor.min().abs())
        known = self._maxima.get(name)
        self._maxima[name] = largest if known is None else torch.maximum(known, largest)
