"""The tensors of a model that an export leaves as they are."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from aqm_runner.export.folder import DTYPES
from aqm_runner.export.forms import Stored
from aqm_runner.export.planned import Planned
from aqm_runner.model.stacked_experts import PRODUCTS, expert_layers, stacked_modules

NAMES = {dtype: name for name, dtype in DTYPES.items()}


def kept_tensors(model: nn.Module, planned: Planned) -> dict[str, Tensor]:
    """Returns them by their paths, on the model's device; tensors that are one are there once.

    Experts that the model holds in one tensor are there layer by layer, as files have them.

    Args:
        model: Maybe with quantizers in it, whose own tensors are left out.
        planned: The plan; weights of its quantized layers are left out.
    """
    found: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size]] = set()
    for name, tensor in _by_layer(model).items():
        layer, _, part = name.rpartition(".")
        inside = any(each.endswith(("_quantizer", "_quantizers")) for each in name.split("."))
        if inside or (layer in planned.quantized and part == "weight"):
            continue
        # A head that shares the embedding's weight comes after it.
        place = (tensor.data_ptr(), tensor.shape)
        if tensor.numel() == 0 or place not in seen:
            found[name] = tensor
            seen.add(place)
    return found


def _by_layer(model: nn.Module) -> dict[str, Tensor]:
    found = dict(model.state_dict())
    stacked = stacked_modules(model)
    for name in stacked:
        for product in PRODUCTS:
            del found[f"{name}.{product}"]
    for path, layer in expert_layers(model).items():
        found[f"{path}.weight"] = layer.weight(stacked[layer.module]).detach()
    return found


def headers_of(kept: Mapping[str, Tensor]) -> dict[str, Stored]:
    """Returns dtype and shape of each tensor, as a file has them."""
    return {name: Stored(NAMES[tensor.dtype], tuple(tensor.shape)) for name, tensor in kept.items()}
