"""Recipes as checkpoints: the files are the model that is measured, and calibration is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from forks import ForkedRunner
from harness import PYTHON_ROOT, FakeContext, action, of_type, place, request, run_op
from material import recipe_exporting
from safetensors.torch import load_file
from spoilt import WEIGHTS

from aqm_runner.export.logits import logits_of, make_prompts
from aqm_runner.model.batches import Loader
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.modelopt.quality.recipe import apply_recipe, calibrate_recipe, recipe_config
from aqm_runner.modelopt.quality.recipe_state import HeardScales, restore
from aqm_runner.modelopt.simulated_layers import SimulatedLayers
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.partials import Partials

SMOOTHQUANT, AWQ, FP8 = "INT8_SMOOTHQUANT_CFG", "INT4_AWQ_CFG", "FP8_DEFAULT_CFG"
KEPT = ["*visual*", "*lm_head*"]
# Blocks of 128 columns need a wider model than the tiny ones.
TRAINED = PYTHON_ROOT.parent / "models/qwen3_vl_trained/checkpoint"


@pytest.fixture(scope="module")
def inputs(quality_inputs) -> dict[str, dict[str, Path]]:
    """By recipe."""
    database = quality_inputs["lm"]["database"]
    tiny = quality_inputs["lm"]["checkpoint"]
    return {
        name: {"checkpoint": TRAINED if name == AWQ else tiny, "database": database}
        for name in (SMOOTHQUANT, AWQ, FP8, "NVFP4_DEFAULT_CFG")
    }


def exporting_few(name: str, **changes: Any) -> dict[str, Any]:
    """Returns params with which AWQ's search is short."""
    params = recipe_exporting(name, **changes)
    return params | {"calibration": params["calibration"] | {"samples": 2}}


def calibrated(name: str, inputs: dict[str, Path], dtype: str, apply: Any = None) -> Any:
    """Returns the model after calibration, or after what `apply` does to a fresh one."""
    params = exporting_few(name, dtype=dtype)
    places = {
        role: place(path, "folder" if role == "checkpoint" else "file")
        for role, path in inputs.items()
    }
    model = load_model(places["checkpoint"], dtype, "cpu")
    config = recipe_config(name, KEPT)
    loader = Loader(calibration_batches(FakeContext(), params, places), "cpu")
    (apply or calibrate_recipe)(FakeContext(), model, loader, config, params)
    return model


def test_without_its_quantizers_a_smoothed_model_says_what_the_checkpoint_says(inputs):
    """The effect of quantization, of which gates let a share through, is that of nothing else."""

    def settled(context: Any, model: Any, loader: Any, config: Any, params: Any) -> None:
        apply_recipe(context, model, loader, SMOOTHQUANT, config, params)

    smoothed = calibrated(SMOOTHQUANT, inputs[SMOOTHQUANT], "float32", settled)
    layers = {
        name: SMOOTHQUANT
        for name, module in smoothed.named_modules()
        if hasattr(module, "weight_quantizer") and module.weight_quantizer.is_enabled
    }
    simulated = SimulatedLayers(smoothed, {}, layers)
    checkpoint = place(inputs[SMOOTHQUANT]["checkpoint"], "folder")
    prompts = make_prompts(checkpoint, "lm")
    plain = logits_of(load_model(checkpoint, "float32", "cpu"), prompts, "cpu")
    quantized = logits_of(smoothed, prompts, "cpu")
    with simulated.unquantized():
        same = logits_of(smoothed, prompts, "cpu")
    for ours, theirs, other in zip(plain, same, quantized, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-4)
        assert (ours - other).abs().max() > (ours - theirs).abs().max()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (SMOOTHQUANT, "float32"),
        pytest.param(SMOOTHQUANT, "bfloat16", marks=pytest.mark.engines),
        pytest.param(AWQ, "float32", marks=pytest.mark.engines),
        (FP8, "bfloat16"),
    ],
)
def test_what_is_kept_of_calibration_gives_a_fresh_model_the_same_bits(name, dtype, inputs):
    heard = HeardScales()
    with heard.installed():
        first = calibrated(name, inputs[name], dtype)
    state = json.loads(json.dumps(heard.state(first)))
    second = load_model(place(inputs[name]["checkpoint"], "folder"), dtype, "cpu")
    restore(second, recipe_config(name, KEPT), state)
    ours, theirs = first.state_dict(), second.state_dict()
    assert ours.keys() == theirs.keys()
    for key, tensor in ours.items():
        assert tensor.dtype == theirs[key].dtype
        assert torch.equal(tensor, theirs[key]), key
    assert any("scale" in entry for entry in state.values()) == (name != FP8)


def exported(
    name: str, inputs: dict[str, Path], output: Path, partials: Partials | None = None
) -> tuple[dict[str, Any], dict[str, Any], FakeContext]:
    context = FakeContext()
    context.partials = partials or Partials()
    facts = run_op("recipe_export", exporting_few(name), inputs, output, context)
    return json.loads((output / "check").read_text()), facts, context


def unpacked(codes: torch.Tensor) -> torch.Tensor:
    """Returns the INT4 codes of pairs of rows, the first in the lower four bits."""
    codes = codes.int()
    pairs = torch.stack([codes & 15, codes >> 4], 1).reshape(-1, codes.shape[1])
    return torch.where(pairs > 7, pairs - 16, pairs)


@pytest.mark.parametrize("name", [SMOOTHQUANT, pytest.param(AWQ, marks=pytest.mark.engines)])
def test_the_weights_of_the_file_are_those_of_the_measured_model(name, inputs, tmp_path):
    check, facts, _ = exported(name, inputs[name], tmp_path)

    def apply(context: Any, model: Any, loader: Any, config: Any, params: Any) -> None:
        apply_recipe(context, model, loader, name, config, params)

    model = calibrated(name, inputs[name], "float32", apply)
    tensors = load_file(tmp_path / "checkpoint" / WEIGHTS)
    source = load_file(inputs[name]["checkpoint"] / WEIGHTS)
    scaled = 0
    for each in check["layers"]:
        layer = model.get_submodule(each["layer"])
        wanted = layer.weight_quantizer(layer.weight).detach()
        codes, scale = (tensors[f"{each['layer']}.{part}"] for part in ("weight", "weight_scale"))
        if name == AWQ:
            values = unpacked(codes).float().reshape(*scale.shape, -1) * scale[..., None]
        else:
            values = codes.float() * scale[:, None]
        difference = (values.reshape(wanted.shape) - wanted).abs().max() / wanted.abs().max()
        # Fusing may move a feature's scale by its last bit, and a code with it.
        assert difference < 2**-20, each["layer"]
        scales = tensors.get(f"{each['layer']}.pre_quant_scale")
        if scales is not None:
            scaled += 1
            measured = layer.input_quantizer.pre_quant_scale.reshape(-1)
            assert torch.allclose(scales, measured, rtol=2**-22)
            # Scales and weights cancel out, but for rounding to codes.
            step = scale.max() * scales.max()
            original = source[f"{each['layer']}.weight"]
            assert (values.reshape(wanted.shape) * scales - original).abs().max() <= step
    assert facts["scaled_layers"] == scaled
    # AWQ's scales go into the norm before q, k, v and before gate, up.
    assert scaled == (len(check["layers"]) if name == SMOOTHQUANT else 2 * 4)
    moved = [key for key, tensor in source.items() if key in tensors and "layernorm" in key]
    changed = [key for key in moved if not torch.equal(source[key], tensors[key])]
    assert len(changed) == (0 if name == SMOOTHQUANT else 2 * 4)
    assert check["formats"] == {name: len(check["layers"])}
    assert check["logits"]["kl"] <= check["logits"]["tolerance"]


@pytest.mark.engines
def test_an_export_that_failed_goes_on_without_calibrating(inputs, tmp_path, monkeypatch):
    from aqm_runner.modelopt.export import writing

    items = tmp_path / "identity/items"
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(writing, "export", fail)
        with pytest.raises(RunnerError) as caught:
            exported(SMOOTHQUANT, inputs[SMOOTHQUANT], tmp_path / "full", Partials(items))
    assert (caught.value.class_, caught.value.reason) == ("unsupported_here", "disk_full")
    assert not (tmp_path / "full/check").exists()
    again, _, context = exported(
        SMOOTHQUANT, inputs[SMOOTHQUANT], tmp_path / "again", Partials(items)
    )
    phases = [name for name, _ in context.phases]
    assert "restore" in phases
    assert "calibrate" not in phases
    alone, _, context = exported(SMOOTHQUANT, inputs[SMOOTHQUANT], tmp_path / "alone")
    assert "calibrate" in [name for name, _ in context.phases]
    assert again == alone
    files = {
        folder: {
            path.name: path.read_bytes() for path in (tmp_path / folder / "checkpoint").iterdir()
        }
        for folder in ("again", "alone")
    }
    assert files["again"] == files["alone"]


@pytest.mark.engines
def test_a_killed_export_goes_on_without_calibrating(original, inputs, tmp_path):
    partial = {"partial": str(tmp_path / "identity/items")}
    given = ("recipe_export", exporting_few(SMOOTHQUANT), inputs[SMOOTHQUANT])
    doomed = ForkedRunner(original, tmp_path / "doomed log")
    doomed.send(request("job", action(*given, tmp_path / "doomed", **partial)))
    doomed.events.until("phase", name="write")
    doomed.process.kill()
    list(doomed.events)
    runner = ForkedRunner(original, tmp_path / "log")
    events = runner.run("job", action(*given, tmp_path / "out", **partial))
    runner.end()
    phases = [event["name"] for event in of_type(events, "phase")]
    assert "restore" in phases
    assert "calibrate" not in phases
    (result,) = of_type(events, "result")
    assert result["facts"]["items"] == {"measured": 0, "reused": 1}
    assert (tmp_path / "out/check").exists()


@pytest.mark.parametrize(
    ("name", "class_", "reason", "said"),
    [
        (AWQ, "bad_request", "layer_not_exportable", "blocks of 128 do not divide its 64 columns"),
        ("NVFP4_DEFAULT_CFG", "unsupported_here", "format_needs_cuda", "CUDA"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_loaded(
    name, class_, reason, said, inputs, tmp_path
):
    context = FakeContext()
    with pytest.raises(RunnerError) as caught:
        run_op("recipe_export", recipe_exporting(name), inputs[FP8], tmp_path / "x", context)
    assert (caught.value.class_, caught.value.reason) == (class_, reason)
    assert said in caught.value.message
    assert (context.phases, (tmp_path / "x").exists()) == ([], False)
