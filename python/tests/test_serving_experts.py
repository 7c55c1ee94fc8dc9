"""Experts of a block, which vLLM holds in one parameter, against their tensors in the files."""

from collections.abc import Callable

import pytest
import torch
from test_serving import Tensors, codes, stored

from aqm_runner.serving.levels import lacks_kernel
from aqm_runner.serving.parameters import Expert, Names, compare

HOME = "blocks.0.experts.routed"
NAMES = Names(
    lambda name: name.removeprefix("model."),
    {},
    {
        f"blocks.0.experts.{number}.{role}": Expert(HOME, prefix, number, shard)
        for number in (0, 1)
        for role, prefix, shard in (("gate", "w13_", 0), ("up", "w13_", 1), ("down", "w2_", 0))
    },
)


def differences(files: Tensors, parameters: Tensors) -> list[str]:
    found = compare({name: stored(value) for name, value in files.items()}, parameters, NAMES)
    return found.different


@pytest.fixture
def files() -> Tensors:
    """Two experts of INT8 codes; a scale for each layer and one for all inputs."""
    found: Tensors = {}
    for number in (0, 1):
        for index, role in enumerate(("gate", "up", "down")):
            layer = f"model.blocks.0.experts.{number}.{role}"
            found[f"{layer}.weight"] = codes(10 * number + index, 5)
            found[f"{layer}.weight_scale"] = torch.tensor(0.5 + number + index)
            found[f"{layer}.input_scale"] = torch.tensor(2.0)
    return found


@pytest.fixture
def parameters(files: Tensors) -> Tensors:
    """What vLLM makes of `files`: gate and up one after the other, inputs in one slot an expert."""

    def of(leaf: str, *roles: str) -> torch.Tensor:
        experts = [
            [files[f"model.blocks.0.experts.{number}.{role}.{leaf}"] for role in roles]
            for number in (0, 1)
        ]
        joined = torch.cat if experts[0][0].dim() else torch.stack
        return torch.stack([joined(each) for each in experts])

    return {
        f"{HOME}.w13_weight": of("weight", "gate", "up"),
        f"{HOME}.w2_weight": of("weight", "down"),
        f"{HOME}.w13_weight_scale": of("weight_scale", "gate", "up"),
        f"{HOME}.w2_weight_scale": of("weight_scale", "down")[:, 0],
        f"{HOME}.w13_input_scale": of("input_scale", "gate")[:, 0],
        f"{HOME}.w2_input_scale": of("input_scale", "down")[:, 0],
    }


def test_each_expert_is_compared_layer_by_layer(files, parameters):
    found = compare({name: stored(value) for name, value in files.items()}, parameters, NAMES)
    assert (found.parameters, found.different) == (6, [])


Change = Callable[[Tensors, Tensors], object]
SPOILT: dict[str, tuple[Change, str]] = {
    "gate and up exchanged": (
        lambda _, p: p[f"{HOME}.w13_weight"].copy_(p[f"{HOME}.w13_weight"].roll(2, 1)),
        "experts.0.gate.weight: 2 of 4 values differ",
    ),
    "experts exchanged": (
        lambda _, p: p[f"{HOME}.w2_weight"].copy_(p[f"{HOME}.w2_weight"].flip(0)),
        "experts.0.down.weight: 2 of 4 values differ, by up to 10",
    ),
    "a scale of another expert": (
        lambda _, p: p[f"{HOME}.w13_weight_scale"].copy_(p[f"{HOME}.w13_weight_scale"].flip(0)),
        "experts.0.gate.weight_scale: 1 of 1 values differ",
    ),
    "inputs of gate and up that differ": (
        lambda f, _: f["model.blocks.0.experts.1.up.input_scale"].fill_(3.0),
        "experts.1.up.input_scale: 1 of 1 values differ",
    ),
    "an expert without a layer": (
        lambda f, _: f.pop("model.blocks.0.experts.1.up.weight"),
        "experts.1.gate.weight: int8 [2, 2] in the file",
    ),
    "a layer that vLLM has no place for": (
        lambda f, _: f.update({"model.blocks.0.experts.0.down.pre_quant_scale": torch.ones(2)}),
        "experts.0.down.pre_quant_scale: vLLM has no parameter for it",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_differs_is_named(files, parameters, name):
    change, told = SPOILT[name]
    change(files, parameters)
    found = differences(files, parameters)
    assert any(told in each for each in found), found


def test_packed_integers_of_experts_are_turned_in_vllm(files, parameters):
    packed = {
        f"model.blocks.0.experts.{number}.{role}.weight_packed": torch.arange(6).reshape(3, 2)
        + 100 * number
        + 10 * index
        for number in (0, 1)
        for index, role in enumerate(("gate", "up"))
    }
    of_expert = [torch.cat(list(packed.values())[2 * number : 2 * number + 2]) for number in (0, 1)]
    turned = torch.stack([each.t().contiguous() for each in of_expert])
    turned.is_transposed = True  # type: ignore[attr-defined]
    assert differences(packed, {f"{HOME}.w13_weight_packed": turned}) == []
    assert differences(packed, {f"{HOME}.w13_weight_packed": turned.flip(0)}) != []


def test_one_scale_of_a_layer_that_is_fused_in_the_file_stands_in_every_slot_of_vllm():
    files = {
        "model.qkv.weight": codes(1, 2, 3),
        "model.qkv.weight_scale": torch.tensor(0.25),
    }
    slots = torch.full((3,), 0.25)
    weight = {"qkv.weight": codes(1, 2, 3)}
    assert differences(files, weight | {"qkv.weight_scale": slots}) == []
    other = torch.tensor([0.25, 0.5, 0.25])
    assert len(differences(files, weight | {"qkv.weight_scale": other})) == 1


def test_a_want_of_kernels_for_experts_is_the_devices():
    assert lacks_kernel("NotImplementedError: No WNA16 MoE backend supports the deployment.")
    assert not lacks_kernel("RuntimeError: Unsupported FusedMoe scheme: num_bits=8")
