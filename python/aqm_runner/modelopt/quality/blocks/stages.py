"""In which stages a model computes: what is before its blocks, then one block after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Stages:
    """Stages of a model.

    Attributes:
        towers: Paths of the modules that come before the blocks, such as the vision tower.
        blocks: Paths of the blocks; none where the model has none that hold layers of groups.
        groups: Names of the groups of each stage: of all that is before the blocks, then of each
            block. Those of the output head are in none.
    """

    towers: list[str]
    blocks: list[str]
    groups: list[list[str]]


def find_stages(model: Any, groups: Groups) -> Stages:
    """Returns the stages of a model as far as its names tell.

    Args:
        model: A model of transformers.
        groups: Name and modules of groups of layers.
    """
    path, count = _blocks(model, groups)
    return Stages(
        _towers(model, groups, path) if count else [],
        [f"{path}.{index}" for index in range(count)],
        _groups(model, groups, path, count),
    )


def _blocks(model: nn.Module, groups: Groups) -> tuple[str, list[nn.Module]]:
    """Returns path and items of the last list of blocks that all hold layers of groups."""
    modules = [module for group in groups.values() for module in group]
    found = ("", 0)
    for path, each in model.named_modules():
        if isinstance(each, nn.ModuleList) and len(each) > 1:
            holds = all(
                any(module.startswith(f"{path}.{index}.") for module in modules)
                for index in range(len(each))
            )
            if holds and all(isinstance(block, GradientCheckpointingLayer) for block in each):
                found = (path, len(each))
    return found


def _outside(model: Any, groups: Groups, path: str) -> dict[str, str]:
    """Returns name and first module of the groups that are neither in blocks nor the head."""
    head = model.get_output_embeddings()
    return {
        name: modules[0]
        for name, modules in groups.items()
        if not modules[0].startswith(f"{path}.") and model.get_submodule(modules[0]) is not head
    }


def _towers(model: Any, groups: Groups, path: str) -> list[str]:
    """Returns paths of the modules beside the blocks that hold all groups outside them."""
    parts = path.split(".")
    found = []
    for module in _outside(model, groups, path).values():
        other = module.split(".")
        shared = next(i for i, (a, b) in enumerate(zip(parts, other, strict=False)) if a != b)
        tower = ".".join(other[: shared + 1])
        if tower not in found:
            found.append(tower)
    order = [name for name, _ in model.named_modules()]
    return sorted(found, key=order.index)


def _groups(model: Any, groups: Groups, path: str, blocks: int) -> list[list[str]]:
    """Returns names of groups by stage: those before the blocks, then those of each block."""
    stages: list[list[str]] = [list(_outside(model, groups, path)), *([] for _ in range(blocks))]
    for name, modules in groups.items():
        indices = [
            int(module.removeprefix(f"{path}.").split(".")[0])
            for module in modules
            if module.startswith(f"{path}.")
        ]
        if indices:
            stages[1 + min(indices)].append(name)
    return stages
