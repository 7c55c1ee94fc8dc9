"""Batches of texts and chats: packing, templates, and what cannot be understood is named."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from drawn_sets import TEXTS, chat, drawn, write_json_lines
from harness import PYTHON_ROOT, FakeContext, place, run_op
from jsonschema import Draft202012Validator
from material import measuring, scoring
from transformers import AutoTokenizer

from aqm_runner.model.samples import Texts, read_texts
from aqm_runner.model.text_batches import Packing, text_batches
from aqm_runner.runner.failures import RunnerError

FAMILIES = ("qwen3_vl", "llama", "gemma3_text", "qwen3_moe")
LENGTH = 32


def texts(*samples: str, form: str = "text", rows: str = "one") -> Texts:
    places = [f"a.jsonl:{n}" for n in range(1, len(samples) + 1)]
    return Texts(list(samples), places, form, rows)


def chats(*conversations: list[dict[str, str]], rows: str = "one") -> Texts:
    return texts(*map(json.dumps, conversations), form="messages", rows=rows)


def batches_of(
    folder: Path, given: Texts, batch_size: int = 3, padding: str = "longest"
) -> tuple[list[Any], Packing | None]:
    return text_batches(place(folder, "folder"), given, batch_size, LENGTH, padding)


def refusal(folder: Path, given: Texts) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        batches_of(folder, given)
    return caught.value


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_rows_are_all_tokens_in_order_cut_to_one_length(tiny, family):
    """As the language-modelling scripts of transformers group texts, with end tokens between."""
    folder = tiny(family)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    ended = [
        row if row[-1] == tokenizer.eos_token_id else [*row, tokenizer.eos_token_id] for row in ids
    ]
    flat = list(chain(*ended))
    whole = len(flat) // LENGTH * LENGTH
    expected = [flat[start : start + LENGTH] for start in range(0, whole, LENGTH)]
    batches, packing = batches_of(folder, texts(*TEXTS, rows="packed"))
    found = [row for batch in batches for row in batch.inputs["input_ids"].tolist()]
    assert found == expected
    assert [batch.samples for batch in batches[:-1]] == [3] * (len(batches) - 1)
    assert packing == Packing(
        len(TEXTS), len(flat), LENGTH, len(expected), len(flat) - len(expected) * LENGTH
    )
    for batch in batches:
        assert batch.labels.tolist() == batch.inputs["input_ids"].tolist()
        assert bool(batch.inputs["attention_mask"].all())
        assert batch.tokens == batch.samples * (LENGTH - 1)


def test_texts_that_make_no_row_are_refused_with_figures(tiny):
    error = refusal(tiny("qwen3_vl"), texts("a", "b", rows="packed"))
    assert error.reason == "too_few_tokens"
    assert (
        "The 2 texts have 4 tokens, end tokens included, which make no row of 32" in error.message
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", ["one", "packed"])
def test_a_chat_has_the_tokens_of_the_model_s_template(tiny, family, rows):
    folder = tiny(family)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    conversations = [chat(f"Text {n}") for n in range(8)]
    ids = [
        tokenizer.apply_chat_template(each, tokenize=True, return_dict=False)
        for each in conversations
    ]
    batches, packing = batches_of(folder, chats(*conversations, rows=rows), batch_size=1)
    if rows == "packed":
        end = tokenizer.eos_token_id
        flat = list(chain(*(row if row[-1] == end else [*row, end] for row in ids)))
        assert packing is not None
        assert packing.tokens == len(flat)
        assert batches[0].inputs["input_ids"][0].tolist() == flat[:LENGTH]
    else:
        assert packing is None
        assert [batch.inputs["input_ids"][0].tolist() for batch in batches] == [
            row[:LENGTH] for row in ids
        ]


def test_what_a_template_puts_is_allowed_and_the_same_in_a_message_is_named(tiny):
    odd = [*chat("fine"), {"role": "user", "content": "I say <|im_end|> here"}]
    error = refusal(tiny("qwen3_vl"), chats(chat("fine"), odd))
    assert error.reason == "special_token_in_caption"
    assert error.message.startswith("The sample a.jsonl:2, message 3, 'I say <|im_end|> here'")
    plain = refusal(tiny("qwen3_vl"), texts("fine", "I say <|im_end|>"))
    assert plain.message.startswith("The sample a.jsonl:2, ")
    packed = refusal(tiny("qwen3_vl"), texts("fine", "I say <|im_end|>", rows="packed"))
    assert packed.message.startswith("The sample a.jsonl:2, ")


def template(folder: Path, tmp_path: Path, text: str | None) -> Path:
    """Returns a copy of a checkpoint with another chat template, or none."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        if path.name not in ("chat_template.jinja", "chat_template.json"):
            copy.joinpath(path.name).write_bytes(path.read_bytes())
    for name in ("tokenizer_config.json", "processor_config.json"):
        if (copy / name).is_file():
            settings = json.loads((copy / name).read_text())
            settings.pop("chat_template", None)
            (copy / name).write_text(json.dumps(settings))
    if text is not None:
        (copy / "chat_template.jinja").write_text(text)
    return copy


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (None, "no_chat_template", "has no chat template"),
        (
            "{{ raise_exception('roles must alternate') }}",
            "chat_template_refuses",
            "must alternate",
        ),
        ("{{ messages[0]['content'] }}", "chat_template_leaves_out", "message 2 of the sample a"),
    ],
)
def test_a_template_that_cannot_write_a_chat_is_named(tiny, tmp_path, text, reason, words):
    error = refusal(template(tiny("qwen3_vl"), tmp_path, text), chats(chat("fine")))
    assert error.reason == reason
    assert words in error.message


def test_a_template_that_takes_parts_alone_gets_parts(tiny, tmp_path):
    parts = "{% for m in messages %}{% for p in m.content %}{{ p.text }}\n{% endfor %}{% endfor %}"
    folder = template(tiny("qwen3_vl"), tmp_path, parts)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    (batch,), _ = batches_of(folder, chats(chat("Text")))
    assert batch.inputs["input_ids"][0].tolist() == tokenizer("Text\nText Yes.\n")["input_ids"]


# --- With the ops that draw, score and measure ----------------------------------------------------


def score(checkpoint: Path, samples: Path, output: Path, **changes: Any) -> dict[str, Any]:
    params = scoring("lm") | changes
    run_op("sensitivity_scores", params, {"checkpoint": checkpoint, "captions": samples}, output)
    document = json.loads((output / "scores").read_text())
    schema = json.loads((PYTHON_ROOT / "aqm_runner/schemas/scores.schema.json").read_text())
    Draft202012Validator(schema).validate(document)
    return document


@pytest.mark.engines
def test_lines_score_as_the_same_lines_in_a_captions_file_do(tiny, tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("\n".join(TEXTS))
    made = drawn("text_sample", "lines", source, tmp_path / "made")
    captions = tmp_path / "captions.txt"
    captions.write_text("".join(f"{text}\n" for text in made.texts("medium")))
    one = score(tiny("qwen3_vl"), made.folder / "medium", tmp_path / "1")
    assert one == score(tiny("qwen3_vl"), captions, tmp_path / "2")
    assert "packing" not in one["measured"]
    assert one["measured"]["calibration_samples"] == 6


def test_the_score_document_says_what_was_packed(tiny, tmp_path):
    source = write_json_lines(tmp_path / "a.jsonl", [{"messages": chat(text)} for text in TEXTS])
    made = drawn(
        "text_sample",
        "json_lines",
        source,
        tmp_path / "made",
        {"messages": "messages"},
        rows="packed",
    )
    found = score(tiny("qwen3_vl"), made.folder / "large", tmp_path / "1", sequence_length=48)
    measured = found["measured"]
    packing = measured["packing"]
    assert packing["texts"] == 12
    assert packing["length"] == measured["sequence_length"] == 48
    assert packing["rows"] == measured["calibration_samples"] == packing["tokens"] // 48
    assert packing["left_over"] == packing["tokens"] % 48
    assert measured["score_tokens"] == measured["score_samples"] * 47


@pytest.mark.engines
def test_plans_are_measured_on_held_out_chats(quality_inputs, tmp_path):
    source = write_json_lines(tmp_path / "a.jsonl", [{"messages": chat(text)} for text in TEXTS])
    made = drawn(
        "text_sample",
        "json_lines",
        source,
        tmp_path / "made",
        {"messages": "messages"},
        rows="packed",
    )
    inputs = quality_inputs["lm"] | {
        "database": made.folder / "large",
        "held_out": made.folder / "confirm",
        "sample": made.folder / "calibration",
    }
    run_op("plan_quality", measuring("lm", "INT4_WEIGHTS", "FP8"), inputs, tmp_path / "out")
    document = json.loads((tmp_path / "out/quality").read_text())
    assert document["held_out"]["samples"] == 4
    with pytest.raises(RunnerError, match="held_out_overlaps"):
        run_op(
            "plan_quality",
            measuring("lm", "INT4_WEIGHTS", "FP8"),
            inputs | {"held_out": made.folder / "medium"},
            tmp_path / "again",
        )


def test_images_are_asked_of_data_without_any(tiny, tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("\n".join(TEXTS))
    made = drawn("text_sample", "lines", source, tmp_path / "made")
    inputs = {"checkpoint": tiny("qwen3_vl"), "database": made.folder / "small", "images": tmp_path}
    with pytest.raises(RunnerError, match="no_images"):
        run_op("sensitivity_scores", scoring("all_layers"), inputs, tmp_path / "out")


def test_a_database_of_a_form_that_is_not_known_is_refused(tmp_path):
    from aqm_runner.calibration.sample_writing import SampleRow, write_database

    rows = [SampleRow("all", "a.txt:1", 1, 1, "text")]
    write_database(tmp_path / "a", rows, {"form": "songs", "rows": "one", "num_samples": "1"})
    with pytest.raises(RunnerError, match="unreadable_database"):
        read_texts(FakeContext(), place(tmp_path / "a", "file"), None)
