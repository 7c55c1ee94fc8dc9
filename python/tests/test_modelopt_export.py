"""ModelOpt's checkpoints: the folder is the plan, a server finds all it needs, every gate trips."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from exported_modelopt import CONFIG, QUANTIZATION, TEXT, Exported, export_mixed, exported
from harness import FakeContext, run_op
from material import FORMATS, exporting
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from plan_files import groups_of, in_turn, write_plans
from safetensors.torch import load_file
from spoilt import WEIGHTS, refused
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from aqm_runner.export.pairs import MODELOPT, form_of
from aqm_runner.export.plain_model import rounded_input
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.modelopt.fp4_blocks import with_largest_of_blocks
from aqm_runner.runner.failures import RunnerError


@pytest.fixture(scope="module")
def mixed(export_inputs, tmp_path_factory) -> Exported:
    return export_mixed(export_inputs["lm"], tmp_path_factory.mktemp("mixed"))


def test_the_folder_is_complete_for_a_server(mixed):
    source = mixed.inputs["checkpoint"]
    assert {path.name for path in mixed.folder.iterdir()} == {
        *(path.name for path in source.iterdir()),
        QUANTIZATION,
    }
    for name in ("tokenizer.json", "processor_config.json", "chat_template.jinja"):
        assert (mixed.folder / name).read_bytes() == (source / name).read_bytes()
    assert AutoTokenizer.from_pretrained(mixed.folder)("a red circle")["input_ids"]
    assert AutoProcessor.from_pretrained(mixed.folder).chat_template
    config = json.loads((mixed.folder / CONFIG).read_text())
    assert config["architectures"] == ["Qwen3VLForConditionalGeneration"]
    assert config["quantization_config"]["quant_algo"] == "MIXED_PRECISION"
    assert config["quantization_config"]["quant_method"] == "modelopt"


def test_layers_have_the_formats_of_the_plan_and_the_check_says_so(mixed):
    plan = json.loads(mixed.inputs["plan"].read_text())
    wanted = {
        layer: format_
        for group, format_ in zip(plan["groups"], plan["plans"][0]["formats"], strict=True)
        for layer in group["modules"]
    }
    assert {each["layer"]: each["format"] for each in mixed.check["layers"]} == wanted
    algorithms = {"FP8": "FP8", "INT8": "W8A8_SQ_PER_CHANNEL", "INT8_WEIGHTS": "W8A16"}
    said = {name: each["quant_algo"] for name, each in mixed.config()["quantized_layers"].items()}
    assert said == {
        layer: algorithms[format_] for layer, format_ in wanted.items() if format_ != "NONE"
    }
    tensors = load_file(mixed.folder / WEIGHTS)
    dtypes = {
        "FP8": torch.float8_e4m3fn,
        "INT8": torch.int8,
        "INT8_WEIGHTS": torch.int8,
        "NONE": torch.float32,
    }
    for layer, format_ in wanted.items():
        assert tensors[f"{layer}.weight"].dtype == dtypes[format_]
        assert (f"{layer}.input_scale" in tensors) == (format_ in ("FP8", "INT8"))
    source = load_file(mixed.inputs["checkpoint"] / WEIGHTS)
    for name, tensor in source.items():  # the weights that stay are the original ones
        if wanted.get(name.rpartition(".")[0], "NONE") == "NONE":
            assert torch.equal(tensors[name], tensor), name
    counts = {format_: list(wanted.values()).count(format_) for format_ in wanted.values()}
    assert mixed.check["formats"] == {
        name: count for name, count in sorted(counts.items()) if name != "NONE"
    }
    assert mixed.facts["quantized_layers"] == mixed.check["quantized_layers"]
    assert mixed.check["bytes"] == sum(path.stat().st_size for path in mixed.folder.iterdir())
    assert all(each["difference"] <= each["tolerance"] for each in mixed.check["layers"])
    assert 0 <= mixed.check["logits"]["kl"] <= mixed.check["logits"]["tolerance"]
    assert [name for name, _ in mixed.context.phases] == ["load", "write", "compare", "logits"]


def test_codes_and_scales_are_those_of_the_formulas(mixed):
    """By hand, from the original weights: FP8 with one scale, INT8 with a scale a row."""
    source = load_file(mixed.inputs["checkpoint"] / WEIGHTS)
    tensors = load_file(mixed.folder / WEIGHTS)
    q, k, v = (f"{TEXT}.0.self_attn.{name}_proj" for name in "qkv")
    largest = max(source[f"{name}.weight"].abs().max() for name in (q, k, v))
    for name in (q, k, v):  # fused layers share the scale
        assert tensors[f"{name}.weight_scale"] == pytest.approx(float(largest) / 448, rel=1e-6)
        scaled = source[f"{name}.weight"] * (448 / largest)
        assert torch.equal(
            tensors[f"{name}.weight"].float(), scaled.to(torch.float8_e4m3fn).float()
        )
    layer = next(
        each["layer"] for each in mixed.check["layers"] if each["format"] == "INT8_WEIGHTS"
    )
    weight = source[f"{layer}.weight"]
    rows = weight.abs().amax(1)
    scales = (rows / 127).bfloat16().float()  # as both export formats can store them
    assert torch.allclose(tensors[f"{layer}.weight_scale"], scales, rtol=1e-6)
    codes = (weight / scales[:, None]).round().clamp(-128, 127)
    assert torch.equal(tensors[f"{layer}.weight"].float(), codes)


@pytest.mark.engines
def test_the_other_family_is_written_with_the_names_of_the_hub(
    export_inputs, checkpoints, tmp_path
):
    checkpoint = checkpoints["qwen2_5_vl"]
    groups = groups_of(checkpoint, "lm")
    plan = write_plans(tmp_path / "plan.json", groups, some=in_turn(groups, "INT8_WEIGHTS", "NONE"))
    found = exported(
        exporting("lm", "INT8_WEIGHTS"), {"checkpoint": checkpoint, "plan": plan}, tmp_path / "out"
    )
    tensors, source = (load_file(folder / WEIGHTS) for folder in (found.folder, checkpoint))
    assert {*source} <= {*tensors}
    assert {name.rpartition(".")[2] for name in {*tensors} - {*source}} == {"weight_scale"}
    ignored = found.config()["ignore"]
    assert "visual*" in ignored
    assert "model.layers.0.self_attn.o_proj" in ignored
    assert found.check["layers"][0]["layer"].startswith("model.language_model.layers.0")


@pytest.mark.parametrize(
    "head", [pytest.param(False, marks=pytest.mark.engines), True], ids=["kept", "quantized"]
)
def test_a_head_that_shares_the_weight_of_the_embedding(head, checkpoints, tmp_path):
    """Kept, it stays shared; quantized, it has a weight of its own and the config says so."""
    tied = tmp_path / "tied"
    shutil.copytree(checkpoints["qwen3_vl"], tied)
    model = AutoModelForImageTextToText.from_pretrained(tied)
    for config in (model.config, model.config.text_config):
        config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tied)
    assert "lm_head.weight" not in load_file(tied / WEIGHTS)
    groups = groups_of(tied, "all_layers")
    chosen = "lm_head" if head else "o_proj"
    formats = ["INT8_WEIGHTS" if name.endswith(chosen) else "NONE" for name in groups]
    plan = write_plans(tmp_path / "plan.json", groups, some=formats)
    params = exporting("all_layers", "INT8_WEIGHTS")
    found = exported(params, {"checkpoint": tied, "plan": plan}, tmp_path / "out")
    tensors = load_file(found.folder / WEIGHTS)
    own = {name for name in tensors if name.startswith("lm_head")}
    assert own == ({"lm_head.weight", "lm_head.weight_scale"} if head else set())
    config = json.loads((found.folder / CONFIG).read_text())
    assert config["tie_word_embeddings"] is not head
    assert torch.equal(
        tensors["model.language_model.embed_tokens.weight"],
        load_file(tied / WEIGHTS)["model.language_model.embed_tokens.weight"],
    )


def test_a_plain_load_drops_the_scales_so_nothing_of_aqm_loads_the_folder(mixed):
    reasons = [
        refused(step, mixed.folder, "quantized_checkpoint")
        for step in (check_checkpoint, lambda where: load_model(where, "float32", "cpu"))
    ]
    for error in reasons:
        assert "quantization_config says it was quantized by modelopt" in error.message
        assert "scales" in error.message
    # What the gate keeps out: codes as weights, and no error.
    silent = AutoModelForImageTextToText.from_pretrained(mixed.folder, dtype=torch.float32)
    codes = load_file(mixed.folder / WEIGHTS)[f"{TEXT}.0.self_attn.q_proj.weight"].float()
    loaded = silent.get_submodule(f"{TEXT}.0.self_attn.q_proj").weight
    assert torch.equal(loaded, codes)
    assert loaded.abs().max() > 100


# --- Requests -------------------------------------------------------------------------------------


def plan_of(inputs: dict[str, Path], path: Path, *formats: str) -> Path:
    groups = groups_of(inputs["checkpoint"], "lm")
    return write_plans(path, groups, scheme=in_turn(groups, *formats))


@pytest.mark.parametrize(
    ("format_", "class_", "reason", "said"),
    [
        ("INT4_WEIGHTS", "bad_request", "layer_not_exportable", "do not divide its 64 columns"),
        ("INT4_INT8", "bad_request", "format_not_exportable", "no label"),
        ("FP8_INT8", "bad_request", "format_not_exportable", "no label"),
        ("NVFP4", "unsupported_here", "format_needs_cuda", "CUDA"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_a_model_is_loaded(
    format_, class_, reason, said, export_inputs, tmp_path
):
    plan = plan_of(export_inputs["lm"], tmp_path / "plan.json", format_, "NONE")
    params = exporting("lm", "FP8") | {
        "candidates": [{"name": format_, "config": FORMATS[format_]}]
    }
    context = FakeContext()
    with pytest.raises(RunnerError) as caught:
        run_op(
            "modelopt_export", params, export_inputs["lm"] | {"plan": plan}, tmp_path / "x", context
        )
    assert (caught.value.class_, caught.value.reason) == (class_, reason)
    assert said in caught.value.message
    assert (context.phases, (tmp_path / "x").exists()) == ([], False)


def test_an_nvfp4_weight_is_given_to_the_export_so_that_scales_and_codes_are_the_simulated_ones():
    """On a CPU the codes of ModelOpt's export stand for those of its simulation."""
    torch.manual_seed(0)
    weight = (torch.randn(64, 128) * 0.02).bfloat16()
    weight[3, :16] = 0
    of_all = weight.abs().max().float() / 2688
    scales, _ = NVFP4QTensor.get_weights_scaling_factor(weight, 16, of_all)
    packed = NVFP4QTensor.quantize(weight, 16, scales, of_all)[0]
    codes, form = packed._quantized_data, form_of(FORMATS["NVFP4"], MODELOPT)
    stored = {"weight": codes, "weight_scale": scales, "weight_scale_2": of_all}
    simulated = form.dequantize(stored).bfloat16()
    assert (simulated.float() - weight.float()).abs().max() > 0
    given = with_largest_of_blocks(simulated, weight)
    again, _ = NVFP4QTensor.get_weights_scaling_factor(given, 16, of_all)
    assert torch.equal(again.view(torch.uint8), scales.view(torch.uint8))
    recoded = NVFP4QTensor.quantize(given, 16, again, of_all)[0]._quantized_data
    values = form.dequantize(stored | {"weight": recoded})
    assert torch.equal(values, form.dequantize(stored))


# --- The room's own formulas ----------------------------------------------------------------------


def test_inputs_are_rounded_as_the_formulas_say():
    range_ = torch.tensor(448.0)
    given = torch.tensor([[1.0, 17.0, 19.0, -500.0, 2.0**-11, 0.0]])
    fp8 = rounded_input(form_of(FORMATS["FP8"], MODELOPT), given, range_)
    assert fp8.tolist() == [[1.0, 16.0, 20.0, -448.0, 0.0, 0.0]]
    int8 = rounded_input(form_of(FORMATS["INT8"], MODELOPT), given / 4, torch.tensor(127.0))
    assert int8.tolist() == [[0.0, 4.0, 5.0, -125.0, 0.0, 0.0]]


def test_fp4_inputs_have_a_scale_a_block_and_ties_go_to_even_codes():
    form = form_of(FORMATS["NVFP4"], MODELOPT)
    first = [6.0, 5.0, 3.5, 2.5, 1.75, 1.25, 0.75, 0.25, -6.0, -5.1, -0.2, 0.0, 4.9, 1.1, 0.3, 2.0]
    block = torch.tensor([[*first, *(each / 2 for each in first)]])
    # The range 2688 makes the scale of all one, so that of a block is its largest / 6.
    found = rounded_input(form, block, torch.tensor(2688.0)).tolist()[0]
    rounded = [6.0, 4.0, 4.0, 2.0, 2.0, 1.0, 1.0, 0.0, -6.0, -6.0, 0.0, 0.0, 4.0, 1.0, 0.5, 2.0]
    assert found[:16] == rounded
    assert found[16:] == [each / 2 for each in rounded]
