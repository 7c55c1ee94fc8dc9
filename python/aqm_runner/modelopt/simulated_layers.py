"""What exporters ask of a model with calibrated quantizers in it, layer by layer."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from modelopt.torch.quantization.nn import QuantModule, TensorQuantizer
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from torch import Tensor, nn

from aqm_runner.model.stacked_experts import expert_layers
from aqm_runner.modelopt.fp4_blocks import with_largest_of_blocks
from aqm_runner.modelopt.simulated_experts import SimulatedExpertLayer

ROLES = ("weight_quantizer", "input_quantizer")


class SimulatedLayers:
    """Answers for layers that are quantized; see `export.simulated.Simulated`.

    Args:
        model: Maybe not quantized yet.
        groups: Name and layers of the groups of a plan.
        formats: Layer to the name of its candidate, of the layers that are quantized.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: Mapping[str, tuple[str, ...]],
        formats: Mapping[str, str],
    ) -> None:
        self.model = model
        self.groups = groups
        self.formats = formats
        experts = expert_layers(model)
        self._layers: dict[str, Any] = {
            layer: SimulatedExpertLayer(model.get_submodule(experts[layer].module), experts[layer])
            if layer in experts
            else model.get_submodule(layer)
            for layer in formats
        }

    def shape(self, layer: str) -> tuple[int, ...]:
        """Returns the shape of the weight."""
        return tuple(self._layers[layer].weight.shape)

    @torch.no_grad()
    def weight(self, layer: str) -> Tensor:
        """Returns the weight (N, K) with which the simulation computes, in the model's dtype."""
        module = self._layers[layer]
        if isinstance(module, SimulatedExpertLayer):
            return module.simulated_weight()
        return module.weight_quantizer(module.weight)

    def weight_range(self, layer: str) -> Tensor:
        """Returns the largest magnitudes of the weight in float32: (), (N, 1) or (N, blocks)."""
        module = self._layers[layer]
        expert = isinstance(module, SimulatedExpertLayer)
        range_ = (module.weight_range() if expert else module.weight_quantizer.amax).float()
        return (
            range_.reshape(()) if range_.numel() == 1 else range_.reshape(self.shape(layer)[0], -1)
        )

    def input_range(self, layer: str) -> Tensor | None:
        """Returns the largest magnitude of the input in float32, (); None: it is not quantized."""
        quantizer = self._layers[layer].input_quantizer
        return quantizer.amax.float().reshape(()) if quantizer.is_enabled else None

    def feature_scales(self, layer: str) -> Tensor | None:
        """Returns what each input feature is multiplied by before all else, (K,), or None."""
        scales = self._layers[layer].input_quantizer.pre_quant_scale
        return None if scales is None else scales.reshape(-1)

    @torch.no_grad()
    def fp4_codes(self, layer: str) -> tuple[Tensor, Tensor, Tensor]:
        """Returns codes (N, K / 2), scales of blocks (N, K / 16) and of all, of an NVFP4 weight.

        Both are of what the simulation makes of the weight, so that how a tie is rounded does not
        show.
        """
        module = self._layers[layer]
        quantizer, block = module.weight_quantizer, module.weight_quantizer.block_sizes[-1]
        simulated = self.weight(layer)
        of_block, of_all = NVFP4QTensor.get_weights_scaling_factor_from_quantizer(
            quantizer, with_largest_of_blocks(simulated, module.weight)
        )
        codes, _, _ = NVFP4QTensor.quantize(simulated.float(), block, of_block, of_all)
        return codes._quantized_data, of_block, of_all

    @contextlib.contextmanager
    def unquantized(self) -> Iterator[None]:
        """Leaves the model as it was loaded for a while."""
        enabled = [
            quantizer
            for layer in self._layers.values()
            for quantizer in quantizers_of(layer).values()
            if quantizer.is_enabled
        ]
        for quantizer in enabled:
            quantizer.disable()
        try:
            yield
        finally:
            for quantizer in enabled:
                quantizer.enable()


def quantizers_of(layer: Any) -> dict[str, TensorQuantizer]:
    """Returns the quantizers of a layer's weight and inputs by their roles."""
    assert isinstance(layer, QuantModule | SimulatedExpertLayer)
    return {role: getattr(layer, role) for role in ROLES}
