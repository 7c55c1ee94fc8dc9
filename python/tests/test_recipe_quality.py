"""Uniform recipes: applied to the layers that plans may quantize, and measured as plans are."""

import json
from pathlib import Path
from typing import Any

import modelopt.torch.quantization as mtq
import pytest
import torch
from harness import FakeContext, place, run_op
from material import measuring, recipe_measuring
from plan_files import groups_of, write_plans

from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.samples import read_samples
from aqm_runner.modelopt.quality.recipe import apply_recipe, recipe_config
from aqm_runner.quality.material import read_material
from aqm_runner.runner.failures import RunnerError
from aqm_runner.scoring.scopes import kept_layers

SMOOTHQUANT, AWQ, FP8 = "INT8_SMOOTHQUANT_CFG", "INT4_AWQ_CFG", "FP8_DEFAULT_CFG"
KEPT = ["*visual*", "*lm_head*"]


def places(inputs: dict[str, Path]) -> dict[str, Any]:
    folders = ("checkpoint", "images", "held_out_images")
    return {
        role: place(path, "folder" if role in folders else "file") for role, path in inputs.items()
    }


@pytest.fixture
def inputs(quality_inputs) -> dict[str, dict[str, Path]]:
    """By scope, without a plan."""
    return {
        scope: {role: path for role, path in given.items() if role != "plan"}
        for scope, given in quality_inputs.items()
    }


def measured(
    params: dict[str, Any], inputs: dict[str, Path], folder: Path, op: str = "recipe_quality"
) -> tuple[dict[str, Any], dict[str, Any], FakeContext]:
    """Returns document, facts and context of a run."""
    context = FakeContext()
    facts = run_op(op, params, inputs, folder, context)
    return json.loads((folder / "quality").read_text()), facts, context


def applied(name: str, scope: str, inputs: dict[str, Path]):
    """Returns the model before and after a recipe, what was applied, and the context."""
    params = recipe_measuring(scope, name)
    context = FakeContext()
    checkpoint = place(inputs["checkpoint"], "folder")
    before = load_model(checkpoint, "float32", "cpu")
    model = load_model(checkpoint, "float32", "cpu")
    calibration = read_material(context, params, places(inputs)).calibration
    config = recipe_config(name, kept_layers(model, scope, params["include_lm_head"]))
    found = apply_recipe(context, model, Loader(calibration, "cpu"), name, config, params)
    return before, model, found, context


@pytest.mark.engines
def test_fp8_everywhere_is_what_the_plan_of_fp8_everywhere_is(inputs, tmp_path):
    document, facts, _ = measured(recipe_measuring("lm", FP8), inputs["lm"], tmp_path / "recipe")
    groups = groups_of(inputs["lm"]["checkpoint"], "lm")
    plan = write_plans(tmp_path / "plan.json", groups, uniform=["FP8"] * len(groups))
    other, _, _ = measured(
        measuring("lm", "FP8"), inputs["lm"] | {"plan": plan}, tmp_path / "plan", "plan_quality"
    )
    assert "candidates" not in document
    assert [document[name] for name in ("op", "scope", "schema")] == ["recipe_quality", "lm", 1]
    for name in ("held_out", "environment", "reference", "sample_tokens"):
        assert document[name] == other[name], name
    (recipe,), (uniform,) = document["plans"], other["plans"]
    assert recipe == uniform | {"name": FP8}
    assert recipe["kl"]["value"] > 0
    assert facts["layers"] == sum(len(modules) for modules in groups.values())
    assert facts["unscaled_layers"] == []


@pytest.mark.parametrize("name", [SMOOTHQUANT, pytest.param(AWQ, marks=pytest.mark.engines)])
def test_figures_are_those_of_a_direct_computation(name, inputs, tmp_path):
    document, _, _ = measured(recipe_measuring("lm", name), inputs["lm"], tmp_path)
    before, model, _, _ = applied(name, "lm", inputs["lm"])
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(inputs["lm"]["checkpoint"])
    held_out = read_samples(FakeContext(), place(inputs["lm"]["held_out"], "file"), None)
    sums, tokens = [], []
    for sample in held_out:  # one at a time, without padding, in plain sums
        text = sample.caption.replace("\n", " ").strip()
        ids = torch.tensor([tokenizer(text)["input_ids"][:64]])
        with torch.no_grad():
            ours = before(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
            theirs = model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
        sums.append(float((ours.exp() * (ours - theirs)).sum()))
        tokens.append(len(ours))
    (plan,) = document["plans"]
    assert document["sample_tokens"] == tokens
    assert plan["sample_kl"] == pytest.approx(sums, rel=2e-3, abs=1e-7)
    assert plan["kl"]["value"] == pytest.approx(sum(sums) / sum(tokens), rel=1e-3)
    assert plan["kl"]["low"] < plan["kl"]["value"] < plan["kl"]["high"]


@pytest.mark.parametrize("name", [SMOOTHQUANT, pytest.param(AWQ, marks=pytest.mark.engines)])
def test_inputs_are_scaled_and_weights_the_other_way_round(name, inputs):
    before, model, found, context = applied(name, "lm", inputs["lm"])
    groups = groups_of(inputs["lm"]["checkpoint"], "lm")
    assert sorted(found.layers) == sorted(path for group in groups.values() for path in group)
    assert found.unscaled == []
    assert context.warnings == []
    walks = [phase for phase, _ in context.phases].count("calibrate")
    assert walks == (2 if name == AWQ else 1)
    for modules in groups.values():
        scales = []
        for path in modules:
            layer = model.get_submodule(path)
            scale = layer.input_quantizer.pre_quant_scale
            assert len(scale.unique()) > 1, path
            old, new = before.get_submodule(path).weight, layer.weight
            assert not torch.equal(old, new), path
            assert torch.allclose(new * scale, old, rtol=1e-4, atol=1e-7), path
            scales.append(scale)
        # A server scales the input of q, k and v once.
        assert all(torch.equal(scale, scales[0]) for scale in scales), modules


@pytest.mark.engines
def test_all_layers_has_the_vision_part_and_the_head_and_tells_what_cannot_be_scaled(inputs):
    _, model, found, context = applied(SMOOTHQUANT, "all_layers", inputs["all_layers"])
    groups = groups_of(inputs["all_layers"]["checkpoint"], "all_layers")
    assert sorted(found.layers) == sorted(path for group in groups.values() for path in group)
    assert any("visual" in path for path in found.layers)
    assert "lm_head" in found.layers
    assert found.unscaled == ["model.visual.patch_embed.proj"]
    assert context.warnings == ["layers_not_scaled"]
    assert found.weights == sum(model.get_submodule(path).weight.numel() for path in found.layers)


def test_caches_of_attention_and_what_the_scope_keeps_are_not_quantized(inputs):
    _, model, _, _ = applied(FP8, "lm", inputs["lm"])
    enabled = [
        name
        for name, module in model.named_modules()
        if isinstance(module, mtq.nn.TensorQuantizer) and module.is_enabled
    ]
    assert enabled
    assert all(name.endswith((".weight_quantizer", ".input_quantizer")) for name in enabled)
    assert not [name for name in enabled if "visual" in name or "lm_head" in name]


def test_a_layer_that_a_recipe_leaves_out_is_refused(inputs, monkeypatch):
    from aqm_runner.modelopt.quality import recipe

    monkeypatch.setattr(recipe, "kept_layers", lambda *_: KEPT)
    params = recipe_measuring("lm", FP8)
    config = recipe_config(FP8, KEPT)
    config["quant_cfg"].append({"quantizer_name": "*o_proj*", "enable": False})
    model = load_model(place(inputs["lm"]["checkpoint"], "folder"), "float32", "cpu")
    batches = read_material(FakeContext(), params, places(inputs["lm"])).calibration
    with pytest.raises(RunnerError) as caught:
        apply_recipe(FakeContext(), model, Loader(batches, "cpu"), FP8, config, params)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "layer_left_out")
    assert "o_proj" in caught.value.message


def test_what_the_device_lacks_and_what_overlaps_is_refused(inputs, tmp_path):
    overlapping = inputs["lm"] | {"held_out": inputs["lm"]["database"]}
    few = recipe_measuring("lm", FP8)
    few["measure"]["least_tokens"] = 10_000
    for params, given, class_, reason in (
        (
            recipe_measuring("lm", "NVFP4_DEFAULT_CFG"),
            inputs["lm"],
            "unsupported_here",
            "format_needs_cuda",
        ),
        (recipe_measuring("lm", FP8), overlapping, "gate_failed", "held_out_overlaps"),
        (few, inputs["lm"], "gate_failed", "too_few_tokens"),
    ):
        with pytest.raises(RunnerError) as caught:
            measured(params, given, tmp_path / reason)
        assert (caught.value.class_, caught.value.reason) == (class_, reason)
        assert not (tmp_path / reason / "quality").exists()


E4M3 = {"num_bits": (4, 3), "axis": None}
NVFP4 = {
    "num_bits": (2, 1),
    "block_sizes": {-1: 16, "type": "dynamic", "scale_bits": (4, 3)},
}
# As rules/quality-recipes.ts has them, where sizes are counted.
QUANTIZERS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    SMOOTHQUANT: ({"num_bits": 8, "axis": 0}, {"num_bits": 8, "axis": None}),
    AWQ: ({"num_bits": 4, "block_sizes": {-1: 128, "type": "static"}}, None),
    FP8: (E4M3, E4M3),
    "NVFP4_DEFAULT_CFG": (NVFP4, NVFP4),
}


@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_recipe_has_the_quantizers_that_its_size_is_counted_by(name):
    config = recipe_config(name, KEPT)
    found = [
        next(rule for rule in config["quant_cfg"] if rule["quantizer_name"] == quantizer)
        for quantizer in ("*weight_quantizer", "*input_quantizer")
    ]
    for rule, expected in zip(found, QUANTIZERS[name], strict=True):
        if expected is None:
            assert rule["enable"] is False
            continue
        given = {key: value for key, value in rule["cfg"].items() if key != "effective_bits"}
        assert json.dumps(given) == json.dumps(expected)
    last = [rule["quantizer_name"] for rule in config["quant_cfg"][-2:]]
    assert last == KEPT
