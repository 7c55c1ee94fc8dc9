"""Plans of every family of language model, measured and exported; what a family cannot have."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from family_plans import CANDIDATES, family_export, groups_with_experts
from harness import FakeContext, place, run_op
from material import answering, exporting, measuring, recipe_exporting, recipe_measuring
from plan_direct import direct_figures, rows_of
from plan_files import in_turn, write_plans
from quality_runs import judge
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.stacked_experts import expert_layers, on_inputs, stacked_modules
from aqm_runner.runner.failures import RunnerError

DENSE = ["llama", "mistral", "qwen3", "gemma3_text", "phi3"]
EXPERTS = ["qwen3_moe", "mixtral"]
EVERYWHERE = {
    "FP8": ["FP8"],
    "four": ["FP8", "INT8", "INT8_WEIGHTS", "NONE"],
    "INT4": ["INT4_ROWS"],
}


def case(*values: Any, quick: bool = False) -> Any:
    return pytest.param(*values, marks=[] if quick else pytest.mark.engines)


@pytest.fixture
def inputs(tiny, quality_inputs):
    """Inputs of plan_quality, scope lm, with the checkpoint of a family."""

    def of(family: str) -> dict[str, Path]:
        shared = {role: quality_inputs["lm"][role] for role in ("database", "held_out")}
        return shared | {"checkpoint": tiny(family)}

    return of


def exported_inputs(inputs: dict[str, Path]) -> dict[str, Path]:
    return {role: inputs[role] for role in ("checkpoint", "database", "images") if role in inputs}


# --- Measured quality -----------------------------------------------------------------------------


def by_hand(weight: torch.Tensor) -> torch.Tensor:
    """Returns a weight (…, K) in INT8 with a scale a row that is a bfloat16 number."""
    scale = (weight.abs().amax(-1, keepdim=True) / 127).bfloat16().float()
    return (weight / scale).round().clamp(-128, 127) * scale


@pytest.mark.parametrize(
    "family", [case("mixtral", quick=True), *(case(each) for each in (*DENSE, "qwen3_moe"))]
)
def test_a_plan_says_what_a_model_says_whose_weights_were_rounded_by_hand(inputs, tmp_path, family):
    given = inputs(family)
    groups = groups_with_experts(given["checkpoint"], "lm")
    plans = [
        write_plans(tmp_path / f"{name}.json", groups, plan=in_turn(groups, *formats))
        for name, formats in {
            "none": ["NONE"],
            "some": ["INT8_WEIGHTS", "INT8_WEIGHTS", "NONE"],
        }.items()
    ]
    params = measuring("lm")
    params["candidates"] = [{"name": "INT8_WEIGHTS", "config": CANDIDATES["INT8_WEIGHTS"]}]
    outcomes = judge(params, given, plans, tmp_path / "found")
    assert [outcome.error for outcome in outcomes.values()] == [None, None]
    none, some = (
        json.loads((tmp_path / "found" / name).read_text())["plans"][0] for name in ("none", "some")
    )
    assert none["kl"]["value"] == 0

    tokenizer = AutoTokenizer.from_pretrained(given["checkpoint"])
    captions = [caption for _, caption in rows_of(given["held_out"])]
    ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in captions]
    model = AutoModelForCausalLM.from_pretrained(given["checkpoint"], dtype=torch.float32).eval()

    @torch.no_grad()
    def said() -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(model(input_ids=each).logits[0, :-1], each[0, 1:]) for each in ids]

    unquantized = said()
    formats = in_turn(groups, "INT8_WEIGHTS", "INT8_WEIGHTS", "NONE")
    for modules, format_ in zip(groups.values(), formats, strict=True):
        for name in modules if format_ != "NONE" else ():
            for weight in model.get_submodule(name).parameters(recurse=False):
                if weight.dim() > 1:
                    weight.data = by_hand(weight.data)
    expected = direct_figures(unquantized, said())
    assert some["kl"]["value"] == pytest.approx(expected["kl"], rel=5e-3)
    assert expected["kl"] > 1e-7


# --- Experts that are one module ------------------------------------------------------------------


@pytest.mark.parametrize("family", EXPERTS)
def test_the_layers_of_experts_are_those_of_the_files(tiny, family):
    """Names apart, each layer has the bytes of a tensor of the checkpoint, and none is left."""
    model = load_model(place(tiny(family), "folder"), "float32", "cpu")
    with safe_open(tiny(family) / "model.safetensors", "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys() if ".experts." in name}  # noqa: SIM118
    modules = stacked_modules(model)
    layers = expert_layers(model)
    assert len(layers) == len(stored) == 2 * 4 * 3
    roles = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    for path, layer in layers.items():
        name = f"{path}.weight"
        if family == "mixtral":
            start, role = path.replace(".mlp.", ".block_sparse_moe.").rsplit(".", 1)
            name = f"{start}.{roles[role]}.weight"
        assert torch.equal(layer.weight(modules[layer.module]), stored[name])


def test_inputs_of_experts_are_heard_and_changed_product_by_product_until_it_ends(tiny):
    model = load_model(place(tiny("mixtral"), "folder"), "float32", "cpu")
    ids = torch.tensor([[3, 5, 8, 13]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        heard: dict[str, int] = {}

        def double(product: str, given: torch.Tensor) -> torch.Tensor:
            heard[product] = heard.get(product, 0) + len(given)
            return given if product == "gate_up_proj" else 2 * given

        removals = [on_inputs(module, double) for module in stacked_modules(model).values()]
        during = model(input_ids=ids).logits
        for remove in removals:
            remove()
        after = model(input_ids=ids).logits
    # Each of 4 tokens is sent to 2 experts in each of 2 blocks.
    assert heard == {"gate_up_proj": 16, "down_proj": 16}
    assert not torch.allclose(before, during)
    assert torch.equal(before, after)


# --- Exports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "op", "plan"),
    [
        case("qwen3_moe", "compressed_tensors_export", "four", quick=True),
        case("phi3", "compressed_tensors_export", "four"),
        *(
            case(family, op, plan)
            for family in (*DENSE, *EXPERTS)
            for op, plans in (
                ("modelopt_export", ("FP8", "four")),
                ("compressed_tensors_export", ("FP8", "INT4")),
            )
            for plan in plans
        ),
        case("llama", "compressed_tensors_export", "four"),
        case("mixtral", "compressed_tensors_export", "four"),
    ],
)
def test_what_is_written_is_the_model_that_was_measured(inputs, tmp_path, family, op, plan):
    """All gates of exports passed: docs/export.md has them."""
    facts = family_export(op, exported_inputs(inputs(family)), "lm", EVERYWHERE[plan], tmp_path)
    check = json.loads((tmp_path / "check").read_text())
    groups = groups_with_experts(inputs(family)["checkpoint"], "lm")
    chosen = in_turn(groups, *EVERYWHERE[plan])
    # The experts of a block are 4 times 3 layers.
    counts = {
        name: 12 if name.endswith(".experts") else 1 for each in groups.values() for name in each
    }
    quantized = [
        name
        for modules, format_ in zip(groups.values(), chosen, strict=True)
        for name in modules
        if format_ != "NONE"
    ]
    assert facts["quantized_layers"] == sum(counts[name] for name in quantized)
    assert len(check["layers"]) == sum(counts.values())
    assert check["outputs"]["layers"] == len(quantized)
    assert check["logits"]["tokens"] > 100


@pytest.mark.parametrize(
    ("family", "op", "first"),
    [
        case(
            "mixtral",
            "compressed_tensors_export",
            "model.layers.0.block_sparse_moe.experts.0.w1",
            quick=True,
        ),
        case("qwen3_moe", "modelopt_export", "model.layers.0.mlp.experts.0.gate_proj"),
    ],
)
def test_experts_have_the_names_of_the_hub_and_one_scale_where_a_server_has_one(
    inputs, tmp_path, family, op, first
):
    family_export(op, exported_inputs(inputs(family)), "lm", ["FP8"], tmp_path)
    parts = ("w1", "w3", "w2") if family == "mixtral" else ("gate_proj", "up_proj", "down_proj")
    experts = first.rsplit(".", 2)[0]
    with safe_open(tmp_path / "checkpoint/model.safetensors", "pt") as file:
        names = set(file.keys())
        read = lambda expert, part, leaf: file.get_tensor(f"{experts}.{expert}.{part}.{leaf}")  # noqa: E731
        assert f"{first}.weight" in names
        assert not any(name.endswith(("gate_up_proj", "down_proj")) for name in names)
        gate, up, down = parts
        for expert in range(4):
            assert torch.equal(read(expert, gate, "weight_scale"), read(expert, up, "weight_scale"))
            for part in parts:
                assert read(expert, part, "weight").dtype == torch.float8_e4m3fn
        inner = {float(read(expert, down, "input_scale")) for expert in range(4)}
        outer = {float(read(each, part, "input_scale")) for each in range(4) for part in (gate, up)}
        assert (len(inner), len(outer)) == (1, 1)
        assert inner != outer


@pytest.mark.engines
@pytest.mark.parametrize("family", ["llava", "gemma3"])
@pytest.mark.parametrize("op", ["modelopt_export", "compressed_tensors_export"])
def test_a_model_of_images_that_is_no_qwen_is_exported_whole(
    tiny, export_inputs, quality_inputs, tmp_path, family, op
):
    shared = {role: quality_inputs["all_layers"][role] for role in ("database", "images")}
    facts = family_export(
        op, shared | {"checkpoint": tiny(family)}, "all_layers", ["FP8", "NONE"], tmp_path
    )
    assert facts["quantized_layers"] >= 8
    assert math.isfinite(facts["logits_kl"])


# --- What a family cannot have --------------------------------------------------------------------


def test_int4_of_experts_in_modelopts_format_is_refused_by_name_before_a_model_is_loaded(
    tiny, tmp_path
):
    in_128 = {"checkpoint": tiny("mixtral")}
    groups = groups_with_experts(in_128["checkpoint"], "lm")
    context = FakeContext()
    in_128["plan"] = write_plans(
        tmp_path / "plan.json", groups, scheme=["INT4_WEIGHTS"] * len(groups)
    )
    with pytest.raises(RunnerError) as caught:
        run_op("modelopt_export", exporting("lm", "INT4_WEIGHTS"), in_128, tmp_path, context)
    assert (caught.value.class_, caught.value.reason) == ("bad_request", "layer_not_exportable")
    assert "model.layers.0.mlp.experts" in caught.value.message
    assert "compressed_tensors" in caught.value.next_step
    assert context.phases == []
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("op", ["recipe_quality", "recipe_export"])
def test_a_recipe_for_experts_that_are_one_module_is_refused_before_a_model_is_loaded(
    inputs, tmp_path, op
):
    given = inputs("mixtral")
    params = recipe_measuring("lm", "FP8_DEFAULT_CFG")
    if op == "recipe_export":
        given, params = exported_inputs(given), recipe_exporting("FP8_DEFAULT_CFG")
    context = FakeContext()
    with pytest.raises(RunnerError) as caught:
        run_op(op, params, given, tmp_path, context)
    assert (caught.value.class_, caught.value.reason) == ("unsupported_here", "unsupported_layer")
    assert "model.layers.0.mlp.experts (MixtralExperts)" in caught.value.message
    assert "everywhere" in caught.value.next_step
    assert context.phases == []


@pytest.mark.engines
@pytest.mark.parametrize("family", ["llama", "mixtral"])
def test_a_model_of_text_alone_answers_prompts(inputs, tmp_path, family):
    given = inputs(family)
    groups = groups_with_experts(given["checkpoint"], "lm")
    plan = write_plans(tmp_path / "plan.json", groups, plan=in_turn(groups, "INT8", "NONE"))
    params = answering("lm", "INT8")
    params["prompts"] |= {"images": 0}
    run_op("plan_answers", params, given | {"plan": plan}, tmp_path)
    document = json.loads((tmp_path / "answers").read_text())
    assert [len(each["answers"]) for each in document["plans"]] == [2]
