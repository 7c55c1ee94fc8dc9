"""What an exporter needs of the model that was measured. Each engine simulates one."""

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn


class Simulated(Protocol):
    """A model whose layers are in the formats of one plan, by simulation.

    Attributes:
        model: The model; its own weights are as they were loaded.
        groups: Name and layers of the groups of the plan.
        formats: Layer to the name of its candidate, of the layers that are quantized.
    """

    model: nn.Module
    groups: Mapping[str, tuple[str, ...]]
    formats: Mapping[str, str]

    def shape(self, layer: str) -> tuple[int, ...]:
        """Returns the shape of the weight."""
        ...

    def weight(self, layer: str) -> Tensor:
        """Returns the weight (N, K) with which the simulation computes, in the model's dtype."""
        ...

    def weight_range(self, layer: str) -> Tensor:
        """Returns the largest magnitudes of the weight in float32: (), (N, 1) or (N, blocks)."""
        ...

    def input_range(self, layer: str) -> Tensor | None:
        """Returns the largest magnitude of the input in float32, (); None: it is not quantized."""
        ...

    def feature_scales(self, layer: str) -> Tensor | None:
        """Returns what each input feature is multiplied by before all else, (K,), or None."""
        ...

    def fp4_codes(self, layer: str) -> tuple[Tensor, Tensor, Tensor]:
        """Returns codes (N, K / 2), scales of blocks (N, K / 16) and of all, of an NVFP4 weight."""
        ...

    def unquantized(self) -> contextlib.AbstractContextManager[Any]:
        """Leaves the model as it was loaded for a while."""
        ...
