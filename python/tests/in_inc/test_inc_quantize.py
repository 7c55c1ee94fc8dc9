"""Models in INC's own form: exactly the chosen ops are INT8, also in a process of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from harness import run_op
from material import inc_quantizing

from aqm_runner.runner.digests import digest_place
from aqm_runner.runner.failures import RunnerError

LANGUAGE = [
    "lm_head",  # INC wraps it and calls it lm_head.module
    "model.language_model.layers.0.self_attn.q_proj",  # as above
    "model.language_model.layers.1.mlp.up_proj",  # part of a graph, with its own name
]
VISION = ["model.visual.blocks.0.attn.qkv", "model.visual.merger.linear_fc2"]


def quantize(inputs: dict[str, Path], folder: Path, ops: Any, scope: str = "lm") -> dict[str, Any]:
    """Returns the document of a model with these ops; `model` lies beside it."""
    folder.mkdir(exist_ok=True)
    listed = folder / "ops.json"
    listed.write_text(json.dumps({"schema": 1, "ops": ops}))
    run_op("inc_quantize", inc_quantizing(scope), inputs | {"ops": listed}, folder)
    return json.loads((folder / "document").read_text())


def test_the_chosen_ops_are_int8_and_the_saved_model_has_the_same_loss(lm_inputs, tmp_path):
    """The gates compare the ops; here is what a chosen op changes, and that bytes repeat."""
    document = quantize(lm_inputs, tmp_path / "a", LANGUAGE)
    assert document["ops"] == sorted(LANGUAGE)
    loss = document["loss"]
    assert loss["int8"] == loss["reloaded"]
    assert 0 < abs(loss["int8"] - loss["float32"]) < 0.01
    assert [path.name for path in (tmp_path / "a/model").iterdir()] == ["best_model.pt"]
    quantize(lm_inputs, tmp_path / "b", LANGUAGE)
    for role, kind in (("model", "folder"), ("document", "file")):
        one, other = (digest_place(tmp_path / run / role, kind)[0] for run in "ab")
        assert one == other


def test_no_op_is_the_baseline(lm_inputs, tmp_path):
    loss = quantize(lm_inputs, tmp_path / "a", [])["loss"]
    assert loss["float32"] == loss["int8"] == loss["reloaded"]


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_vision_ops_are_calibrated_on_images(family, checkpoints, image_inputs, tmp_path):
    vision = VISION if family == "qwen3_vl" else [VISION[0], "model.visual.merger.mlp.2"]
    inputs = image_inputs | {"checkpoint": checkpoints[family]}
    document = quantize(inputs, tmp_path / "a", [*vision, LANGUAGE[1]], "all_layers")
    assert document["ops"] == sorted([*vision, LANGUAGE[1]])


@pytest.mark.parametrize(
    ("ops", "reason"),
    [
        (["model.language_model.layers.7.mlp.up_proj"], "unknown_op"),
        (["lm_head.module"], "unknown_op"),
        (["model.visual.patch_embed.proj"], "unsupported_op"),
        (VISION, "op_out_of_scope"),
        (["lm_head", "lm_head"], "unreadable_ops"),
        ("lm_head", "unreadable_ops"),
    ],
)
def test_ops_that_inc_would_ignore_are_refused(lm_inputs, tmp_path, ops, reason):
    with pytest.raises(RunnerError) as refused:
        quantize(lm_inputs, tmp_path / "a", ops)
    assert refused.value.reason == reason
    assert "ops.json" in refused.value.message
