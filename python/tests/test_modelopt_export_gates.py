"""ModelOpt's checkpoints: every gate refuses a folder that is not the plan."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_modelopt import CONFIG, QUANTIZATION, TEXT, Exported, export_mixed
from harness import FakeContext, place
from spoilt import change_weights, edit

from aqm_runner.export import plain_model
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.job import Exporter, Request, write_and_compare
from aqm_runner.export.logits import make_prompts
from aqm_runner.export.pairs import MODELOPT
from aqm_runner.export.planned import Planned, planned_layers
from aqm_runner.modelopt.planned_model import PlannedModel, simulation
from aqm_runner.ops.modelopt_export import EXPORTER
from aqm_runner.quality.plans import PlanDocument, read_plans
from aqm_runner.runner.failures import RunnerError


@pytest.fixture(scope="module")
def mixed(export_inputs, tmp_path_factory) -> Exported:
    return export_mixed(export_inputs["lm"], tmp_path_factory.mktemp("mixed"))


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
