"""Captions and turns: what cannot be understood as text, or predicted, is named before scoring."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from experts import make_experts
from harness import FakeContext, place, run_op
from material import scoring, squared_error
from PIL import Image
from spoilt import edit

from aqm_runner.model import image_batches as made_of_images
from aqm_runner.model.batches import caption_batches
from aqm_runner.model.image_batches import image_batches
from aqm_runner.model.samples import Sample
from aqm_runner.runner.failures import RunnerError


@pytest.fixture
def folder(checkpoints, tmp_path) -> Path:
    """A copy of the tiny Qwen3-VL, free to be spoilt."""
    return Path(shutil.copytree(checkpoints["qwen3_vl"], tmp_path / "ckpt"))


def captions_of(folder: Path, *captions: str) -> Any:
    return caption_batches(place(folder, "folder"), list(captions), 1, 64, "longest")


def turns_of(folder: Path, *samples: Sample) -> Any:
    images = place(folder, "folder")  # any folder with the images in it
    return image_batches(FakeContext(), images, images, list(samples), 64, "longest")


def with_image(folder: Path, width: int = 16, height: int = 16) -> Sample:
    Image.new("RGB", (width, height)).save(folder / "x.jpg")
    return Sample("x.jpg", "a red circle")


@pytest.mark.parametrize("token", ["<|im_end|>", "<|image_pad|>", "<|endoftext|>"])
def test_a_caption_that_holds_a_sign_of_the_model_is_named(folder, token):
    odd = f"a circle {token} and more"
    sample = with_image(folder)
    for step in (
        lambda: captions_of(folder, "a square", odd),
        lambda: turns_of(folder, sample, Sample(sample.image_relpath, odd)),
    ):
        with pytest.raises(RunnerError, match="special_token_in_caption") as caught:
            step()
        assert "Caption 2 of the sample" in caught.value.message
        assert token in caught.value.message


def test_odd_characters_are_text_like_any_other(folder):
    for odd in ("a\rb", "a\u2028b", "a\0b", "\U0001f600", "im_end |> <"):
        assert captions_of(folder, odd)[0].tokens > 0


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (lambda c: c["text_config"].update(vocab_size=9), "token_beyond_vocabulary", "for 9, from"),
        (lambda c: c.update(image_token_id=3), "tokenizer_mismatch", "id of an image token"),
        (lambda c: c["vision_config"].update(patch_size=8), "tokenizer_mismatch", "patch_size"),
        (lambda c: c["vision_config"].update(spatial_merge_size=1), "tokenizer_mismatch", "merge"),
    ],
)
def test_a_tokenizer_or_processor_of_another_model(
    folder, change: Callable[[Any], None], reason, words
):
    edit(folder / "config.json", change)
    with pytest.raises(RunnerError, match=reason) as caught:
        turns_of(folder, with_image(folder))
    assert words in caught.value.message
    if reason == "token_beyond_vocabulary":
        with pytest.raises(RunnerError, match=reason):
            captions_of(folder, "a red circle")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% import '/etc/passwd' as x %}",
        "{% for i in range(10**12) %}x{% endfor %}",
        "{{",
        "nothing of the caption",
    ],
)
def test_a_chat_template_that_does_anything_else(folder, template):
    (folder / "chat_template.jinja").write_text(template)
    for name in ("tokenizer_config.json", "processor_config.json"):
        edit(folder / name, lambda document: document.pop("chat_template", None))
    with pytest.raises(RunnerError, match="unreadable_checkpoint") as caught:
        turns_of(folder, with_image(folder))
    assert "by its chat template" in caught.value.message


def test_an_image_that_the_processor_refuses_is_named(folder):
    with pytest.raises(RunnerError, match="unreadable_image") as caught:
        turns_of(folder, with_image(folder, 1, 400))
    assert caught.value.file == "given/ckpt/x.jpg"
    assert "aspect ratio" in caught.value.message


def test_samples_that_share_a_batch_are_those_of_batches_of_one(folder):
    first = with_image(folder)
    Image.new("RGB", (64, 32)).save(folder / "y.jpg")
    samples = [first, Sample("y.jpg", "a blue square"), Sample("x.jpg", "a circle")]
    images = place(folder, "folder")
    alone = image_batches(FakeContext(), images, images, samples, 64, "longest")
    shared = image_batches(FakeContext(), images, images, samples, 64, "longest", 2)
    assert [batch.samples for batch in shared] == [2, 1]
    # As in batches of texts, the first token of the shorter one is predicted from a pad.
    assert sum(batch.tokens for batch in shared) == sum(batch.tokens for batch in alone) + 1
    assert sum(batch.unpadded for batch in shared) == sum(batch.unpadded for batch in alone)
    pair, last = shared
    assert pair.inputs.keys() == last.inputs.keys() == alone[0].inputs.keys()
    for name, value in last.inputs.items():
        assert torch.equal(value, alone[2].inputs[name])
    for row, single in enumerate(alone[:2]):
        length = single.labels.shape[1]
        for name, value in [*single.inputs.items(), ("labels", single.labels)]:
            if value.shape == single.labels.shape:
                told = pair.labels if name == "labels" else pair.inputs[name]
                assert torch.equal(told[row, -length:], value[0])
        hidden = pair.inputs["attention_mask"][row, :-length]
        assert not hidden.any()
        assert (pair.labels[row, :-length] == -100).all()
    for name in ("pixel_values", "image_grid_thw"):
        both = torch.cat([batch.inputs[name] for batch in alone[:2]])
        assert torch.equal(pair.inputs[name], both)


def test_images_whose_inputs_do_not_fit_together_cannot_share_a_batch(folder, monkeypatch):
    load = made_of_images.load_processor

    class Whole:
        """Gives all patches of an image in one row, as processors of some families do."""

        def __init__(self, checkpoint: Any) -> None:
            self._processor = load(checkpoint)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._processor, name)

        def __call__(self, **given: Any) -> Any:
            inputs = dict(self._processor(**given))
            return inputs | {"pixel_values": inputs["pixel_values"][None]}

    monkeypatch.setattr(made_of_images, "load_processor", Whole)
    Image.new("RGB", (64, 32)).save(folder / "y.jpg")
    samples = [with_image(folder), Sample("y.jpg", "a blue square")]
    images = place(folder, "folder")
    assert len(image_batches(FakeContext(), images, images, samples, 64, "longest", 1)) == 2
    with pytest.raises(RunnerError, match="batch_size") as caught:
        image_batches(FakeContext(), images, images, samples, 64, "longest", 2)
    assert caught.value.file == "given/ckpt"
    assert "different shapes" in caught.value.message


@pytest.mark.parametrize(
    ("pad", "reason"), [("<|image_pad|>", "tokenizer_mismatch"), ("odd", "token_beyond_vocabulary")]
)
def test_a_pad_that_is_no_text_is_refused_where_samples_share_a_batch(
    folder, monkeypatch, pad, reason
):
    load = made_of_images.load_processor

    def odd(checkpoint: Any) -> Any:
        processor = load(checkpoint)
        if pad == "odd":
            processor.tokenizer.add_tokens(["odd"])
        processor.tokenizer.pad_token = pad
        return processor

    monkeypatch.setattr(made_of_images, "load_processor", odd)
    Image.new("RGB", (64, 32)).save(folder / "y.jpg")
    samples = [with_image(folder), Sample("y.jpg", "a blue square")]
    images = place(folder, "folder")
    assert len(image_batches(FakeContext(), images, images, samples, 64, "longest")) == 2
    with pytest.raises(RunnerError, match=reason):
        image_batches(FakeContext(), images, images, samples, 64, "longest", 2)


@pytest.mark.engines
def test_a_batch_in_which_nothing_is_left_to_predict(lm_inputs, tmp_path):
    captions = tmp_path / "captions"
    captions.write_text("a red circle\na\na red square\n")
    inputs = lm_inputs | {"captions": captions}
    alone = {"batch_size": 1, "padding": "longest", "score_size": 3}
    with pytest.raises(RunnerError, match="nothing_to_predict") as caught:
        run_op("sensitivity_scores", scoring(**alone), inputs, tmp_path / "out")
    assert caught.value.message.startswith("Sample 2 of given/captions has a caption of one token")
    # Nothing of it is scored, or its loss is not asked for, or it is padded.
    run_op("sensitivity_scores", scoring(**alone | {"score_size": 1}), inputs, tmp_path / "first")
    del alone["score_size"]
    run_op("weight_error_scores", squared_error(**alone), inputs, tmp_path / "errors")
    alone |= {"padding": "max_length", "score_size": 3}
    run_op("sensitivity_scores", scoring(**alone), inputs, tmp_path / "padded")
    measured = json.loads((tmp_path / "padded/scores").read_text())["measured"]
    assert measured["score_batches"] == 3


def test_weight_error_does_not_leave_out_experts(lm_inputs, tmp_path):
    folder = make_experts(lm_inputs["checkpoint"], tmp_path / "experts")
    inputs = lm_inputs | {"checkpoint": folder}
    with pytest.raises(RunnerError, match="unknown_layers") as caught:
        run_op("weight_error_scores", squared_error(), inputs, tmp_path / "out")
    assert "layers.0.mlp.experts" in caught.value.message
