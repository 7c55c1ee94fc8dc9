"""What is refused before weights are read, and how layers are shared out among devices.

The sharing itself needs two GPUs: `tests/gpu/spread.py`.
"""

import importlib.util

import pytest
from harness import place

from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.placement import check_room, check_shared_out, shared_out
from aqm_runner.runner.failures import OUT_OF_MEMORY, RunnerError


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
    assert "Set gpus: 3 or more" in error.next_step


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
