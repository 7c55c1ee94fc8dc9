"""What is refused before weights are read, and how layers are shared out among devices.

The sharing itself needs two GPUs: `tests/gpu/spread.py`.
"""

import gc
import importlib.util
import weakref
from typing import Any

import pytest
from accelerate import dispatch_model
from harness import FakeContext, place
from material import FORMATS

from aqm_runner.model.batches import Loader, caption_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.placement import check_room, check_shared_out, shared_out
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.modelopt.scoring import Scorer, Setting
from aqm_runner.runner.failures import OUT_OF_MEMORY, RunnerError

# Blocks and their layers in the text of the tiny model.
LAYERS = 2 * 7


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_weights_that_no_memory_holds_are_refused_with_both_numbers(checkpoints, family):
    folder = place(checkpoints[family], "folder")
    tensors = list(check_checkpoint(folder).values())
    needed = sum(
        parameter.numel() * 4 for parameter in load_model(folder, "float32", "cpu").parameters()
    )
    check_room(folder, tensors, "float32", [needed])
    check_room(folder, tensors, "float32", [needed // 2, needed - needed // 2])
    check_room(folder, tensors, "bfloat16", [needed // 2])
    check_room(folder, tensors, "float32", [])  # of a CPU nothing is known
    with pytest.raises(RunnerError) as caught:
        check_room(folder, tensors, "float32", [needed // 2, needed // 4])
    error = caught.value
    assert (error.class_, error.reason) == (OUT_OF_MEMORY, "model_too_large")
    assert error.file == folder.name
    gib = 2**30
    assert f"need {needed / gib:.1f} GiB in float32" in error.message
    assert f"2 GPUs of this job have {(needed // 2 + needed // 4) / gib:.1f} GiB" in error.message
    assert "set gpus: 3 or more" in error.next_step


def test_a_model_that_an_earlier_job_left_is_gone_before_the_next_is_loaded(checkpoints):
    folder = place(checkpoints["qwen3_vl"], "folder")
    model = load_model(folder, "float32", "cpu")
    model.itself = [model]  # as libraries leave them
    left = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert left() is not None
        load_model(folder, "float32", "cpu")
        assert left() is None
    finally:
        gc.enable()


def test_layers_are_shared_out_where_several_devices_are_seen():
    assert shared_out([]) == {}
    assert shared_out([1]) == {}
    assert shared_out([1, 1]) == {"device_map": "balanced"}


def test_an_environment_that_cannot_share_out_says_so(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunnerError) as caught:
        shared_out([1, 1])
    assert caught.value.reason == "no_accelerate"


def test_a_layer_that_was_left_in_the_memory_of_the_host_is_named(checkpoints):
    folder = place(checkpoints["qwen3_vl"], "folder")
    model = load_model(folder, "float32", "cpu")
    model.hf_device_map = {"model.visual": 0, "model.language_model": 1}
    check_shared_out(folder, model, [2**30, 2**31])
    model.hf_device_map["lm_head"] = "cpu"
    with pytest.raises(RunnerError) as caught:
        check_shared_out(folder, model, [2**30, 2**31])
    assert caught.value.reason == "model_too_large"
    assert f"lm_head of {folder.name} finds no room on 2 GPUs with 1.0, 2.0" in caught.value.message


@pytest.mark.parametrize("method", ["gradient", "kl_div"])
def test_hooks_that_bring_inputs_to_the_device_of_a_layer_change_no_bit(lm_inputs, method):
    folder = place(lm_inputs["checkpoint"], "folder")
    make_deterministic("cpu")
    batches = caption_batches(folder, ["a red circle", "a blue square", "two"], 2, 16, "longest")
    found = []
    for hooked in (False, True):
        model = load_model(folder, "float32", "cpu")
        if hooked:
            model = dispatch_model(model, on_cpu(model), main_device="cpu", force_hooks=True)
            assert sum(hasattr(module, "_hf_hook") for module in model.modules()) > LAYERS
        formats = [as_format(name, FORMATS[name]) for name in ("FP8", "INT8", "INT8_FP8")]
        setting = Setting("lm", "batch_mean", include_lm_head=True, score_steps=2, method=method)
        tables = Scorer(FakeContext(), setting).score(model, Loader(batches, "cpu"), formats)
        found.append([[group.score for group in table.groups] for table in tables])
    assert found[0] == found[1]


def on_cpu(model: Any) -> dict[str, str]:
    """Returns a place for each block and each module outside of blocks, as transformers does."""
    places: dict[str, str] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{other}.") for other in places)
        own = any(True for _ in module.parameters(recurse=False)) or "rotary" in name
        if not inside and (type(module).__name__ in model._no_split_modules or own):
            places[name] = "cpu"
    return places
