"""Figures of plans against a model that the test quantizes itself, and the same bits every time."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from experts import make_experts
from harness import FakeContext, place
from material import JUDGED, measuring
from modelopt.torch.quantization.nn import TensorQuantizer
from plan_direct import Direct, check, direct_figures, rows_of
from plan_files import groups_of, in_turn, write_plans
from quality_runs import judge
from spoilt import change_weights

from aqm_runner.model.batches import Loader, caption_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.modelopt.quality import judged_model
from aqm_runner.modelopt.quality.fused_scales import share_ranges
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.recipes import as_format


@pytest.mark.parametrize("scope", ["lm", pytest.param("all_layers", marks=pytest.mark.engines)])
def test_figures_are_those_of_a_model_quantized_layer_by_layer_and_fed_without_pads(
    quality_inputs, tmp_path, scope
):
    inputs = quality_inputs[scope]
    groups = groups_of(inputs["checkpoint"], scope)
    formats = in_turn(groups, "INT3", "INT4_WEIGHTS", "NONE")
    plan = write_plans(tmp_path / "mixed.json", groups, mixed=formats)
    outcomes = judge(measuring(scope, "INT3", "INT4_WEIGHTS"), inputs, [plan], tmp_path / "found")
    assert outcomes["mixed"].error is None
    document = json.loads((tmp_path / "found/mixed").read_text())
    direct = Direct(inputs)
    unquantized = direct.say(direct.model())
    expected = direct_figures(unquantized, direct.say(direct.quantized(groups, formats)))
    assert expected["kl"] > 1e-4
    check(document, 0, expected, rel=2e-4)
    reference = direct_figures(unquantized, unquantized)
    assert document["reference"]["loss"]["value"] == pytest.approx(reference["loss"], rel=1e-5)
    assert document["sample_tokens"] == [len(labels) for _, labels in unquantized]


@pytest.fixture(scope="module")
def uneven(quality_inputs, tmp_path_factory) -> dict[str, Path]:
    """Inputs with a checkpoint whose fused layers have weights of different ranges."""
    folder = tmp_path_factory.mktemp("uneven") / "checkpoint"
    shutil.copytree(quality_inputs["lm"]["checkpoint"], folder)

    def scale(weights: dict[str, torch.Tensor]) -> None:
        for name, weight in weights.items():
            for part, factor in (("k_proj", 0.25), ("v_proj", 3), ("gate_proj", 0.3)):
                if part in name:
                    weight.mul_(factor)

    change_weights(folder, scale)
    return quality_inputs["lm"] | {"checkpoint": folder}


@pytest.mark.engines
def test_fused_layers_share_ranges_as_in_what_modelopt_exports(uneven, tmp_path):
    inputs = uneven
    groups = groups_of(inputs["checkpoint"], "lm")
    formats = in_turn(groups, "FP8", "FP8", "INT8", "FP8")
    plan = write_plans(tmp_path / "mixed.json", groups, mixed=formats)
    params = measuring("lm", "FP8", "INT8")
    params["measure"]["batch_size"] = 8
    judge(params, inputs, [plan], tmp_path / "found")
    document = json.loads((tmp_path / "found/mixed").read_text())
    direct = Direct(inputs, together=True)
    unquantized = direct.say(direct.model())
    fused = direct_figures(unquantized, direct.say(direct.quantized(groups, formats)))
    check(document, 0, fused, rel=1e-4)
    apart = direct.quantized(groups, formats, fuse=False)
    assert direct_figures(unquantized, direct.say(apart))["kl"] != pytest.approx(
        fused["kl"], rel=1e-3
    )


def judged(inputs: dict[str, Path], *names: str) -> JudgedModel:
    make_deterministic("cpu")
    checkpoint = place(inputs["checkpoint"], "folder")
    captions = [caption for _, caption in rows_of(inputs["database"])]
    batches = caption_batches(checkpoint, captions, 4, 64, "max_length")
    formats = [as_format(name, JUDGED[name]) for name in names]
    model = load_model(checkpoint, "float32", "cpu")
    return JudgedModel(FakeContext(), model, Loader(batches, "cpu"), formats, "lm", False)


def ranges(model: Any, modules: tuple[str, ...], role: str) -> list[Any]:
    return [model.get_submodule(f"{each}.{role}").amax.tolist() for each in modules]


def test_single_ranges_are_one_in_a_fused_group_and_those_of_rows_stay(uneven):
    found = judged(uneven, "FP8", "INT8")
    fused = [modules for modules in found.groups.values() if len(modules) > 1]
    assert {len(modules) for modules in fused} == {2, 3}
    found.choose(dict.fromkeys(found.groups, "FP8"))
    for modules in fused:
        weights = [found.model.get_submodule(each).weight.abs().max().item() for each in modules]
        assert len(set(weights)) == len(modules)
        assert ranges(found.model, modules, "weight_quantizer") == [max(weights)] * len(modules)
        assert len(set(ranges(found.model, modules, "input_quantizer"))) == 1
    found.choose(dict.fromkeys(found.groups, "INT8"))
    for modules in fused:
        for each in modules:
            layer = found.model.get_submodule(each)
            rows = layer.weight.abs().amax(1, keepdim=True)
            assert torch.equal(layer.weight_quantizer.amax, rows)


def quantizer(range_: float) -> TensorQuantizer:
    made = TensorQuantizer()
    made.amax = torch.tensor(range_)
    return made


@pytest.mark.parametrize(
    ("path", "first", "second", "third"),
    [
        ("model.layers.0.mlp.experts.{}.{}", "gate_proj", "up_proj", "down_proj"),
        ("model.layers.0.block_sparse_moe.experts.{}.{}", "w1", "w3", "w2"),
        ("transformer.blocks.0.ffn.experts.mlp.{1}.{0}", "w1_linear", "w3_linear", "w2_linear"),
    ],
)
def test_experts_share_ranges_of_inputs_and_each_expert_those_of_gate_and_up(
    path, first, second, third
):
    names = [path.format(expert, role) for expert in (0, 1) for role in (first, second, third)]
    choices = {
        name: {
            "weight_quantizer": quantizer(1.0 + index),
            "input_quantizer": quantizer(10.0 + index),
        }
        for index, name in enumerate(names)
    }
    share_ranges(names, choices)
    found = {role: [float(of[role].amax) for of in choices.values()] for role in choices[names[0]]}
    assert found["weight_quantizer"] == [2, 2, 3, 5, 5, 6]
    assert found["input_quantizer"] == [14, 14, 15, 14, 14, 15]


def three(inputs: dict[str, Path], folder: Path) -> list[Path]:
    """Writes three documents: two plans, and one of both and of no quantization."""
    groups = groups_of(inputs["checkpoint"], "lm")
    one, other = in_turn(groups, "INT4_WEIGHTS", "FP8"), in_turn(groups, "FP8", "INT8", "NONE")
    none = ["NONE"] * len(groups)
    return [
        write_plans(folder / "one.json", groups, one=one),
        write_plans(folder / "other.json", groups, other=other),
        write_plans(folder / "all.json", groups, none=none, one=one, other=other),
    ]


@pytest.fixture(scope="module")
def together(quality_inputs, tmp_path_factory) -> tuple[list[Path], Path]:
    folder = tmp_path_factory.mktemp("together")
    plans = three(quality_inputs["lm"], folder)
    outcomes = judge(measuring(), quality_inputs["lm"], plans, folder / "found")
    assert {name: outcome.error for name, outcome in outcomes.items()} == dict.fromkeys(outcomes)
    return plans, folder / "found"


@pytest.mark.engines
def test_a_plan_has_the_same_bits_alone_and_in_any_batch_and_however_weights_are_held(
    monkeypatch, quality_inputs, together, tmp_path
):
    plans, found = together
    inputs = quality_inputs["lm"]
    judge(measuring(), inputs, plans[1:2], tmp_path / "alone")
    for budget in (0, 40_000):  # no weight is held; only some are, and in turn
        monkeypatch.setattr(judged_model, "ON_A_CPU", budget)
        judge(measuring(), inputs, plans[::-1], tmp_path / str(budget))
    bytes_ = (found / "other").read_bytes()
    for other in ("alone", "0", "40000"):
        assert (tmp_path / other / "other").read_bytes() == bytes_
    for name in ("one", "all"):
        assert (tmp_path / "0" / name).read_bytes() == (found / name).read_bytes()


def test_a_document_of_several_plans_is_short_and_says_the_same(together):
    _, found = together
    one, other, all_ = (json.loads((found / name).read_text()) for name in ("one", "other", "all"))
    for document in (one, other, all_):
        assert document["candidates"] == list(JUDGED)
        assert document["op"] == "plan_quality"
        assert document["environment"]["device_kind"] == "cpu"
    none, *plans = all_["plans"]
    assert none["kl"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert none["top1_agreement"] == {"value": 1.0}
    assert none["loss"]["value"] == all_["reference"]["loss"]["value"]
    for short, document in zip(plans, (one, other), strict=True):
        (whole,) = document["plans"]
        assert "sample_kl" not in short
        assert short["kl"] == whole["kl"]
        assert {name: each["value"] for name, each in short.items() if name != "name"} == {
            name: each["value"] for name, each in whole.items() if isinstance(each, dict)
        }
        counted = math.fsum(whole["sample_kl"]) / sum(document["sample_tokens"])
        assert whole["kl"]["value"] == pytest.approx(counted, rel=1e-12)


def test_a_weight_is_quantized_once_for_all_batches_and_plans(monkeypatch, quality_inputs):
    quantized = []
    fake = TensorQuantizer._fake_quantize
    monkeypatch.setattr(
        TensorQuantizer,
        "_fake_quantize",
        lambda self, tensor: (quantized.append(tensor.data_ptr()), fake(self, tensor))[1],
    )
    found = judged(quality_inputs["lm"], "FP8", "INT4_WEIGHTS")
    weights = {
        found.model.get_submodule(each).weight.data_ptr()
        for modules in found.groups.values()
        for each in modules
    }
    ids = torch.arange(8)[None]
    for name in ("FP8", "NONE", "FP8", "INT4_WEIGHTS", "FP8"):
        found.choose(dict.fromkeys(found.groups, name))
        for _ in range(2):
            found.model(input_ids=ids)
    fp8 = [pointer for pointer in quantized if pointer in weights]
    assert sorted(set(fp8)) == sorted(weights)
    # Blocks of a weight that need no pads are a view of it: so each weight is seen twice at most.
    assert len(fp8) <= 2 * len(weights)
    found.close()
    quantizers = [each for each in found.model.modules() if isinstance(each, TensorQuantizer)]
    assert not any("forward" in vars(each) for each in quantizers)


@pytest.mark.engines
def test_experts_are_judged_as_one_group_and_unquantized_they_say_the_same(
    quality_inputs, tmp_path
):
    inputs = quality_inputs["lm"]
    experts = make_experts(inputs["checkpoint"], tmp_path / "experts")
    groups = groups_of(experts, "lm") | {
        name: [name]
        for layer in (0, 1)
        for name in [f"model.language_model.layers.{layer}.mlp.experts"]
    }
    plans = [
        write_plans(tmp_path / f"{name}.json", groups, plan=[name] * len(groups))
        for name in ("NONE", "INT3")
    ]
    outcomes = judge(
        measuring("lm", "INT3"), inputs | {"checkpoint": experts}, plans, tmp_path / "found"
    )
    assert [outcome.error for outcome in outcomes.values()] == [None, None]
    none, three_bits = (
        json.loads((tmp_path / "found" / name).read_text())["plans"][0]["kl"]["value"]
        for name in ("NONE", "INT3")
    )
    assert none == 0 < three_bits
