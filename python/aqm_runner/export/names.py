"""How the file names of a checkpoint's tensors and the paths of the model's modules go together.

transformers renames on loading (the language layers of Qwen2.5-VL are `model.layers` on the hub and
`model.language_model.layers` in the model), and puts the experts of a block into two tensors. An
exporter may write either names.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers.core_model_loading import revert_weight_conversion

from aqm_runner.model.stacked_experts import FIRST, PRODUCTS, SECOND, expert_layers, stacked_modules
from aqm_runner.runner.failures import RunnerError, unsupported_here


def hub_names(model: nn.Module) -> Mapping[str, str]:
    """Returns path of each module with tensors of its own → its name on the hub.

    Layers of experts have the paths that `expert_layers` gives them.

    Args:
        model: As `from_pretrained` made it.

    Raises:
        RunnerError: unsupported_here `unsupported_layer` where transformers does more than rename:
            a tensor of the hub is then several of the model, or the other way round.
    """
    tensors = dict(model.state_dict())
    found = _names_of_experts(model)
    stacked = stacked_modules(model)
    for path in tensors:
        layer, _, part = path.rpartition(".")
        if layer in found or any(
            each.endswith(("_quantizer", "_quantizers")) for each in path.split(".")
        ):
            continue
        if layer in stacked and part in PRODUCTS:
            continue
        names = list(revert_weight_conversion(model, {path: tensors[path]}))
        called, _, left = names[0].rpartition(".")
        if len(names) > 1 or left != part:
            raise _more_than_a_name(path, ", ".join(names[:3]))
        found[layer] = called
    return found


def expert_names(model: nn.Module) -> Mapping[str, str]:
    """Returns the names of `hub_names` for a model with experts in one tensor; none for others.

    The experts of a block have no paths of their own, so that all names are those of the hub.
    """
    return hub_names(model) if stacked_modules(model) else {}


def _names_of_experts(model: nn.Module) -> dict[str, str]:
    """Finds names by numbers: each layer of each expert is one, and the tensors of the hub tell."""
    found: dict[str, str] = {}
    layers = expert_layers(model)
    for name, module in stacked_modules(model).items():
        experts = getattr(module, FIRST).shape[0]
        first = torch.arange(2 * experts).reshape(experts, 2, 1)
        second = torch.arange(2 * experts, 3 * experts).reshape(experts, 1, 1)
        paths = [path for path, layer in layers.items() if layer.module == name]
        numbers = {
            (2 * layers[path].number + (layers[path].rows[0] > 0))
            if layers[path].product == FIRST
            else 2 * experts + layers[path].number: path
            for path in paths
        }
        reverted: dict[str, Any] = dict(
            revert_weight_conversion(model, {f"{name}.{FIRST}": first, f"{name}.{SECOND}": second})
        )
        for called, number in reverted.items():
            layer, _, part = called.rpartition(".")
            if number.numel() != 1 or part != "weight":
                raise _more_than_a_name(name, called)
            found[numbers[int(number)]] = layer
    return found


def _more_than_a_name(path: str, names: str) -> RunnerError:
    return unsupported_here(
        "unsupported_layer",
        f"transformers makes {path} of {names} by more than a new name, so that a layer of the "
        "model is no layer of the folder.",
        next_step="Export this model in the other format.",
    )
