"""Batches of images with their captions, as the processor of a checkpoint makes them."""

from typing import Any

import torch

from aqm_runner.model.batches import (
    IGNORED,
    Batch,
    check_plain,
    check_vocabulary,
    tokenizer_mismatch,
)
from aqm_runner.model.checkpoint import load_config, load_processor
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.images import read_image, unreadable_image
from aqm_runner.model.samples import Sample
from aqm_runner.runner.places import Place


def image_batches(
    context: Any,
    checkpoint: Place,
    images: Place,
    samples: list[Sample],
    length: int,
    padding: str,
) -> list[Batch]:
    """Returns one batch a sample: its image and caption as a user's turn, then the prompt.

    The processor's output is used verbatim. With padding "max_length" a sample is padded to
    `length` tokens on the left; it is never cut, because image tokens cannot be. Pad and image
    tokens are not in the loss.

    Raises:
        RunnerError: gate_failed `unreadable_image` naming the image; `unreadable_checkpoint`,
            `tokenizer_mismatch`, `special_token_in_caption`, `token_beyond_vocabulary`.
    """
    processor = load_processor(checkpoint)
    _check_processor(checkpoint, processor)
    check_plain(processor.tokenizer, [sample.caption for sample in samples])
    processor.tokenizer.padding_side = "left"
    placeholders = torch.tensor(
        [
            processor.tokenizer.convert_tokens_to_ids(token)
            for token in (processor.image_token, processor.video_token)
        ]
    )
    pads = {"padding": "max_length", "max_length": length} if padding == "max_length" else {}
    context.phase("prepare", len(samples))
    batches = []
    for done, sample in enumerate(samples, start=1):
        text = _as_turn(checkpoint, processor, sample.caption)
        image = read_image(images, sample.image_relpath)
        try:
            inputs = dict(processor(text=[text], images=[image], return_tensors="pt", **pads))
        except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
            said = f"cannot be used by the processor of {checkpoint.name}: {error}"
            raise unreadable_image(images, sample.image_relpath, said) from error
        ids = inputs["input_ids"]
        left_out = (inputs["attention_mask"] == 0) | torch.isin(ids, placeholders)
        batches.append(Batch(inputs, ids.masked_fill(left_out, IGNORED)))
        context.step(done)
    check_vocabulary(checkpoint, (int(batch.inputs["input_ids"].max()) for batch in batches))
    return batches


def _as_turn(checkpoint: Place, processor: Any, caption: str) -> str:
    """Returns image and caption as the checkpoint's chat template has a user's turn."""
    content = [{"type": "image"}, {"type": "text", "text": caption}]
    with naming_errors(checkpoint, "a user's turn by its chat template"):
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        if text.count(processor.image_token) != 1 or caption.strip() not in text:
            raise ValueError("it leaves out the image or the caption")
    return text


def _check_processor(checkpoint: Place, processor: Any) -> None:
    """Compares what processor and model each say of images; unequal, the model would stumble."""
    config = load_config(checkpoint)
    vision, images = config.vision_config, processor.image_processor
    token = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
    for what, ours, theirs in (
        ("the id of an image token", token, config.image_token_id),
        ("patch_size", images.patch_size, vision.patch_size),
        ("merge_size", images.merge_size, vision.spatial_merge_size),
        ("temporal_patch_size", images.temporal_patch_size, vision.temporal_patch_size),
    ):
        if ours != theirs:
            raise tokenizer_mismatch(
                checkpoint, f"{what} is {ours} in the processor and {theirs} in config.json"
            )
