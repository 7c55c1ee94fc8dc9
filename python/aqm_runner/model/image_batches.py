"""Batches of images with their captions, as the processor of a checkpoint makes them."""

from typing import Any

import torch

from aqm_runner.model.batches import (
    IGNORED,
    Batch,
    check_plain,
    check_vocabulary,
    joined,
    pad_token_of,
    tokenizer_mismatch,
)
from aqm_runner.model.checkpoint import load_config, load_processor
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.images import read_image, unreadable_image
from aqm_runner.model.samples import Sample
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place


def image_batches(
    context: Any,
    checkpoint: Place,
    images: Place,
    samples: list[Sample],
    length: int,
    padding: str,
    batch_size: int = 1,
) -> list[Batch]:
    """Returns images with their captions: a user's turn each, then the prompt.

    The processor's output for a sample is used verbatim. With padding "max_length" a sample is
    padded to `length` tokens on the left; it is never cut, because image tokens cannot be. Samples
    that share a batch are padded to the longest of them, see `joined`. Pad and image tokens are not
    in the loss.

    Raises:
        RunnerError: gate_failed `unreadable_image` naming the image; `unreadable_checkpoint`,
            `tokenizer_mismatch`, `special_token_in_caption`, `token_beyond_vocabulary`;
            bad_request `batch_size` for samples that cannot share a batch.
    """
    processor = load_processor(checkpoint)
    _check_processor(checkpoint, processor)
    check_plain(processor.tokenizer, [sample.caption for sample in samples])
    processor.tokenizer.padding_side = "left"
    placeholders = torch.tensor(sorted(_placeholders(checkpoint, processor)))
    pads: dict[str, Any] = (
        {"padding": "max_length", "max_length": length} if padding == "max_length" else {}
    )
    context.phase("prepare", len(samples))
    batches = []
    for done, sample in enumerate(samples, start=1):
        text = _as_turn(checkpoint, processor, sample.caption)
        image = read_image(images, sample.image_relpath)
        try:
            inputs = dict(
                processor(
                    text=[text],
                    images=[image],
                    return_tensors="pt",
                    # A template may have written the token that begins every text already.
                    add_special_tokens=not begins(processor.tokenizer, text),
                    **pads,
                )
            )
        except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
            said = f"cannot be used by the processor of {checkpoint.name}: {error}"
            raise unreadable_image(images, sample.image_relpath, said) from error
        ids = inputs["input_ids"]
        left_out = (inputs["attention_mask"] == 0) | torch.isin(ids, placeholders)
        batches.append(Batch(inputs, ids.masked_fill(left_out, IGNORED)))
        context.step(done)
    check_vocabulary(checkpoint, (int(batch.inputs["input_ids"].max()) for batch in batches))
    if batch_size == 1:
        return batches
    pad_token = pad_token_of(checkpoint, processor.tokenizer)
    check_vocabulary(checkpoint, [pad_token])
    if pad_token in placeholders:
        raise tokenizer_mismatch(checkpoint, "its pad token stands for an image")
    try:
        return joined(batches, batch_size, pad_token)
    except RuntimeError as error:
        raise bad_request(
            "batch_size",
            f"Samples cannot share a batch: the processor of {checkpoint.name} makes inputs of "
            f"different shapes of different images ({error}).",
            file=checkpoint.name,
            next_step="Set batch_size to 1 for all_layers.",
        ) from error


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


def begins(tokenizer: Any, text: str) -> bool:
    """Returns whether a text has the token already that the tokenizer puts before every text."""
    return tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)


def _placeholders(checkpoint: Place, processor: Any) -> set[int]:
    """Returns the ids of tokens that stand for parts of an image or a video: they are not text."""
    config = load_config(checkpoint)
    ids = [*processor.image_token_ids, *processor.video_token_ids]
    ids += [getattr(config, name, None) for name in ("image_token_id", "video_token_id")]
    return {token for token in ids if token is not None}


def _check_processor(checkpoint: Place, processor: Any) -> None:
    """Compares what processor and model each say of images; unequal, the model would stumble.

    A family has some of these settings; what one of the two does not say is not compared.
    """
    config: Any = load_config(checkpoint)
    vision, images = getattr(config, "vision_config", None), processor.image_processor
    (token, *_) = processor.image_token_ids
    for what, ours, theirs in (
        ("the id of an image token", token, getattr(config, "image_token_id", None)),
        ("patch_size", _said(images, "patch_size"), _said(vision, "patch_size")),
        ("patch_size", _said(processor, "patch_size"), _said(vision, "patch_size")),
        ("merge_size", _said(images, "merge_size"), _said(vision, "spatial_merge_size")),
        (
            "temporal_patch_size",
            _said(images, "temporal_patch_size"),
            _said(vision, "temporal_patch_size"),
        ),
    ):
        if None not in (ours, theirs) and ours != theirs:
            raise tokenizer_mismatch(
                checkpoint, f"{what} is {ours} in the processor and {theirs} in config.json"
            )


def _said(settings: Any, name: str) -> int | None:
    found = getattr(settings, name, None)
    return found if isinstance(found, int) else None
