"""Which layers a model has, and which of them must share one choice of format.

The rules are those of ModelOpt 0.47.0 (`quant_grouping_rules` of its AutoQuantize), so that every
engine scores the same groups; a test compares. What inference engines fuse into one matrix product
has to have one format: q, k and v; gate and up; all experts of a block.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

from torch import nn

from aqm_runner.model.module_kinds import LAYERS

# Axes of a tensor of matrices: (experts, outputs, inputs).
STACKED = 3
# (pattern of the path, what is appended to its first group); the first rule that fits counts.
RULES = [
    (re.compile(pattern), suffix)
    for pattern, suffix in (
        (r"(.*?)\.(?:q_proj|k_proj|v_proj)", ""),
        (r"(.*?\.mlp\.experts)\.\d+\.(?:gate_proj|up_proj|down_proj)", ""),
        (r"(.*?\.mixer\.experts)\.\d+\.(?:up_proj|down_proj)", ""),
        (r"(.*?\.mlp\.experts\.local_experts)\.\d+\.(?:linear_fc1|linear_fc2)", ""),
        (r"(.*?)\.(?:gate_proj|up_proj)", ""),
        (r"(.*?)\.\d+\.(?:w1|w2|w3)", ""),
        (r"(.*?)\.(?:w1_linear|w2_linear|w3_linear)\.\d+", ""),
        (r"(.*?\.linear_attn)\.(?:in_proj_qkv|in_proj_z)", "/qkvz"),
        (r"(.*?\.linear_attn)\.(?:in_proj_a|in_proj_b)", "/ba"),
    )
]


@dataclass(frozen=True)
class LayerGroup:
    """Layers that share one choice of format.

    Attributes:
        layers: Path and module of each, in module order.
        enabled: Whether all of them may be quantized.
    """

    layers: dict[str, nn.Module]
    enabled: bool

    @property
    def weights(self) -> int:
        """Number of weight elements over all members."""
        return sum(layer.weight.numel() for layer in self.layers.values())


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Returns path and module of every linear and convolution layer, in module order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LAYERS)}


def stacked_layers(model: nn.Module) -> str | None:
    """Returns what says that a module holds the weights of several layers in one tensor, or None.

    An expert of such a module is no layer of its own. The text names the first such module with its
    class and those weights; a sentence goes on after it.
    """
    for name, module in model.named_modules():
        stacked = [
            own
            for own, weight in module.named_parameters(recurse=False)
            if weight.dim() == STACKED and not isinstance(module, LAYERS)
        ]
        if stacked:
            return (
                f"{name} ({type(module).__name__}) holds the weights of several layers in one "
                f"tensor ({', '.join(stacked)})"
            )
    return None


def group_layers(layers: dict[str, nn.Module], kept: Iterable[str]) -> list[LayerGroup]:
    """Returns the groups, in the order of their first members.

    Args:
        layers: Path and module of every layer, in module order.
        kept: Patterns (as of fnmatch) of layers that stay in high precision; one of them keeps its
            whole group there.
    """
    members: dict[str, dict[str, nn.Module]] = {}
    for name, module in layers.items():
        members.setdefault(_key(name), {})[name] = module
    return [
        LayerGroup(group, not any(fnmatch(name, pattern) for name in group for pattern in kept))
        for group in members.values()
    ]


def _key(name: str) -> str:
    for pattern, suffix in RULES:
        found = pattern.fullmatch(name)
        if found:
            return f"{found.group(1)}{suffix}"
    return name
