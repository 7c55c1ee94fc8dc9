"""How the file names of a checkpoint's tensors and the paths of the model's modules go together.

transformers renames on loading (the language layers of Qwen2.5-VL are `model.layers` on the hub and
`model.language_model.layers` in the model). An exporter may write either names.
"""

from collections.abc import Mapping

from torch import nn
from transformers.core_model_loading import revert_weight_conversion

from aqm_runner.runner.failures import unsupported_here


def hub_names(model: nn.Module) -> Mapping[str, str]:
    """Returns path of each module with tensors of its own → its name on the hub.

    Args:
        model: As `from_pretrained` made it.

    Raises:
        RunnerError: unsupported_here `unsupported_layer` where transformers does more than rename:
            a tensor of the hub is then several of the model, or the other way round.
    """
    tensors = dict(model.state_dict())
    found: dict[str, str] = {}
    for path in tensors:
        layer, _, part = path.rpartition(".")
        if layer in found or any(each.endswith("_quantizer") for each in path.split(".")):
            continue
        (name,) = revert_weight_conversion(model, {path: tensors[path]})
        called, _, left = name.rpartition(".")
        if left != part:
            raise unsupported_here(
                "unsupported_layer",
                f"transformers makes {path} of {name} by more than a new name, so that a layer of "
                "the model is no layer of the folder.",
                next_step="Export this model in the other format.",
            )
        found[layer] = called
    return found
