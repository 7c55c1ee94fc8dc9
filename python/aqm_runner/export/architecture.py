"""What a model consists of, found out without its weights."""

import torch
from torch import nn
from transformers.initialization import no_init_weights

from aqm_runner.model.architectures import auto_class
from aqm_runner.model.checkpoint import load_config
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.stacked_experts import expert_layers, stacked_modules
from aqm_runner.runner.places import Place
from aqm_runner.scoring.grouping import layers_of


def empty_model(checkpoint: Place) -> nn.Module:
    """Returns the model of a checkpoint's config, on the device "meta": shapes and no numbers.

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint`.
    """
    config = load_config(checkpoint)
    with (
        naming_errors(checkpoint, "the model's layers"),
        torch.device("meta"),
        no_init_weights(),
    ):
        model: nn.Module = auto_class(config).from_config(config)
    return model


def layer_shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Returns path and shape of the weight of every layer: linear, convolution, of an expert."""
    shapes = {name: tuple(layer.weight.shape) for name, layer in layers_of(model).items()}
    stacked = stacked_modules(model)
    return shapes | {
        path: tuple(layer.weight(stacked[layer.module]).shape)
        for path, layer in expert_layers(model).items()
    }
