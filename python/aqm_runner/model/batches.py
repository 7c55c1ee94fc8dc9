"""Batches for calibration and scoring, prepared once and iterated any number of times.

A batch holds what the model is called with and `labels`: int64 of the input ids' shape (samples,
tokens), -100 where a token does not count. Labels are never given to the model: the loss is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, UnidentifiedImageError
from transformers import AutoProcessor, AutoTokenizer

from aqm_runner.model.samples import Sample
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """One batch; `inputs` are the model's keyword arguments."""

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.labels.shape[0]

    @property
    def tokens(self) -> int:
        """Number of tokens in the loss: the first of a sequence is predicted by nothing."""
        return int((self.labels[:, 1:] != IGNORED).sum())

    @property
    def unpadded(self) -> int:
        """Number of tokens that are no pads."""
        mask = self.inputs.get("attention_mask")
        return self.labels.numel() if mask is None else int(mask.sum())

    def to(self, device: str) -> "Batch":
        """Returns the batch on a device."""
        return Batch({k: v.to(device) for k, v in self.inputs.items()}, self.labels.to(device))


class Loader:
    """Re-iterable: engines walk it from the start for every format and phase.

    A one-shot iterator would be used up by calibration and leave every score at zero. Batches stay
    in host memory and move to the device one at a time.
    """

    def __init__(self, batches: list[Batch], device: str) -> None:
        self.batches = batches
        self._device = device
        self.yields = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            self.yields += 1
            yield batch.to(self._device)


def score_steps(score_size: int, batch_size: int, batches: int) -> int:
    """Returns how many batches are scored: `score_size` counts samples, whole batches are used."""
    return min(max(score_size // batch_size, 1), batches)


def caption_batches(
    checkpoint: Place, captions: list[str], batch_size: int, length: int, padding: str
) -> list[Batch]:
    """Returns batches of `batch_size` captions, cut to `length` tokens and padded on the left.

    Args:
        checkpoint: Folder with the tokenizer.
        captions: One sample each; tokenized one by one.
        batch_size: Samples a batch; the last may have fewer.
        length: Most tokens a sample.
        padding: "max_length": to `length`; "longest": to the longest sample of the batch.
    """
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.path, local_files_only=True)
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    rows = [tokenizer(text, truncation=True, max_length=length)["input_ids"] for text in captions]
    batches = []
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        width = length if padding == "max_length" else max(len(row) for row in part)
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in part])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in part])
        labels = ids.masked_fill(mask == 0, IGNORED)
        batches.append(Batch({"input_ids": ids, "attention_mask": mask}, labels))
    return batches


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
    tokens are not in the loss. Raises gate_failed `unreadable_image` naming the image.
    """
    processor = AutoProcessor.from_pretrained(checkpoint.path, local_files_only=True)
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
        content = [{"type": "image"}, {"type": "text", "text": sample.caption}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        image = _read_image(images, sample.image_relpath)
        inputs = dict(processor(text=[text], images=[image], return_tensors="pt", **pads))
        ids = inputs["input_ids"]
        left_out = (inputs["attention_mask"] == 0) | torch.isin(ids, placeholders)
        batches.append(Batch(inputs, ids.masked_fill(left_out, IGNORED)))
        context.step(done)
    return batches


def _read_image(root: Place, relpath: str) -> Image.Image:
    path = root.path / Path(relpath)
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        name = f"{root.name}/{relpath}"
        missing = isinstance(error, FileNotFoundError)
        raise gate_failed(
            "unreadable_image",
            f"The image {name} {'is not there' if missing else f'cannot be read: {error}'}.",
            file=name,
            next_step=f"Complete {root.name} with the train2017 and val2017 folders of the "
            "data set that the samples were drawn from.",
        ) from error
