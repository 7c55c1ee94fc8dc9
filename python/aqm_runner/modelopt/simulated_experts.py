"""One layer of an expert, with the quantizers that ModelOpt gives the tensor that it is a part of.

Where transformers holds the experts of a block in one module, ModelOpt 0.47.0 gives that module a
quantizer for each expert's part of a weight (gate and up share one) and one for the inputs of all
experts, for each of the two weights.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modelopt.torch.quantization.nn import TensorQuantizer
from torch import Tensor, nn

from aqm_runner.model.stacked_experts import PRODUCTS, ExpertLayer


def quantizer_names(layer: ExpertLayer) -> dict[str, str]:
    """Returns the exact paths of a layer's quantizers in the model, by their roles."""
    return {
        "weight_quantizer": f"{layer.module}.{layer.product}_weight_quantizers.{layer.number}",
        "input_quantizer": f"{layer.module}.{layer.product}_input_quantizer",
    }


def quantizer_pairs(
    roles: Mapping[str, nn.Module],
) -> Iterator[tuple[nn.Module | None, nn.Module | None]]:
    """Yields the quantizers of a weight and of what it is multiplied with, for each weight.

    Args:
        roles: Those of one module, a layer or the experts of a block, by the names of attributes.
    """
    yield roles.get("weight_quantizer"), roles.get("input_quantizer")
    for product in PRODUCTS:
        for quantizer in roles.get(f"{product}_weight_quantizers", nn.ModuleList()).children():
            yield quantizer, roles.get(f"{product}_input_quantizer")


class SimulatedExpertLayer:
    """A layer of an expert as if it were a module.

    Args:
        module: That of all experts of the block, with quantizers in it or not yet.
        layer: Which part of it.
    """

    def __init__(self, module: Any, layer: ExpertLayer) -> None:
        self._module = module
        self._layer = layer

    @property
    def weight(self) -> Tensor:
        """The weight (N, K), a view."""
        return self._layer.weight(self._module)

    @property
    def weight_quantizer(self) -> TensorQuantizer:
        """What quantizes the weight, maybe with further rows of the expert."""
        quantizers = getattr(self._module, f"{self._layer.product}_weight_quantizers")
        return quantizers[self._layer.number]

    @property
    def input_quantizer(self) -> TensorQuantizer:
        """What quantizes the inputs of this layer in all experts."""
        return getattr(self._module, f"{self._layer.product}_input_quantizer")

    def simulated_weight(self) -> Tensor:
        """Returns the weight (N, K) with which the simulation computes."""
        expert = getattr(self._module, self._layer.product)[self._layer.number]
        return self.weight_quantizer(expert)[slice(*self._layer.rows)]

    def weight_range(self) -> Tensor:
        """Returns the largest magnitudes of the weight: one, or (N, blocks), in their own type."""
        range_ = self.weight_quantizer.amax
        if range_.numel() == 1:
            return range_
        rows = getattr(self._module, self._layer.product).shape[1]
        return range_.reshape(rows, -1)[slice(*self._layer.rows)]
