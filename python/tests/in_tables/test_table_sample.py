"""Samples from Parquet files and Hugging Face data sets: the draw of the same texts, or refused."""

import json
from pathlib import Path

import pyarrow
import pytest
from drawn_sets import TEXTS, Made, chat, drawn, write_json_lines
from pyarrow import ipc, parquet

from aqm_runner.runner.failures import RunnerError

FIELD = {"field": "text"}
MESSAGES = {"messages": "messages"}


def table(texts: list[str], **columns: list) -> pyarrow.Table:
    return pyarrow.table({"id": list(range(len(texts))), "text": texts, **columns})


def write_parquet(path: Path, content: pyarrow.Table, rows_a_group: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(content, path, row_group_size=rows_a_group)
    return path


def write_saved(folder: Path, content: pyarrow.Table, files: int = 2) -> Path:
    """Writes what `Dataset.save_to_disk` of datasets 5.2.0 does: Arrow streams and their list."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{files:05d}.arrow" for n in range(files)]
    size = -(-content.num_rows // files)
    for n, name in enumerate(names):
        with ipc.new_stream(folder / name, content.schema) as stream:
            stream.write_table(content.slice(n * size, size), max_chunksize=5)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def by_table(kind: str, source: Path, output: Path, content=FIELD, **changes) -> Made:
    return drawn("table_sample", kind, source, output, content, **changes)


def refusal(kind: str, source: Path, output: Path, content=FIELD, **changes) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        by_table(kind, source, output, content, **changes)
    assert caught.value.next_step
    assert not list(output.glob("*"))
    return caught.value


@pytest.fixture
def by_lines(tmp_path) -> dict[str, list[str]]:
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(TEXTS))
    return drawn("text_sample", "lines", source, tmp_path / "by lines").all_texts()


def test_a_parquet_file_or_folder_gives_the_draw_of_the_same_texts_in_lines(tmp_path, by_lines):
    one = write_parquet(tmp_path / "one.parquet", table(TEXTS))
    made = by_table("parquet", one, tmp_path / "1")
    assert made.all_texts() == by_lines
    row = made.rows("small")[0]
    assert row.image_relpath == f"one.parquet:{row.caption_id}"
    folder = tmp_path / "folder"
    write_parquet(folder / "b.parquet", table(TEXTS[:13]))
    write_parquet(folder / "deep/a.parquet", table(TEXTS[13:]))
    assert by_table("parquet", folder, tmp_path / "2").all_texts() == by_lines


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_text_of_any_type_of_column_is_read(tmp_path, by_lines, kind):
    of = {
        "string": pyarrow.string(),
        "large_string": pyarrow.large_string(),
        "dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    }[kind]
    content = pyarrow.table({"text": pyarrow.array(TEXTS).cast(of)})
    source = write_parquet(tmp_path / "a.parquet", content)
    assert by_table("parquet", source, tmp_path / "1").all_texts() == by_lines


def test_chats_of_a_table_are_those_of_json_lines(tmp_path):
    chats = [chat(text) for text in TEXTS]
    lines = write_json_lines(tmp_path / "a.jsonl", [{"messages": each} for each in chats])
    one = drawn("text_sample", "json_lines", lines, tmp_path / "1", MESSAGES)
    # As tables have it, every message has every key.
    rows = [[{**message, "name": None} for message in each] for each in chats]
    source = write_parquet(tmp_path / "a.parquet", pyarrow.table({"messages": rows}))
    assert by_table("parquet", source, tmp_path / "2", MESSAGES).all_texts() == one.all_texts()


def test_a_saved_data_set_is_read_with_and_without_splits(tmp_path, by_lines):
    alone = write_saved(tmp_path / "alone", table(TEXTS))
    assert by_table("hugging_face", alone, tmp_path / "1").all_texts() == by_lines
    both = tmp_path / "both"
    write_saved(both / "train", table(TEXTS))
    write_saved(both / "test", table(["Other text"]))
    (both / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    made = by_table("hugging_face", both, tmp_path / "2", split="train")
    assert made.all_texts() == by_lines
    unknown = refusal("hugging_face", both, tmp_path / "3", split="dev")
    assert "has no split 'dev'; its splits are 'train', 'test'" in unknown.message
    none = refusal("hugging_face", both, tmp_path / "3")
    assert "needs a split" in none.message


@pytest.mark.parametrize(
    "names",
    [
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        ["plain_text/train.parquet"],
        ["train/0000.parquet", "train/0001.parquet"],
    ],
)
def test_a_clone_of_the_hub_has_its_splits_in_names(tmp_path, by_lines, names):
    folder = tmp_path / "clone"
    size = -(-len(TEXTS) // len(names))
    for n, name in enumerate(names):
        write_parquet(folder / name, table(TEXTS[n * size : (n + 1) * size]))
    write_parquet(folder / "data/test-00000-of-00001.parquet", table(["Other text"]))
    (folder / "README.md").write_text("---\nconfigs: []\n---\n")
    made = by_table("hugging_face", folder, tmp_path / "1", split="train")
    assert made.all_texts() == by_lines


def test_a_split_in_two_folders_is_two_data_sets(tmp_path):
    for name in ("english", "french"):
        write_parquet(tmp_path / "clone" / name / "train-0.parquet", table(TEXTS))
    error = refusal("hugging_face", tmp_path / "clone", tmp_path / "1", split="train")
    assert "in several folders: given/clone/english, given/clone/french" in error.message


@pytest.mark.parametrize(
    ("column", "content", "says"),
    [
        ({"body": TEXTS}, FIELD, "has no column 'text'; it has 'body'"),
        ({"text": [text.encode() for text in TEXTS]}, FIELD, "values of the type binary"),
        ({"text": list(range(40))}, FIELD, "values of the type int64"),
        ({"text": TEXTS}, {"messages": "text"}, "where a list of messages is needed"),
        ({"text": [*TEXTS[:4], "", *TEXTS[4:]]}, FIELD, "Sample a.parquet:5 of given/a.parquet"),
        ({"text": [*TEXTS[:4], None, *TEXTS[4:]]}, FIELD, "Sample a.parquet:5 of given/a.parquet"),
        (
            {"text": [[{"role": "user", "content": "a"}]] * 2 + [[{"role": "me", "content": "b"}]]},
            {"messages": "text"},
            "Row 3 of given/a.parquet has the role 'me'",
        ),
    ],
)
def test_a_column_or_row_that_is_no_sample_is_named(tmp_path, column, content, says):
    source = write_parquet(tmp_path / "a.parquet", pyarrow.table(column))
    error = refusal("parquet", source, tmp_path / "out", content)
    assert error.reason == "unreadable_sample"
    assert error.file == "given/a.parquet"
    assert says in error.message


def test_empty_rows_are_left_out_where_the_config_says_so(tmp_path, by_lines):
    rows = [text for pair in zip(TEXTS, ["", None] * 20, strict=True) for text in pair]
    source = write_parquet(tmp_path / "a.parquet", pyarrow.table({"text": rows}))
    made = by_table("parquet", source, tmp_path / "1", empty_rows="skip")
    assert made.all_texts() == by_lines
    assert made.facts["blank"] == 40


def test_what_is_no_table_is_named(tmp_path):
    text = tmp_path / "a.parquet"
    text.write_text("no table at all, but some words\n")
    error = refusal("parquet", text, tmp_path / "1")
    assert error.message.startswith("given/a.parquet cannot be read: ")
    whole = write_parquet(tmp_path / "b.parquet", table(TEXTS)).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "cut.parquet cannot be read" in refusal("parquet", cut, tmp_path / "1").message
    folder = tmp_path / "none"
    folder.mkdir()
    assert "holds no Parquet file" in refusal("parquet", folder, tmp_path / "1").message


def test_letters_that_are_no_utf_8_are_named_with_the_row(tmp_path):
    bad = pyarrow.array([b"fine", b"caf\xe9"]).view(pyarrow.string())
    source = write_parquet(tmp_path / "a.parquet", pyarrow.table({"text": bad}))
    error = refusal("parquet", source, tmp_path / "1")
    assert error.message.startswith("Row 2 of given/a.parquet cannot be read: 'utf-8' codec")


def test_a_saved_data_set_names_files_of_its_own_folder_alone(tmp_path):
    folder = write_saved(tmp_path / "saved", table(TEXTS))
    outside = tmp_path / "data.arrow"
    outside.write_bytes((folder / "data-00000-of-00002.arrow").read_bytes())
    for name, reason in (
        ("../data.arrow", "unsafe_path"),
        (str(outside), "unsafe_path"),
        ("gone.arrow", "unreadable_sample"),
    ):
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        assert refusal("hugging_face", folder, tmp_path / "1").reason == reason
    (folder / "state.json").write_text('{"_data_files": 3}')
    error = refusal("hugging_face", folder, tmp_path / "1")
    assert error.file == "given/saved/state.json"
    (folder / "state.json").unlink()
    assert "has no split" in refusal("hugging_face", folder, tmp_path / "1", split="a").message
