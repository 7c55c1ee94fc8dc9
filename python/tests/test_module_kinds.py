"""What the layers of a model are for, in the trees of all tiny families and of some odd ones."""

from fnmatch import fnmatch
from types import SimpleNamespace

import pytest
from harness import place
from torch import nn

from aqm_runner.export.architecture import empty_model
from aqm_runner.model.module_kinds import part_of, router_patterns, vision_patterns
from aqm_runner.model.tiny_families import FAMILIES
from aqm_runner.scoring.grouping import layers_of
from aqm_runner.scoring.scopes import kept_layers

# What stays in high precision in scope lm without the head, and in all_layers with it.
KEPT = {family: (["*lm_head*"], []) for family in FAMILIES} | {
    "qwen3_vl": (["*visual*", "*lm_head*"], []),
    "qwen2_5_vl": (["*visual*", "*lm_head*"], []),
    "gemma3": (["*vision_tower*", "*lm_head*"], []),
    # The last block of its vision is idle: LLaVA reads the one before.
    "llava": (
        ["*vision_tower*", "*multi_modal_projector*", "*lm_head*"],
        ["model.vision_tower.encoder.layers.2.*"],
    ),
}


@pytest.fixture(params=KEPT)
def model(request, tiny, checkpoints) -> tuple[str, nn.Module]:
    folder = checkpoints.get(request.param) or tiny(request.param)
    return request.param, empty_model(place(folder, "folder"))


def test_scopes_keep_what_is_beside_the_language_model(model):
    family, empty = model
    lm, all_layers = KEPT[family]
    assert kept_layers(empty, "lm", include_lm_head=False) == lm
    assert kept_layers(empty, "all_layers", include_lm_head=True) == all_layers


def test_names_tell_what_the_tree_tells(model):
    _, empty = model
    patterns = vision_patterns(empty)
    for name in layers_of(empty):
        beside = any(fnmatch(name, pattern) for pattern in patterns)
        assert (part_of(name) == "vision") == beside, name
        assert (part_of(name) == "lm_head") == (name == "lm_head")


class Block(nn.Module):
    """A mixture of experts whose router and whose gate of a shared expert are linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(4, 2)
        self.shared_expert_gate = nn.Linear(4, 1)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))


def test_what_chooses_experts_is_kept_and_gates_of_dense_layers_are_not():
    dense = nn.Module()
    dense.gate = nn.Linear(4, 4)
    model = nn.ModuleDict({"mlp": Block(), "dense": dense})
    assert router_patterns(model) == ["mlp.gate*", "mlp.shared_expert_gate*"]


class Odd(nn.Module):
    """Its vision part is called as a part of its language model is."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace()
        self.language_model = nn.ModuleDict({"tower": nn.Linear(4, 4)})
        self.tower = nn.Linear(4, 4)

    def get_decoder(self) -> nn.Module:
        return self.language_model


def test_a_pattern_never_means_a_language_layer():
    assert vision_patterns(Odd()) == ["tower*"]
