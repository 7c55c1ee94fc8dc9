"""Samples from files of text and from images with captions: what is drawn, and what is refused."""

import json
import random
import re
from pathlib import Path

import pytest
from drawn_sets import DRAWING, HELD_OUT, NEEDED, SETS, TEXTS, chat, drawn, write_json_lines
from harness import place

from aqm_runner.calibration.overlap import refuse_overlap
from aqm_runner.calibration.same_caption import caption_key
from aqm_runner.runner.failures import RunnerError

FIELD = {"field": "text"}
MESSAGES = {"messages": "messages"}


def lines(folder: Path, texts: list[str], name: str = "texts.txt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def refusal(kind: str, source: Path, output: Path, content=None, **changes) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        drawn("text_sample", kind, source, output, content, **changes)
    assert caught.value.next_step
    assert not list(output.glob("*"))
    return caught.value


# --- What is drawn --------------------------------------------------------------------------------


def test_subsets_are_the_first_rows_and_held_out_sets_share_nothing(tmp_path):
    made = drawn("text_sample", "lines", lines(tmp_path, TEXTS), tmp_path / "out")
    full = made.texts("calibration")
    assert [made.texts(name) for name in ("small", "medium", "large")] == [
        full[:2],
        full[:6],
        full,
    ]
    parts = {name: made.texts(name) for name in HELD_OUT}
    assert {name: len(texts) for name, texts in parts.items()} == DRAWING["held_out"]["sizes"]
    everything = full + [text for texts in parts.values() for text in texts]
    assert len(set(everything)) == len(everything)
    assert set(everything) <= set(TEXTS)
    assert made.facts == {
        "rows": 40,
        "blank": 0,
        "repeated": 0,
        "distinct": 40,
        "samples": 12,
    }
    assert made.warnings == []


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_in_the_data_no_set_shares_a_text_with_another(tmp_path, seed):
    """Texts of few letters, so that many are alike but for case and white space, or blank."""
    source = random.Random(seed)
    texts = [
        "".join(source.choice("abAB \t") for _ in range(source.randrange(5))) for _ in range(400)
    ]
    texts += [f"{source.randrange(60)} {n % 3}" for n in range(200)]
    made = drawn("text_sample", "lines", lines(tmp_path, texts), tmp_path / "out")
    sets = {name: made.texts(name) for name in ("calibration", *HELD_OUT)}
    keys = [caption_key(text) for texts in sets.values() for text in texts]
    assert len(set(keys)) == len(keys)
    blank = sum(not text.strip() for text in texts)
    distinct = len({caption_key(text) for text in texts} - {""})
    assert made.facts["blank"] == blank
    assert made.facts["distinct"] == distinct
    assert made.facts["repeated"] == 600 - blank - distinct
    for name in HELD_OUT:
        refuse_overlap(
            place(made.folder / name, "file"), place(made.folder / "calibration", "file")
        )


def test_a_draw_depends_on_content_and_seed_alone(tmp_path):
    """Not on the order of lines, on files, or on the kind of the source."""
    one = drawn("text_sample", "lines", lines(tmp_path / "a", TEXTS), tmp_path / "1")
    mixed = TEXTS[:]
    random.Random(3).shuffle(mixed)
    folder = tmp_path / "b"
    lines(folder, mixed[:11], "z.txt")
    lines(folder / "deep", mixed[11:], "a.txt")
    assert drawn("text_sample", "lines", folder, tmp_path / "2").all_texts() == one.all_texts()
    records = write_json_lines(tmp_path / "c.jsonl", [{"text": text} for text in mixed])
    three = drawn("text_sample", "json_lines", records, tmp_path / "3", FIELD)
    assert three.all_texts() == one.all_texts()
    assert three.rows("small")[0].image_relpath == f"c.jsonl:{three.rows('small')[0].caption_id}"
    again = drawn("text_sample", "lines", lines(tmp_path / "d", TEXTS), tmp_path / "4")
    for name in SETS:
        assert (again.folder / name).read_bytes() == (one.folder / name).read_bytes()
    other = drawn("text_sample", "lines", lines(tmp_path / "e", TEXTS), tmp_path / "5", seed=43)
    assert other.texts("calibration") != one.texts("calibration")


def test_the_size_of_a_set_changes_no_other_and_a_text_more_displaces_one_at_most(tmp_path):
    source = lines(tmp_path, TEXTS)
    one = drawn("text_sample", "lines", source, tmp_path / "1")
    held_out = {"seed": 7, "sizes": {"search": 1, "confirm": 9, "report": 2}}
    two = drawn("text_sample", "lines", source, tmp_path / "2", held_out=held_out)
    assert two.texts("search") == one.texts("search")[:1]
    assert two.texts("confirm")[:4] == one.texts("confirm")
    assert two.texts("report") == one.texts("report")
    more = lines(tmp_path / "more", [*TEXTS, "One text more."])
    three = drawn("text_sample", "lines", more, tmp_path / "3")
    assert len(set(one.texts("calibration")) - set(three.texts("calibration"))) <= 1


def test_repeated_and_blank_rows_are_counted_and_said(tmp_path):
    texts = ["", *TEXTS, "  ", TEXTS[3].upper(), f"  {TEXTS[5]} "]
    made = drawn("text_sample", "lines", lines(tmp_path, texts), tmp_path / "out")
    assert made.facts["rows"] == len(texts)
    assert (made.facts["blank"], made.facts["repeated"], made.facts["distinct"]) == (2, 2, 40)
    assert made.warnings == ["repeated_samples", "blank_samples"]


def test_text_is_kept_as_it_is(tmp_path):
    """Newlines of a JSON string, spaces around, letters of any script; a mark of order is none."""
    kept = ["  two\n  lines  ", "ümläut ✓ \U0001f600", "tab\tand\rreturn"]
    records = write_json_lines(
        tmp_path / "a.jsonl", [{"text": text} for text in [*kept, *TEXTS[: NEEDED - 3]]]
    )
    made = drawn("text_sample", "json_lines", records, tmp_path / "1", FIELD)
    found = [text for name in ("calibration", *HELD_OUT) for text in made.texts(name)]
    assert set(found) <= {*kept, *TEXTS}
    marked = tmp_path / "b.txt"
    marked.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(TEXTS).encode())
    assert set(drawn("text_sample", "lines", marked, tmp_path / "2").texts("calibration")) <= set(
        TEXTS
    )


def test_chats_are_kept_as_messages(tmp_path):
    records = [{"messages": chat(text), "id": n} for n, text in enumerate(TEXTS)]
    records[4]["messages"][0]["name"] = None
    source = write_json_lines(tmp_path / "chats.jsonl", records)
    made = drawn("text_sample", "json_lines", source, tmp_path / "out", MESSAGES, rows="packed")
    for row in made.rows("calibration"):
        assert json.loads(row.caption) == chat(TEXTS[row.caption_id - 1])
    assert made.meta("small")["form"] == "messages"
    assert made.meta("small")["rows"] == "packed"
    assert made.meta("search")["rows"] == "one"


# --- Images with captions -------------------------------------------------------------------------


def images(folder: Path, count: int = NEEDED + 6) -> list[str]:
    """Writes files of which the op knows no more than their bytes."""
    names = [f"{'deep/' if n % 2 else ''}{n}.png" for n in range(count)]
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture %d" % n)
    return names


def test_images_have_captions_in_metadata_or_beside_them(tmp_path):
    listed, beside = tmp_path / "listed", tmp_path / "beside"
    names = images(listed)
    images(beside)
    write_json_lines(
        listed / "metadata.jsonl",
        [{"file_name": name, "text": f"Caption {n}"} for n, name in enumerate(names)],
    )
    for n, name in enumerate(names):
        (beside / name).with_suffix(".txt").write_text(f"Caption {n}\n")
    one = drawn("text_sample", "image_text", listed, tmp_path / "1", FIELD)
    two = drawn("text_sample", "image_text", beside, tmp_path / "2", FIELD)
    assert one.all_texts() == two.all_texts()
    for name in SETS:
        pairs = [(row.image_relpath, row.caption) for row in one.rows(name)]
        assert pairs == [(row.image_relpath, row.caption) for row in two.rows(name)]
        assert all(names[int(text.split()[1])] == path for path, text in pairs)
    assert one.meta("small")["images"] == "all"


def test_an_image_that_is_there_twice_is_one_sample(tmp_path):
    folder = tmp_path / "shots"
    names = images(folder)
    (folder / "copy.png").write_bytes((folder / names[0]).read_bytes())
    captions = [*(f"Caption {n}" for n in range(len(names))), "Another caption"]
    write_json_lines(
        folder / "metadata.jsonl",
        [
            {"file_name": name, "text": text}
            for name, text in zip([*names, "copy.png"], captions, strict=True)
        ],
    )
    made = drawn("text_sample", "image_text", folder, tmp_path / "out", FIELD)
    assert made.facts["repeated"] == 1


# --- What is refused ------------------------------------------------------------------------------


def test_too_few_samples_are_refused_with_all_figures(tmp_path):
    source = lines(tmp_path, [*TEXTS[: NEEDED - 1], "", TEXTS[0]])
    error = refusal("lines", source, tmp_path / "out")
    assert error.reason == "too_few_samples"
    assert f"has {NEEDED - 1} samples" in error.message
    assert f"({NEEDED + 1} rows, 1 blank, 1 repeated)" in error.message
    assert f"{NEEDED} are needed: 12 for calibration" in error.message
    few = refusal("lines", lines(tmp_path / "few", TEXTS[:5]), tmp_path / "out")
    assert "calibration has 5 of 12" in few.message


def test_a_subset_is_no_larger_than_the_full_sample(tmp_path):
    sizes = {"small": 2, "medium": 6, "large": 13}
    error = refusal("lines", lines(tmp_path, TEXTS), tmp_path / "out", sizes=sizes)
    assert error.reason == "sizes"
    assert "large has 13 samples, more than the 12" in error.message


def record(text: object) -> str:
    return json.dumps({"text": text})


@pytest.mark.parametrize(
    ("line", "content", "says"),
    [
        ('{"text": "a"', FIELD, "no JSON object"),
        ('{"text": "a"} {"text": "b"}', FIELD, "no JSON object"),
        ('["a"]', FIELD, "is ['a'] and no object"),
        ('{"text": "a", "text": "b"}', FIELD, "has the key 'text' twice"),
        ('{"text": NaN}', FIELD, "NaN"),
        ('{"body": "a"}', FIELD, "has no field 'text'; it has 'body'"),
        (record(3), FIELD, "has 3 as its field text, where text is needed"),
        ('{"text": "\\ud83d"}', FIELD, "half of a character"),
        (record(""), FIELD, "has no text"),
        (record(None), FIELD, "has no text"),
        (record("x"), {"messages": "text"}, "where a list of messages is needed"),
        (record([{"role": "user"}]), {"messages": "text"}, "None as the content of message 1"),
        (
            record([{"role": "user", "content": "a", "tool_calls": []}]),
            {"messages": "text"},
            "has the key 'tool_calls' in message 1",
        ),
        (
            record([{"role": "<|im_end|>", "content": "a"}]),
            {"messages": "text"},
            "has the role '<|im_end|>' in message 1",
        ),
        (record([{"role": "user", "content": " "}]), {"messages": "text"}, "has no text"),
    ],
)
def test_a_line_that_is_no_sample_is_named(tmp_path, line, content, says):
    path = tmp_path / "a.jsonl"
    good = record("fine" if content == FIELD else chat("fine"))
    path.write_text(f"{good}\n{line}\n{good}\n")
    error = refusal("json_lines", path, tmp_path / "out", content)
    assert error.reason == "unreadable_sample"
    assert error.file == "given/a.jsonl"
    assert error.message.startswith(
        ("Line 2 of given/a.jsonl ", "Sample a.jsonl:2 of given/a.jsonl ")
    )
    assert says in error.message


@pytest.mark.parametrize("kind", ["lines", "json_lines"])
def test_a_file_that_is_no_text_is_named_with_the_line(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n')
    error = refusal(kind, path, tmp_path / "out", FIELD if kind == "json_lines" else None)
    assert "Line 2 of given/a.txt is no text in UTF-8 (byte 0xe9 at position 14" in error.message
    table = tmp_path / "b.txt"
    table.write_bytes(b"PAR1\x15\x04\xff\xfe")
    assert "is no text in UTF-8" in refusal("lines", table, tmp_path / "out").message


def test_empty_rows_are_left_out_where_the_config_says_so(tmp_path):
    records = write_json_lines(
        tmp_path / "a.jsonl", [{"text": text} for text in [*TEXTS, "", " \n"]] + [{"text": None}]
    )
    assert "has no text" in refusal("json_lines", records, tmp_path / "1", FIELD).message
    made = drawn("text_sample", "json_lines", records, tmp_path / "2", FIELD, empty_rows="skip")
    assert made.facts["blank"] == 3
    assert made.warnings == ["blank_samples"]


def shots(folder: Path) -> list[dict[str, str]]:
    return [{"file_name": name, "text": f"Caption {n}"} for n, name in enumerate(images(folder))]


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"file_name": "gone.png"}, "unreadable_sample", "line 3 of .*names the image 'gone.png'"),
        ({"file_name": "../a.png"}, "unsafe_path", "line 3, names the file '../a.png'"),
        ({"file_name": "/etc/hostname"}, "unsafe_path", "is absolute"),
        ({"file_name": 3}, "unreadable_sample", "its field file_name"),
        ({"text": ""}, "unreadable_sample", "metadata.jsonl:3 of .* has no text"),
    ],
)
def test_a_line_of_metadata_that_is_no_sample_is_named(tmp_path, change, reason, says):
    folder = tmp_path / "shots"
    listed = shots(folder)
    listed[2] |= change
    write_json_lines(folder / "metadata.jsonl", listed)
    error = refusal("image_text", folder, tmp_path / "out", FIELD)
    assert error.reason == reason
    assert re.search(says, error.message, re.IGNORECASE), error.message


def test_an_image_without_a_caption_and_a_caption_without_an_image_are_named(tmp_path):
    folder = tmp_path / "shots"
    names = images(folder)
    for name in names[1:]:
        (folder / name).with_suffix(".txt").write_text(f"Of {name}")
    error = refusal("image_text", folder, tmp_path / "out", FIELD)
    assert error.file == "given/shots/0.png"
    assert "has no caption" in error.message
    (folder / "0.txt").write_text("Of the first")
    (folder / "lost.txt").write_text("Of none")
    error = refusal("image_text", folder, tmp_path / "out", FIELD)
    assert error.file == "given/shots/lost.txt"
    (folder / "lost.txt").unlink()
    write_json_lines(folder / "metadata.jsonl", [{"file_name": "0.png", "text": "a"}])
    error = refusal("image_text", folder, tmp_path / "out", FIELD)
    assert "has no line in metadata.jsonl" in error.message


def test_a_held_out_set_that_shares_a_text_is_refused_where_it_is_measured(tmp_path):
    made = drawn("text_sample", "lines", lines(tmp_path, TEXTS), tmp_path / "out")
    with pytest.raises(RunnerError) as caught:
        refuse_overlap(place(made.folder / "small", "file"), place(made.folder / "large", "file"))
    assert "share 2 texts (the first is 'texts.txt:" in caught.value.message


@pytest.mark.parametrize("kind", ["lines", "image_text", "listed"])
def test_a_link_that_leads_out_of_the_data_is_refused_and_not_read(tmp_path, kind):
    source = lines(tmp_path / "data", TEXTS).parent if kind == "lines" else tmp_path / "data"
    source.mkdir(exist_ok=True)
    mine = tmp_path / "mine.txt"
    mine.write_text("a secret of mine\n")
    (source / "a.txt").symlink_to("../mine.txt")
    if kind != "lines":
        (source / "a.png").write_bytes(b"an image")
    if kind == "listed":
        (source / "a.txt").unlink()
        (source / "metadata.jsonl").symlink_to(mine)
    asked = ("lines", source) if kind == "lines" else ("image_text", source)
    content = None if kind == "lines" else FIELD
    error = refusal(*asked, tmp_path / "out", content)
    assert error.reason == "unsafe_path"
    assert "is a link that leads out of" in error.message
    assert "secret" not in error.message


def test_links_of_a_cache_of_the_hub_and_a_linked_folder_are_followed(tmp_path):
    hub = tmp_path / "datasets--them--data"
    snapshot = hub / "snapshots/0123"
    snapshot.mkdir(parents=True)
    (hub / "blobs").mkdir()
    lines(hub / "blobs", TEXTS, "abcdef")
    (snapshot / "texts.txt").symlink_to("../../blobs/abcdef")
    linked = tmp_path / "linked"
    linked.symlink_to(snapshot)
    made = drawn("text_sample", "lines", linked, tmp_path / "out")
    assert made.facts["distinct"] == len(TEXTS)
