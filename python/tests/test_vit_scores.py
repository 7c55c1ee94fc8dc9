"""Scores of an image classifier: a model that is no language model, by the same engine."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import FakeContext, place, run_op
from material import SUBSET, WEIGHTS, classifying
from safetensors.torch import load_file, save_file
from torch import nn

from aqm_runner.model.samples import read_samples
from aqm_runner.runner.failures import RunnerError
from aqm_runner.vit.as_text import pixel_batches
from aqm_runner.vit.checkpoint import load_image_processor, load_vit
from aqm_runner.weight_error.quantize import fake_quantize, weight_format

HEAD = "classifier"
IMAGES = SUBSET["samples"]


@pytest.fixture(scope="module")
def scores(vit_inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scores")
    run_op("vit_scores", classifying("INT4_WEIGHTS"), vit_inputs, folder)
    return json.loads((folder / "scores").read_text())


def test_every_linear_and_convolution_is_in_one_group(scores, vit_inputs):
    model = load_vit(place(vit_inputs["checkpoint"], "folder"), "float32", "cpu")
    layers = [
        name for name, layer in model.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))
    ]
    members = [module for group in scores["groups"] for module in group["modules"]]
    assert sorted(members) == sorted(layers)
    assert all(group["enabled"] and group["score"] > 0 for group in scores["groups"])
    fused = [group["modules"] for group in scores["groups"] if len(group["modules"]) > 1]
    assert fused[0] == [f"vit.layers.0.attention.{name}_proj" for name in "qkv"]


def test_the_score_of_the_head_is_the_divergence_of_the_classes(scores, vit_inputs):
    checkpoint, database, images = (
        place(vit_inputs[role], kind)
        for role, kind in (("checkpoint", "folder"), ("database", "file"), ("images", "folder"))
    )
    context = FakeContext()
    samples = read_samples(context, database, None)
    [batch] = pixel_batches(context, load_image_processor(checkpoint), images, samples, IMAGES)
    model = load_vit(checkpoint, "float32", "cpu")

    def classes() -> torch.Tensor:
        with torch.no_grad():
            return model(**batch.inputs).logits.log_softmax(-1)

    whole = classes()
    format_ = weight_format("INT4", {"weight": WEIGHTS["INT4_WEIGHTS"]})
    model.classifier.weight.data = fake_quantize(model.classifier.weight, format_)
    rounded = classes()
    by_hand = float((whole.exp() * (whole - rounded)).sum())
    [score] = [group["score"] for group in scores["groups"] if group["name"] == HEAD]
    assert by_hand > 0
    assert score == pytest.approx(by_hand, rel=1e-2)


def test_an_image_is_one_sample_and_one_predicted_class(scores):
    measured = scores["measured"]
    assert measured["score_samples"] == measured["score_tokens"] == IMAGES
    assert measured["score_batches"] == 2
    assert measured["sequence_length"] == (64 // 8) ** 2 + 1


def test_a_language_model_is_refused_with_the_op_for_it(checkpoints, vit_inputs, tmp_path):
    inputs = vit_inputs | {"checkpoint": checkpoints["qwen3_vl"]}
    with pytest.raises(RunnerError, match="Qwen3VLForConditionalGeneration") as refused:
        run_op("vit_scores", classifying("INT8"), inputs, tmp_path)
    error = refused.value
    assert (error.class_, error.reason) == ("gate_failed", "no_vit")
    assert error.file == "given/checkpoint/config.json"
    assert "sensitivity_scores" in error.next_step
    assert not (tmp_path / "scores").exists()


def test_weights_that_are_missing_are_not_random(vit_inputs, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(vit_inputs["checkpoint"], checkpoint)
    weights = load_file(checkpoint / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunnerError, match=r"classifier\.weight") as refused:
        run_op("vit_scores", classifying("INT8"), vit_inputs | {"checkpoint": checkpoint}, tmp_path)
    assert refused.value.reason == "incomplete_checkpoint"
