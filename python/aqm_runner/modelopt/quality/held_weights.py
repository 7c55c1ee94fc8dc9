"""Quantized weights that are held from one forward pass to the next.

ModelOpt quantizes a weight each time its layer runs. Here a weight is quantized once, and the very
tensor that the quantizer returned serves all batches, and further plans as long as memory allows.
So a plan costs the quantization of the groups in which it differs from those before.
"""

from typing import Any

import torch
from torch import Tensor, nn


class HeldWeights:
    """What the quantizers of a model's weights made of them.

    Args:
        budget: How many bytes may be held. Weights that are in use come first; where even they do
            not fit, the rest are quantized each time.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._held: list[HeldWeight] = []
        self._idle: dict[HeldWeight, None] = {}

    @property
    def left(self) -> int:
        """How many bytes may still be held."""
        return self._left

    def hold(self, quantizer: nn.Module, weight: Tensor) -> "HeldWeight":
        """Makes a quantizer hold what it makes of a weight; all else it quantizes as before."""
        held = HeldWeight(self, quantizer, weight)
        self._held.append(held)
        return held

    def begin(self, held: list["HeldWeight"]) -> None:
        """Says that quantizers are in use from now on."""
        for each in held:
            self._idle.pop(each, None)

    def end(self, held: list["HeldWeight"]) -> None:
        """Says that quantizers are out of use: what they hold may go where room is needed."""
        self._idle |= dict.fromkeys(each for each in held if each.result is not None)

    def take(self, size: int) -> bool:
        """Makes room; returns whether so many bytes may be held."""
        while self._left < size and self._idle:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            assert oldest.result is not None
            self._left += oldest.result.nbytes
            oldest.result = None
        if self._left < size:
            return False
        self._left -= size
        return True

    def remove(self) -> None:
        """Leaves all quantizers as they were."""
        self._idle.clear()
        for each in self._held:
            each.remove()


class HeldWeight:
    """One quantizer of a weight.

    Attributes:
        result: What it made of the weight; None where it was not asked, or nothing is held.
    """

    def __init__(self, all_: HeldWeights, quantizer: nn.Module, weight: Tensor) -> None:
        self._all = all_
        self._quantizer = quantizer
        self._quantize = quantizer.forward
        self._place = _place(weight)
        self.result: Tensor | None = None
        quantizer.forward = self.forward

    def forward(self, tensor: Any) -> Any:
        """Stands for the quantizer's own; nothing writes to what it returns."""
        if _place(tensor) != self._place:
            return self._quantize(tensor)
        if self.result is not None:
            return self.result
        with torch.no_grad():
            result = self._quantize(tensor)
        if self._all.take(result.nbytes):
            self.result = result
        return result

    def remove(self) -> None:
        """Leaves the quantizer as it was."""
        self.result = None
        self._quantizer.__dict__.pop("forward", None)


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """Returns what tells a weight from other tensors: weights stay where they are."""
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype
