"""Batches of texts: plain ones and chats, one a row or packed into rows of one length."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jinja2 import TemplateError

from aqm_runner.model.batches import (
    Batch,
    caption_batches,
    check_plain,
    check_vocabulary,
    padded_batches,
)
from aqm_runner.model.checkpoint import load_tokenizer
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.samples import Texts
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

NAMED = 80


@dataclass(frozen=True)
class Packing:
    """What packing made of texts.

    rows = floor(tokens / length), left_over = tokens - rows * length.

    Attributes:
        texts: How many there were.
        tokens: Of all texts, with an end token after each that does not end with one.
        length: Tokens a row.
        rows: How many rows there are; none has a pad.
        left_over: Tokens after the last whole row, which are left out.
    """

    texts: int
    tokens: int
    length: int
    rows: int
    left_over: int

    def document(self) -> dict[str, int]:
        """Returns it as a score document has it."""
        return asdict(self)


def text_batches(
    checkpoint: Place, texts: Texts, batch_size: int, length: int, padding: str
) -> tuple[list[Batch], Packing | None]:
    """Returns batches of texts, and what was packed (None: every text is a row).

    A text that is a row of its own is cut to `length` tokens and padded on the left. Packed, the
    tokens of all texts stand one after the other, each text with the tokenizer's own tokens around
    it and an end token behind it, and are cut into rows of `length`: no text is cut short but at a
    border of rows, and `padding` means nothing.

    Args:
        checkpoint: Folder with the tokenizer, and for chats with its template.
        texts: What `read_texts` returns.
        batch_size: Rows a batch; the last may have fewer.
        length: Most tokens a row.
        padding: As of `caption_batches`.

    Raises:
        RunnerError: Those of `caption_batches`; gate_failed `too_few_tokens` where packing makes no
            row, `no_chat_template`, `chat_template_refuses`, `chat_template_leaves_out`.
    """
    packed = texts.rows == "packed"
    if texts.form == "text" and not packed:
        batches = caption_batches(
            checkpoint, texts.samples, batch_size, length, padding, texts.places
        )
        return batches, None
    tokenizer = load_tokenizer(checkpoint)
    chats = texts.form == "messages"
    if chats:
        plain = _rendered(checkpoint, tokenizer, texts)
    else:
        plain = texts.samples
        check_plain(tokenizer, plain, texts.places)
    cut = {} if packed else {"truncation": True, "max_length": length}
    with naming_errors(checkpoint, "tokens of a text"):
        # A chat template writes the tokens that stand at the beginning of a text itself.
        rows = [tokenizer(text, add_special_tokens=not chats, **cut)["input_ids"] for text in plain]
    if not packed:
        return padded_batches(checkpoint, tokenizer, rows, batch_size, length, padding), None
    return _packed(checkpoint, tokenizer, rows, batch_size, length)


def _packed(
    checkpoint: Place, tokenizer: Any, rows: list[list[int]], batch_size: int, length: int
) -> tuple[list[Batch], Packing]:
    end = tokenizer.eos_token_id
    if end is None:
        raise gate_failed(
            "tokenizer_mismatch",
            f"The tokenizer of {checkpoint.name} has no token for the end of a text, which packing "
            "puts between texts.",
            file=checkpoint.name,
            next_step="Write rows: one in the config in conf/dataset/, or complete the tokenizer.",
        )
    tokens: list[int] = []
    for row in rows:
        tokens += row if row[-1:] == [end] else [*row, end]
    count = len(tokens) // length
    if count == 0:
        raise gate_failed(
            "too_few_tokens",
            f"The {len(rows)} texts have {len(tokens)} tokens, end tokens included, which make no "
            f"row of {length}.",
            next_step="Take more samples, or lower calib_seq_len in the config in conf/dataset/.",
        )
    check_vocabulary(checkpoint, (max(tokens),))
    ids = torch.tensor(tokens[: count * length]).view(count, length)
    batches = [
        Batch({"input_ids": part, "attention_mask": torch.ones_like(part)}, part.clone())
        for part in ids.split(batch_size)
    ]
    left_over = len(tokens) - count * length
    return batches, Packing(len(rows), len(tokens), length, count, left_over)


def _rendered(checkpoint: Place, tokenizer: Any, texts: Texts) -> list[str]:
    """Returns chats as the checkpoint's template writes them, with all that was said in them."""
    if tokenizer.chat_template is None:
        raise gate_failed(
            "no_chat_template",
            f"{checkpoint.name} has no chat template, which chats are written by.",
            file=checkpoint.name,
            next_step="Place the checkpoint's chat_template.jinja, which models that were trained "
            "on chats have, or take data of plain texts.",
        )
    chats = [json.loads(sample) for sample in texts.samples]
    for chat, place in zip(chats, texts.places, strict=True):
        said = [message["content"] for message in chat]
        check_plain(tokenizer, said, [f"{place}, message {n}" for n in range(1, len(said) + 1)])
    return [
        _by_template(checkpoint, tokenizer, chat, place)
        for chat, place in zip(chats, texts.places, strict=True)
    ]


def _by_template(checkpoint: Place, tokenizer: Any, chat: list[dict[str, Any]], place: str) -> str:
    left_out = 0
    # Templates of models with images may take a content only as a list of parts.
    for as_parts in (False, True):
        given = [
            {**message, "content": [{"type": "text", "text": message["content"]}]}
            if as_parts
            else message
            for message in chat
        ]
        try:
            text = tokenizer.apply_chat_template(given, tokenize=False)
        except (TemplateError, TypeError, ValueError) as error:
            raise gate_failed(
                "chat_template_refuses",
                f"The chat template of {checkpoint.name} refuses the sample {place}: {error}.",
                next_step="Take this chat out of the data, or correct its roles and their order.",
            ) from error
        missing = [n for n, m in enumerate(chat, 1) if m["content"].strip() not in text]
        if not missing:
            return text
        left_out = left_out or missing[0]
    content = chat[left_out - 1]["content"]
    raise gate_failed(
        "chat_template_leaves_out",
        f"The chat template of {checkpoint.name} does not write all of message {left_out} of the "
        f"sample {place}: {content[:NAMED]!a}.",
        next_step="Take out of the data what this model's template removes (a chain of thought, "
        "for instance), or take this chat out.",
    )
