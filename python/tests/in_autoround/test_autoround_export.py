"""Checkpoints that AutoRound tunes: as planned, loadable in a fresh process, measured."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from auto_round.algorithms.quantization.base import BaseQuantizer
from autoround_material import SCHEMES, tuned_quality, tuning
from harness import FakeContext, place, run_op
from plan_files import groups_of, in_turn, write_plans
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from aqm_runner.autoround.exportable import planned_formats
from aqm_runner.autoround.formats import as_format
from aqm_runner.autoround.library import part
from aqm_runner.autoround.stored import check_stored
from aqm_runner.autoround.tuning import one_by_one
from aqm_runner.model.batches import caption_batches
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.quality.plans import read_plans
from aqm_runner.runner.digests import digest_place
from aqm_runner.runner.failures import RunnerError

FORMS = ("auto_round", "llm_compressor")
MIXED = ("INT4_WEIGHTS", "INT8_BLOCKS", "NONE")
INT8_BLOCKS = SCHEMES["INT8_WEIGHTS"] | {"group_size": 32}


def asked(**changes: Any) -> dict[str, Any]:
    """Returns params of autoround_export with candidates whose blocks fit the tiny model."""
    candidates = [
        {"name": "INT4_WEIGHTS", "config": SCHEMES["INT4_WEIGHTS"]},
        {"name": "INT8_BLOCKS", "config": INT8_BLOCKS},
    ]
    return tuning() | {"candidates": candidates} | changes


@pytest.fixture(scope="session")
def export_given(quality_inputs, tmp_path_factory) -> dict[str, Path]:
    """Inputs of autoround_export: a plan of INT4, INT8 and 16 bits by turns."""
    inputs = {role: quality_inputs["lm"][role] for role in ("checkpoint", "database")}
    groups = groups_of(inputs["checkpoint"], "lm")
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    return inputs | {"plan": write_plans(path, groups, mixed=in_turn(groups, *MIXED))}


@pytest.fixture(scope="session")
def tuned(export_given, tmp_path_factory) -> dict[tuple[str, int], Path]:
    """Folders by form and steps, each with its `check` beside it."""
    found = {}
    for form, iters in (("auto_round", 0), ("llm_compressor", 0), ("llm_compressor", 8)):
        folder = tmp_path_factory.mktemp(f"{form} {iters}")
        run_op("autoround_export", asked(format=form, iters=iters), export_given, folder)
        found[form, iters] = folder
    return found


def test_a_format_that_is_rounded_without_data_needs_none(quality_inputs, tmp_path):
    inputs = {role: quality_inputs["lm"][role] for role in ("checkpoint", "database")}
    groups = groups_of(inputs["checkpoint"], "lm")
    plan = write_plans(tmp_path / "plan.json", groups, rows=in_turn(groups, "INT8_WEIGHTS", "NONE"))
    candidates = [{"name": "INT8_WEIGHTS", "config": SCHEMES["INT8_WEIGHTS"]}]
    params = tuning() | {"candidates": candidates, "format": "llm_compressor", "iters": 0}
    run_op("autoround_export", params, inputs | {"plan": plan}, tmp_path / "out")
    assert {each["bits"] for each in check_of(tmp_path / "out")["layers"]} == {8}


def check_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "check").read_text())


@pytest.mark.parametrize("form", FORMS)
def test_layers_are_quantized_exactly_as_planned(form, tuned, export_given):
    check = check_of(tuned[form, 0])
    plans = read_plans(place(export_given["plan"], "file"))
    candidates = asked()["candidates"]
    planned = planned_formats(plans, candidates, place(export_given["plan"], "file"))
    wanted = {name: each.scheme["bits"] for name, each in planned.items() if each}
    assert {each["name"]: each["bits"] for each in check["layers"]} == wanted
    assert set(wanted.values()) == {4, 8}
    assert check["kept_layers"] > 0
    assert all(0 < each["error"] < (0.3 if each["bits"] == 4 else 0.03) for each in check["layers"])


@pytest.mark.parametrize("form", FORMS)
def test_all_else_is_the_checkpoint_s_own(form, tuned, export_given):
    folder = tuned[form, 0] / "checkpoint"
    quantized = {each["name"] for each in check_of(tuned[form, 0])["layers"]}
    before = load_file(export_given["checkpoint"] / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    kept = {name for name in before if name.removesuffix(".weight") not in quantized}
    assert kept
    # AutoRound stores a float32 model in bfloat16 on processors that multiply such numbers.
    assert all(before[name].to(after[name].dtype).equal(after[name]) for name in kept)
    assert {after[name].dtype for name in kept} <= {torch.float32, torch.bfloat16}
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        there = export_given["checkpoint"] / name
        assert not there.exists() or there.read_bytes() == (folder / name).read_bytes()


def test_the_folder_is_the_same_twice(tuned, export_given, tmp_path):
    params = asked(format="llm_compressor", iters=8)
    run_op("autoround_export", params, export_given, tmp_path)
    first = digest_place(tuned["llm_compressor", 8] / "checkpoint", "folder")[0]
    assert digest_place(tmp_path / "checkpoint", "folder")[0] == first
    assert check_of(tmp_path) == check_of(tuned["llm_compressor", 8])


def test_tuning_changes_codes_and_nothing_else(tuned):
    rounded, better = (
        load_file(tuned["llm_compressor", iters] / "checkpoint/model.safetensors")
        for iters in (0, 8)
    )
    other = {name for name in rounded if not rounded[name].equal(better[name])}
    assert other
    assert {name.rpartition(".")[2] for name in other} <= {"weight_packed", "weight_scale"}


def test_a_tuned_folder_is_measured_against_the_untuned_one(tuned, quality_inputs, tmp_path):
    inputs = {role: path for role, path in quality_inputs["lm"].items() if role != "plan"}
    inputs |= {
        "quantized": tuned["llm_compressor", 8] / "checkpoint",
        "against": tuned["llm_compressor", 0] / "checkpoint",
    }
    run_op("autoround_quality", tuned_quality("llm_compressor"), inputs, tmp_path)
    document = json.loads((tmp_path / "quality").read_text())
    assert document["environment"]["quantized_dtype"] == "float32"
    plans = {plan["name"]: plan for plan in document["plans"]}
    for plan in plans.values():
        assert 0 < plan["kl"]["low"] <= plan["kl"]["value"] <= plan["kl"]["high"]
        assert 0 < plan["top1_agreement"]["value"] <= 1
        assert plan["perplexity_ratio"]["value"] > 0
    difference = document["difference"]["kl"]
    apart = plans["quantized"]["kl"]["value"] - plans["against"]["kl"]["value"]
    assert difference["value"] == pytest.approx(apart, rel=1e-9)
    # Paired: what samples have in common falls out, so that the interval is the narrower one.
    widths = [plan["kl"]["high"] - plan["kl"]["low"] for plan in plans.values()]
    assert difference["low"] <= difference["value"] <= difference["high"]
    assert difference["high"] - difference["low"] < sum(widths)


def test_autoround_s_own_form_is_measured_in_float16(tuned, quality_inputs, tmp_path):
    inputs = {role: path for role, path in quality_inputs["lm"].items() if role != "plan"}
    inputs["quantized"] = tuned["auto_round", 0] / "checkpoint"
    run_op("autoround_quality", tuned_quality("auto_round"), inputs, tmp_path)
    document = json.loads((tmp_path / "quality").read_text())
    assert document["environment"]["quantized_dtype"] == "float16"
    assert document["plans"][0]["kl"]["value"] > 0
    assert "difference" not in document


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"group_size": 128}, "blocks of 128 do not divide its 64 columns"),
        ({"group_size": 0}, "one scale for a whole weight"),
    ],
)
def test_blocks_that_would_be_read_as_noise_are_refused(config, says, export_given, tmp_path):
    candidates = [
        {"name": "INT4_WEIGHTS", "config": SCHEMES["INT4_WEIGHTS"] | config},
        {"name": "INT8_BLOCKS", "config": INT8_BLOCKS},
    ]
    with pytest.raises(RunnerError, match=says) as refused:
        run_op("autoround_export", asked(candidates=candidates), export_given, tmp_path)
    assert refused.value.reason == "layer_not_exportable"


def test_activations_are_not_tuned(export_given, tmp_path):
    candidates = [
        {"name": "INT4_WEIGHTS", "config": SCHEMES["INT8"]},
        {"name": "INT8_BLOCKS", "config": INT8_BLOCKS},
    ]
    with pytest.raises(RunnerError) as refused:
        run_op("autoround_export", asked(candidates=candidates), export_given, tmp_path)
    assert refused.value.reason == "format_not_exportable"


def test_data_that_autoround_cannot_use_ends_the_job_and_not_the_process(
    export_given, tmp_path, monkeypatch
):
    def exit_(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit(-1)

    monkeypatch.setattr(part("autoround"), "AutoRound", exit_)
    with pytest.raises(RunnerError) as refused:
        run_op("autoround_export", asked(), export_given, tmp_path)
    assert refused.value.reason == "tuning_failed"


def test_pads_are_no_part_of_what_is_tuned_on(export_given, tmp_path, monkeypatch):
    masks = []
    original = BaseQuantizer._compute_valid_token_mask

    def noting(self: BaseQuantizer, input_ids: list[torch.Tensor]) -> list[torch.Tensor]:
        masks.append(original(self, input_ids))
        return masks[-1]

    monkeypatch.setattr(BaseQuantizer, "_compute_valid_token_mask", noting)
    run_op("autoround_export", asked(iters=1), export_given, tmp_path)
    batches = calibration_batches(
        FakeContext(),
        asked(),
        {
            role: place(path, "folder" if path.is_dir() else "file")
            for role, path in export_given.items()
        },
    )
    ours = torch.cat([batch.inputs["attention_mask"] for batch in batches])
    ours[:, -1] = 0  # nothing is predicted from the last token
    assert ours.float().mean() < 0.5
    assert torch.equal(torch.cat(masks[0]), ours)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_a_sample_that_is_tuned_on_says_what_it_says_to_the_model(family, checkpoints, lm_inputs):
    """Positions of the row instead of those of the text: the same logits but for pads."""
    captions = ["a red circle", "a blue square beside two green triangles and a red circle"]
    checkpoint = place(checkpoints[family], "folder")
    batch = caption_batches(checkpoint, captions, 2, 24, "max_length")[0]
    model = load_model(checkpoint, "float32", "cpu")
    mask = batch.inputs["attention_mask"].bool()
    assert mask[0].sum() < mask[1].sum() < mask.shape[1]
    with torch.inference_mode():
        ours = torch.cat([model(**one, use_cache=False).logits for one in one_by_one([batch])])
        theirs = model(**batch.inputs, use_cache=False).logits
    torch.testing.assert_close(ours[mask], theirs[mask], rtol=1e-4, atol=1e-4)


def test_a_layer_that_was_left_out_is_found(tuned, export_given, tmp_path):
    folder = tuned["llm_compressor", 0] / "checkpoint"
    with safe_open(folder / "model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    layer = next(name for name in tensors if name.endswith("weight_packed")).rpartition(".")[0]
    for name in [name for name in tensors if name.startswith(f"{layer}.weight_")]:
        del tensors[name]
    save_file(tensors, tmp_path / "model.safetensors")
    layers = {
        each["name"]: as_format(each["format"], dict(INT8_BLOCKS, bits=each["bits"]))
        for each in check_of(tuned["llm_compressor", 0])["layers"]
    }
    columns = {name: 64 if "down_proj" not in name else 128 for name in layers}
    with pytest.raises(RunnerError, match=layer) as refused:
        check_stored(
            place(tmp_path, "folder"), place(export_given["checkpoint"], "folder"), layers, columns
        )
    assert refused.value.reason == "plan_and_files"
