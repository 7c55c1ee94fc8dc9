"""Batches for calibration and scoring, prepared once and iterated any number of times.

A batch holds what the model is called with and `labels`: int64 of the input ids' shape (samples,
tokens), -100 where a token does not count. Labels are never given to the model: the loss is ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from aqm_runner.model.checkpoint import load_config, load_tokenizer
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.runner.failures import RunnerError, gate_failed
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
    checkpoint: Place,
    captions: list[str],
    batch_size: int,
    length: int,
    padding: str,
    places: list[str] | None = None,
) -> list[Batch]:
    """Returns batches of `batch_size` captions, cut to `length` tokens and padded on the left.

    Args:
        checkpoint: Folder with the tokenizer.
        captions: One sample each; tokenized one by one.
        batch_size: Samples a batch; the last may have fewer.
        length: Most tokens a sample.
        padding: "max_length": to `length`; "longest": to the longest sample of the batch.
        places: Where each caption stands in the data, for messages; None: they are COCO's.

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint`, `special_token_in_caption`,
            `token_beyond_vocabulary`, `empty_caption`.
    """
    tokenizer = load_tokenizer(checkpoint)
    check_plain(tokenizer, captions, places)
    with naming_errors(checkpoint, "tokens of a caption"):
        rows = [
            tokenizer(text, truncation=True, max_length=length)["input_ids"] for text in captions
        ]
    for number, (row, text) in enumerate(zip(rows, captions, strict=True)):
        if not row:
            raise gate_failed(
                "empty_caption",
                f"The tokenizer of {checkpoint.name} leaves nothing of the caption {text!a}"
                f"{f' ({places[number]})' if places else ''}.",
                next_step=f"Take this caption out of {_source(places)}.",
            )
    return padded_batches(checkpoint, tokenizer, rows, batch_size, length, padding)


def padded_batches(
    checkpoint: Place,
    tokenizer: Any,
    rows: list[list[int]],
    batch_size: int,
    length: int,
    padding: str,
) -> list[Batch]:
    """Returns batches of token ids, padded on the left; arguments and errors as above."""
    pad_token = pad_token_of(checkpoint, tokenizer)
    check_vocabulary(checkpoint, (max(max(row) for row in rows), pad_token))
    batches = []
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        width = length if padding == "max_length" else max(len(row) for row in part)
        ids = torch.tensor([[pad_token] * (width - len(row)) + row for row in part])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in part])
        labels = ids.masked_fill(mask == 0, IGNORED)
        batches.append(Batch({"input_ids": ids, "attention_mask": mask}, labels))
    return batches


def pad_token_of(checkpoint: Place, tokenizer: Any) -> int:
    """Returns the id of the token that pads are; raises gate_failed `tokenizer_mismatch`."""
    found = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    if found is None:
        raise tokenizer_mismatch(checkpoint, "it has neither a pad token nor one for the end")
    return int(found)


def joined(batches: list[Batch], size: int, pad_token: int) -> list[Batch]:
    """Returns batches of several samples, in their order, of batches that have one each.

    What has one value for each token is padded on the left to the longest sample of the batch; all
    else is of images, and is put one after the other.

    Args:
        batches: Of one sample each, all with the same names of inputs.
        size: Samples a batch; the last may have fewer.
        pad_token: Stands where there is no text; the mask hides it.

    Raises:
        RuntimeError: Inputs of images have shapes that do not fit together.
    """
    return [
        _joined(batches[start : start + size], pad_token) for start in range(0, len(batches), size)
    ]


def _joined(samples: list[Batch], pad_token: int) -> Batch:
    inputs = {}
    for name, value in samples[0].inputs.items():
        rows = [sample.inputs[name] for sample in samples]
        if value.shape == samples[0].labels.shape:
            fill = pad_token if name == "input_ids" else 0
            inputs[name] = padded_left([row[0] for row in rows], fill)
        else:
            inputs[name] = torch.cat(rows)
    return Batch(inputs, padded_left([sample.labels[0] for sample in samples], IGNORED))


def padded_left(rows: list[torch.Tensor], fill: int) -> torch.Tensor:
    """Returns rows of several lengths, each (tokens), as one tensor (rows, most tokens)."""
    return pad_sequence(rows, batch_first=True, padding_value=fill, padding_side="left")


def check_plain(tokenizer: Any, captions: list[str], places: list[str] | None = None) -> None:
    """Refuses captions that hold the text of a special token.

    A tokenizer turns it into the token itself, so that a caption could end a turn or stand for an
    image that is not there. Raises gate_failed `special_token_in_caption` naming both, and where
    the caption stands if `places` say so.
    """
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    special |= set(tokenizer.all_special_tokens)
    for number, caption in enumerate(captions):
        for token in sorted(special):
            if token and token in caption:
                name = (
                    f"The sample {places[number]}"
                    if places
                    else f"Caption {number + 1} of the sample"
                )
                raise gate_failed(
                    "special_token_in_caption",
                    f"{name}, {caption[:80]!a}, holds {token}, which the model takes for a sign of "
                    "its own and not for text.",
                    next_step=f"Take this caption out of {_source(places)}, or write it in other "
                    "words.",
                )


def _source(places: list[str] | None) -> str:
    return "the annotation files" if places is None else "the data"


def check_vocabulary(checkpoint: Place, highest: Iterable[int]) -> None:
    """Raises gate_failed `token_beyond_vocabulary` for a token id that has no embedding."""
    rows = load_config(checkpoint).get_text_config().vocab_size
    beyond = [token for token in highest if token >= rows]
    if beyond:
        raise gate_failed(
            "token_beyond_vocabulary",
            f"The tokenizer of {checkpoint.name} makes the token {max(beyond)}, but the model has "
            f"embeddings for {rows}, from 0.",
            file=f"{checkpoint.name}/config.json",
            next_step="Place a tokenizer that belongs to these weights, or resize the model's "
            "embeddings to it.",
        )


def tokenizer_mismatch(checkpoint: Place, problem: str) -> RunnerError:
    """Returns the failure of the gate `tokenizer_mismatch`; `problem` is a clause of its own."""
    return gate_failed(
        "tokenizer_mismatch",
        f"Tokenizer or processor of {checkpoint.name} do not fit: {problem}.",
        file=checkpoint.name,
        next_step="Download the checkpoint again; its tokenizer and processor files are of "
        "another model.",
    )
