"""Folders that the library datasets itself writes: it comes with AutoRound."""

from datasets import Dataset, DatasetDict
from drawn_sets import TEXTS, chat, drawn

FIELD = {"field": "text"}


def test_what_the_library_saves_gives_the_draw_of_the_same_texts_in_lines(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("\n".join(TEXTS))
    by_lines = drawn("text_sample", "lines", source, tmp_path / "by lines").all_texts()
    rows = Dataset.from_dict({"text": TEXTS, "id": list(range(len(TEXTS)))})
    rows.save_to_disk(tmp_path / "alone", num_shards=3)
    # A choice of rows in another order is an index, which saving applies.
    mixed = rows.shuffle(seed=1)
    DatasetDict({"train": mixed, "test": rows.select([0])}).save_to_disk(tmp_path / "both")
    mixed.to_parquet(tmp_path / "clone/data/train-00000-of-00001.parquet")
    for name, split in (("alone", None), ("both", "train"), ("clone", "train")):
        made = drawn(
            "table_sample",
            "hugging_face",
            tmp_path / name,
            tmp_path / f"of {name}",
            FIELD,
            split=split,
        )
        assert made.all_texts() == by_lines


def test_chats_that_the_library_saves_are_chats(tmp_path):
    Dataset.from_dict({"messages": [chat(text) for text in TEXTS]}).save_to_disk(tmp_path / "a")
    made = drawn(
        "table_sample", "hugging_face", tmp_path / "a", tmp_path / "1", {"messages": "messages"}
    )
    assert made.meta("small")["form"] == "messages"
    assert len(made.texts("calibration")) == 12
