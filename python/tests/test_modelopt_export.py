"""ModelOpt's checkpoints: the folder is the plan, a server finds all it needs, every gate trips."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import FakeContext, place, run_op
from material import FORMATS, exporting
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from plan_files import groups_of, in_turn, write_plans
from safetensors.torch import load_file
from spoilt import WEIGHTS, change_weights, edit, refused
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from aqm_runner.export import plain_model
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.job import Exporter, Request, write_and_compare
from aqm_runner.export.logits import make_prompts
from aqm_runner.export.pairs import MODELOPT, form_of
from aqm_runner.export.plain_model import rounded_input
from aqm_runner.export.planned import Planned, planned_layers
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.modelopt.fp4_blocks import with_largest_of_blocks
from aqm_runner.modelopt.planned_model import PlannedModel, simulation
from aqm_runner.ops.modelopt_export import EXPORTER
from aqm_runner.quality.plans import PlanDocument, read_plans
from aqm_runner.runner.failures import RunnerError

CONFIG, QUANTIZATION = "config.json", "hf_quant_config.json"
TEXT = "model.language_model.layers"


@dataclass
class Exported:
    """A folder that was exported, and what it was made from."""

    folder: Path
    check: dict[str, Any]
    facts: dict[str, Any]
    inputs: dict[str, Path]
    params: dict[str, Any]
    context: FakeContext

    def config(self) -> dict[str, Any]:
        return json.loads((self.folder / CONFIG).read_text())["quantization_config"]


def exported(params: dict[str, Any], inputs: dict[str, Path], output: Path) -> Exported:
    context = FakeContext()
    facts = run_op("modelopt_export", params, inputs, output, context)
    check = json.loads((output / "check").read_text())
    return Exported(output / "checkpoint", check, facts, inputs, params, context)


@pytest.fixture(scope="module")
def mixed(export_inputs, tmp_path_factory) -> Exported:
    """Scope lm in FP8, INT8, INT8 weights and 16 bits, by turns."""
    params = exporting("lm", "FP8", "INT8", "INT8_WEIGHTS")
    return exported(params, export_inputs["lm"], tmp_path_factory.mktemp("mixed"))


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


@pytest.mark.parametrize("head", [False, True], ids=["kept", "quantized"])
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


# --- Gates ----------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A simulated model, beside which folders are put that another writer could have written."""

    exported: Exported
    document: PlanDocument
    planned: Planned
    simulated: PlannedModel
    prompts: list[Any]

    def hold(self, folder: Path, output: Path) -> dict[str, Any]:
        """Holds a folder against the model, as if it had just been written."""

        def write(_context: Any, to: Any, *given: Any) -> PlannedModel:
            shutil.copytree(folder, to.path)
            return given[2]

        exporter = Exporter(**{**vars(EXPORTER), "write": write})
        outputs = {
            "checkpoint": place(output / "checkpoint", "folder"),
            "check": place(output / "check", "file"),
        }
        source = place(self.exported.inputs["checkpoint"], "folder")
        request = Request(FakeContext(), "lm", source, outputs, exporter, self.prompts)
        return write_and_compare(request, self.document, self.planned, lambda _: self.simulated)


@pytest.fixture(scope="module")
def bench(mixed) -> Bench:
    places = {
        role: place(path, "folder" if role == "checkpoint" else "file")
        for role, path in mixed.inputs.items()
    }
    document = read_plans(places["plan"])
    planned = planned_layers(document, mixed.params["candidates"], MODELOPT, places["plan"])
    simulated = simulation(FakeContext(), mixed.params, places)(planned)
    return Bench(mixed, document, planned, simulated, make_prompts(places["checkpoint"], "lm"))


def test_the_bench_finds_the_sound_folder_sound(bench, tmp_path):
    facts = bench.hold(bench.exported.folder, tmp_path)
    assert facts == bench.exported.facts
    assert (tmp_path / "check").read_bytes() == (
        bench.exported.folder.parent / "check"
    ).read_bytes()


FP8_ALONE = f"{TEXT}.1.self_attn.q_proj"  # FP8 again, by turns of four over eight groups
FUSED = f"{TEXT}.0.self_attn.k_proj"
INT8_LAYER = f"{TEXT}.0.self_attn.o_proj"
KEPT = "model.visual.blocks.0.attn.proj.weight"
Change = Callable[[Path], None]


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Change:
    return lambda folder: change_weights(folder, change)


def both_configs(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Changes what is said of layers in config.json and beside it."""

    def apply(folder: Path) -> None:
        edit(folder / CONFIG, lambda config: change(config["quantization_config"]))
        edit(folder / QUANTIZATION, lambda config: change(config["quantization"]))

    return apply


def scaled(name: str, factor: float) -> Change:
    return tensors(lambda found: found.update({name: found[name] * factor}))


def swap(one: str, other: str) -> Change:
    return tensors(lambda found: found.update({one: found[other], other: found[one]}))


def algorithm(layer: str, name: str) -> Change:
    return both_configs(lambda said: said["quantized_layers"][layer].update(quant_algo=name))


SPOILT: dict[str, tuple[str, str, Change]] = {
    "a scale that is lacking": (
        "plan_and_files",
        "lacks the tensor",
        tensors(lambda found: found.pop(f"{INT8_LAYER}.input_scale")),
    ),
    "a scale too many": (
        "plan_and_files",
        "pre_quant_scale",
        tensors(lambda found: found.update({f"{INT8_LAYER}.pre_quant_scale": torch.ones(64)})),
    ),
    "a kept weight in another type": (
        "plan_and_files",
        KEPT,
        tensors(lambda found: found.update({KEPT: found[KEPT].bfloat16()})),
    ),
    "a layer left as it was": (
        "plan_and_files",
        f"the plan has {INT8_LAYER} as INT8",
        tensors(lambda found: found.update({f"{INT8_LAYER}.weight": torch.zeros(64, 64)})),
    ),
    "another algorithm": ("config_and_files", INT8_LAYER, algorithm(INT8_LAYER, "FP8")),
    "an unknown algorithm": ("config_and_files", "W4A8_AWQ", algorithm(INT8_LAYER, "W4A8_AWQ")),
    "a layer that is not named": (
        "config_and_files",
        f"{INT8_LAYER} is not quantized",
        both_configs(lambda said: said["quantized_layers"].pop(INT8_LAYER)),
    ),
    "the patch embedding named": (
        "config_and_files",
        "model.visual.patch_embed.proj, which is no linear layer",
        both_configs(
            lambda said: said["quantized_layers"].update(
                {"model.visual.patch_embed.proj": {"quant_algo": "FP8"}}
            )
        ),
    ),
    "two configs that differ": (
        "config_and_files",
        f"something else of {INT8_LAYER} than {CONFIG}",
        lambda folder: edit(
            folder / QUANTIZATION,
            lambda said: said["quantization"]["quantized_layers"].pop(INT8_LAYER),
        ),
    ),
    "caches that are quantized": (
        "config_and_files",
        "quantizes caches",
        both_configs(lambda said: said.update(kv_cache_quant_algo="FP8")),
    ),
    "a config of another tool": (
        "config_and_files",
        "no quantization_config of ModelOpt",
        lambda folder: edit(
            folder / CONFIG, lambda said: said["quantization_config"].update(quant_method="fp8")
        ),
    ),
    "one algorithm for all": (
        "config_and_files",
        f"{INT8_LAYER} is FP8, but in the files it is W8A8_SQ_PER_CHANNEL",
        both_configs(lambda said: said.update(quant_algo="FP8", ignore=[], exclude_modules=[])),
    ),
    "fused layers with two scales": (
        "fused_scales_differ",
        FUSED,
        scaled(f"{FUSED}.weight_scale", 1.01),
    ),
    "a kept weight that is NaN": (
        "non_finite_weights",
        KEPT,
        tensors(lambda found: found[KEPT].fill_(float("nan"))),
    ),
    "a scale that is infinite": (
        "non_finite_weights",
        INT8_LAYER,
        scaled(f"{INT8_LAYER}.weight_scale", float("inf")),
    ),
    "a scale that is another": (
        "weights_differ",
        INT8_LAYER,
        scaled(f"{INT8_LAYER}.weight_scale", 1 + 2**-12),
    ),
    "codes of another layer": (
        "weights_differ",
        "q_proj",
        swap(f"{TEXT}.0.self_attn.q_proj.weight", f"{FP8_ALONE}.weight"),
    ),
    "a kept weight that is another": ("weights_differ", KEPT, scaled(KEPT, 1 + 2**-20)),
    "the range of inputs": (
        "input_scales_differ",
        INT8_LAYER,
        scaled(f"{INT8_LAYER}.input_scale", 1 + 2**-12),
    ),
}


def test_with_one_algorithm_a_layer_that_no_pattern_leaves_out_counts_as_quantized(mixed, tmp_path):
    """As a server reads it: bfloat16 vision weights would be cast to FP8 without a word."""
    shutil.copytree(mixed.folder, tmp_path / "folder")
    layers = ["lm_head", "model.visual.blocks.0.attn.qkv", FP8_ALONE]
    for patterns, quantized in (
        (["lm_head", "model.visual*"], [FP8_ALONE]),
        (["lm_head"], ["model.visual.blocks.0.attn.qkv", FP8_ALONE]),
        ([], layers),
    ):
        said = {"quant_algo": "FP8", "ignore": patterns, "exclude_modules": patterns}
        both_configs(lambda config, said=said: config.update(said))(tmp_path / "folder")
        folder = ExportedFolder(place(tmp_path / "folder", "folder"))
        assert list(EXPORTER.declared(folder, layers)) == quantized


@pytest.mark.parametrize("what", SPOILT)
def test_a_folder_that_is_not_the_plan_is_refused(what, bench, tmp_path):
    reason, said, change = SPOILT[what]
    shutil.copytree(bench.exported.folder, tmp_path / "spoilt")
    change(tmp_path / "spoilt")
    with pytest.raises(RunnerError) as caught:
        bench.hold(tmp_path / "spoilt", tmp_path / "out")
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert said in caught.value.message
    assert caught.value.file.startswith("given/")
    assert caught.value.next_step
    assert not (tmp_path / "out/check").exists()


def test_a_model_that_says_something_else_is_refused(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(plain_model, "rounded_input", lambda _form, values, _range: values * 1.001)
    with pytest.raises(RunnerError) as caught:
        bench.hold(bench.exported.folder, tmp_path)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "outputs_differ")
    assert not (tmp_path / "check").exists()


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
