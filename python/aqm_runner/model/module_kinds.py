"""What the modules of a model are for, found out from its tree.

A model that reads images is a language model with parts beside it: a vision tower, and what brings
its output into the space of tokens (called a merger, projector or connector).
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from torch import nn

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
HEADS = ("lm_head", "embed_out")
# What transformers calls the parts beside a language model; a test holds this against the trees.
VISION = re.compile(
    r"visual|vit|vision_.*|image_.*|embed_vision|(?:.*_)?projector|connector|aligner|qformer"
)
# What decides which experts see a token; ModelOpt's recipes leave these in high precision.
ROUTERS = re.compile(r"gate|router|.*_router|shared_expert_gate")


def part_of(path: str) -> str:
    """Returns "vision", "lm_head" or "language" for the path of a layer, by its names alone."""
    names = path.split(".")
    if any(VISION.fullmatch(name) for name in names):
        return "vision"
    return "lm_head" if names[-1] in HEADS else "language"


def vision_patterns(model: nn.Module) -> list[str]:
    """Returns patterns (as of fnmatch) of all layers beside the language model; [] without any."""
    language = set(_layers(model, _language_model(model)))
    return [_pattern(path, language) for path in _beside(model)]


def head_patterns(model: nn.Module) -> list[str]:
    """Returns the pattern of the layer that makes logits."""
    head = _output_layer(model)
    names = [name for name, module in model.named_modules() if module is head]
    return [f"*{(names or HEADS)[0].rsplit('.', 1)[-1]}*"]


def router_patterns(model: nn.Module) -> list[str]:
    """Returns patterns of linear layers that choose experts; [] where none is a linear layer."""
    found = []
    for path, module in model.named_modules():
        if not isinstance(getattr(module, "experts", None), nn.Module):
            continue
        for name, child in module.named_children():
            if ROUTERS.fullmatch(name) and any(
                isinstance(each, LAYERS) for each in child.modules()
            ):
                found.append(f"{path}.{name}*")
    return found


def idle_patterns(model: nn.Module) -> list[str]:
    """Returns patterns of vision layers whose output the model does not use.

    LLaVA and its like take the states behind an earlier block than the last one
    (`vision_feature_layer`), and not what a tower's own head makes of them.
    """
    config: Any = getattr(model, "config", None)
    blocks = getattr(getattr(config, "vision_config", None), "num_hidden_layers", None)
    taken = getattr(config, "vision_feature_layer", None)
    found = []
    for path in _beside(model):
        for name, module in model.get_submodule(path).named_modules(prefix=path):
            if type(module).__name__.endswith("AttentionPoolingHead"):
                found.append(f"{name}.*")
            if taken is not None and isinstance(module, nn.ModuleList) and len(module) == blocks:
                states = [taken] if isinstance(taken, int) else taken
                used = max(state if state >= 0 else blocks + 1 + state for state in states)
                found += [f"{name}.{block}.*" for block in range(used, blocks)]
    return found


def _beside(model: nn.Module) -> list[str]:
    """Returns the paths of all modules with layers that are neither language model nor head."""
    language, head = _language_model(model), _output_layer(model)
    path = next((name for name, module in model.named_modules() if module is language), "")
    found = []
    around = ""
    for own in path.split(".") if path else []:
        for name, child in model.get_submodule(around).named_children():
            inner = f"{around}.{name}" if around else name
            if name != own and child is not head and any(True for _ in _layers(model, child)):
                found.append(inner)
        around = f"{around}.{own}" if around else own
    return found


def _layers(model: nn.Module, part: nn.Module) -> Iterator[str]:
    names = {id(module): name for name, module in model.named_modules()}
    return (names[id(each)] for each in part.modules() if isinstance(each, LAYERS))


def _pattern(path: str, language: set[str]) -> str:
    """Returns `*visual*` for `model.visual`, or the whole path where that meant other layers."""
    short = f"*{path.rsplit('.', 1)[-1]}*"
    return f"{path}*" if any(fnmatch(name, short) for name in language) else short


def _language_model(model: Any) -> nn.Module:
    return model.get_decoder() if hasattr(model, "get_decoder") else model


def _output_layer(model: Any) -> nn.Module | None:
    found = getattr(model, "get_output_embeddings", lambda: None)()
    return found if isinstance(found, nn.Module) else None
