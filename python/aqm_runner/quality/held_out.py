"""Held-out samples as batches: which tokens count, and where the logits are that predict them.

Scope lm: a sample is a text, or a chat by the checkpoint's template; all of its tokens count but
the first, which nothing predicts. Scope all_layers: a sample is a user's turn, an image with
PROMPT, and the assistant's answer, the caption and what ends a turn, by the checkpoint's chat
template; the tokens of the answer count. Pads never count.

Samples of like length share a batch, so that there are few pads. Pads are on the left: the counted
tokens of all samples of a batch then end where the batch ends.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from aqm_runner.model.batches import check_plain, check_vocabulary, padded_left
from aqm_runner.model.checkpoint import load_processor
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.image_batches import image_batches
from aqm_runner.model.samples import Sample, Texts
from aqm_runner.model.text_batches import text_batches
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

PROMPT = "Describe the image."
LEAST_SAMPLES = 2
# With fewer a percentile interval is far too narrow to judge a goal by.
LEAST_TO_JUDGE = 20
# Inputs with one value for each token; all others are of images, one image after the other.
TOKENS, MASK = "input_ids", "attention_mask"


@dataclass(frozen=True)
class Row:
    """One sample.

    Attributes:
        tokens: Inputs with one value a token, each (tokens).
        image: Inputs of its image, as the processor made them.
        counted: How many tokens count, from the last.
    """

    tokens: dict[str, Tensor]
    image: dict[str, Tensor]
    counted: int


@dataclass(frozen=True)
class HeldOutBatch:
    """One batch.

    Attributes:
        samples: Position of each of its samples among all.
        inputs: The model's keyword arguments.
        kept: Logits are needed of so many positions, from the last.
        rows: Of those, flattened to (samples x kept), the ones that predict a counted token.
        labels: The token that each of them should predict.
    """

    samples: list[int]
    inputs: dict[str, Tensor]
    kept: int
    rows: Tensor
    labels: Tensor

    def to(self, device: str) -> "HeldOutBatch":
        """Returns the batch on a device."""
        inputs = {name: value.to(device) for name, value in self.inputs.items()}
        return HeldOutBatch(
            self.samples, inputs, self.kept, self.rows.to(device), self.labels.to(device)
        )


@dataclass(frozen=True)
class HeldOut:
    """All batches, and how many tokens of each sample count, in the order of the samples."""

    batches: list[HeldOutBatch]
    sample_tokens: list[int]

    @property
    def tokens(self) -> int:
        """Number of counted tokens."""
        return sum(self.sample_tokens)


def text_rows(checkpoint: Place, texts: Texts, length: int) -> list[Row]:
    """Returns texts as samples of scope lm, cut to `length` tokens.

    Held-out texts are never packed: an interval runs over samples. Raises what `text_batches`
    raises.
    """
    alone = replace(texts, rows="one")
    ((batch,), _) = text_batches(checkpoint, alone, len(texts.samples), length, "longest")
    masks = batch.inputs[MASK].bool()
    rows = [ids[mask] for ids, mask in zip(batch.inputs[TOKENS], masks, strict=True)]
    return [Row({TOKENS: row, MASK: torch.ones_like(row)}, {}, len(row) - 1) for row in rows]


def image_rows(
    context: Any, checkpoint: Place, images: Place, samples: list[Sample], length: int, dtype: str
) -> list[Row]:
    """Returns images with captions as samples of scope all_layers.

    The tokens of the answer follow those of the prompt, as they do when a model answers.

    Args:
        context: Told of the phase `prepare`.
        checkpoint: Folder with tokenizer, processor and chat template.
        images: The images' folder.
        samples: Image and caption of each.
        length: Most tokens of an answer; a longer one is cut.
        dtype: Of the model, which takes pixels in no other.

    Raises what `image_batches` raises.
    """
    processor = load_processor(checkpoint)
    check_plain(processor.tokenizer, [sample.caption for sample in samples])
    answers = [
        torch.tensor(processor.tokenizer(text, add_special_tokens=False)[TOKENS][:length])
        for text in _answers(checkpoint, processor, [sample.caption for sample in samples])
    ]
    check_vocabulary(checkpoint, (int(answer.max()) for answer in answers))
    asked = [Sample(sample.image_relpath, PROMPT) for sample in samples]
    batches = image_batches(context, checkpoint, images, asked, length, "longest")
    rows = []
    for batch, answer in zip(batches, answers, strict=True):
        ids = batch.inputs[TOKENS]
        tokens = {TOKENS: torch.cat([ids[0], answer])}
        image = {}
        for name, value in batch.inputs.items():
            if name == TOKENS:
                continue
            if value.shape == ids.shape:  # token types and the mask: an answer is unmasked text
                more = torch.full_like(answer, int(name == MASK))
                tokens[name] = torch.cat([value[0], more])
            else:
                image[name] = (
                    value.to(getattr(torch, dtype)) if value.is_floating_point() else value
                )
        rows.append(Row(tokens, image, len(answer)))
    return rows


def make_batches(rows: list[Row], size: int) -> HeldOut:
    """Returns samples in batches of `size`, the longest first; equally long ones in their order."""
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index].tokens[TOKENS]))
    return HeldOut(
        [_batch(rows, order[start : start + size]) for start in range(0, len(rows), size)],
        [row.counted for row in rows],
    )


def check_held_out(
    held_out: HeldOut, least_tokens: int, place: Place, least_samples: int = LEAST_SAMPLES
) -> None:
    """Refuses held-out data from which no figure, or no interval, could be trusted.

    Args:
        held_out: Batches.
        least_tokens: So many tokens must count.
        place: Of the data, for messages.
        least_samples: So many samples there must be.

    Raises:
        RunnerError: gate_failed `too_few_samples`, `nothing_to_predict`, `too_few_tokens`.
    """
    count = len(held_out.sample_tokens)
    if count < least_samples:
        raise gate_failed(
            "too_few_samples",
            f"{place.name} has {count} sample{'' if count == 1 else 's'}; an interval over "
            f"samples needs {least_samples} at least"
            f"{', where a goal is judged by it' if least_samples == LEAST_TO_JUDGE else ''}.",
            file=place.name,
            next_step="Use a larger held-out set (held_out in the data set's config).",
        )
    if 0 in held_out.sample_tokens:
        raise gate_failed(
            "nothing_to_predict",
            f"Sample {held_out.sample_tokens.index(0) + 1} of {place.name} has a caption of one "
            "token, after which nothing is left to predict.",
            file=place.name,
            next_step="Take such captions out of the annotation files.",
        )
    if held_out.tokens < least_tokens:
        raise gate_failed(
            "too_few_tokens",
            f"{place.name} has {held_out.tokens} counted tokens in "
            f"{len(held_out.sample_tokens)} samples; {least_tokens} are needed.",
            file=place.name,
            next_step="Use a larger held-out set (held_out in the data set's config), or lower "
            "least_tokens.",
        )


def _batch(rows: list[Row], samples: list[int]) -> HeldOutBatch:
    chosen = [rows[sample] for sample in samples]
    kept = max(row.counted for row in chosen) + 1
    inputs = {
        # A pad may be any token: it is masked, and its logits are not looked at.
        name: padded_left([row.tokens[name] for row in chosen], 0)
        for name in chosen[0].tokens
    }
    inputs |= {name: torch.cat([row.image[name] for row in chosen]) for name in chosen[0].image}
    places = [
        torch.arange(kept - 1 - row.counted, kept - 1) + index * kept
        for index, row in enumerate(chosen)
    ]
    labels = [row.tokens[TOKENS][len(row.tokens[TOKENS]) - row.counted :] for row in chosen]
    return HeldOutBatch(samples, inputs, kept, torch.cat(places), torch.cat(labels))


def _answers(checkpoint: Place, processor: Any, captions: list[str]) -> list[str]:
    """Returns what follows the prompt: the caption and what ends a turn."""
    content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
    turn = {"role": "user", "content": content}
    found = []
    with naming_errors(checkpoint, "an assistant's answer by its chat template"):
        prompt = processor.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
        for caption in captions:
            answer = {"role": "assistant", "content": [{"type": "text", "text": caption}]}
            text = processor.apply_chat_template([turn, answer], tokenize=False)
            rest = text.removeprefix(prompt).strip()
            if not text.startswith(prompt) or caption.strip() not in rest:
                raise ValueError("an answer with a caption does not follow the prompt in it")
            found.append(rest)
    return found
