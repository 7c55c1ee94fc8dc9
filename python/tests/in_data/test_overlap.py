"""The gate on what held-out data and calibration data share, with real databases."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from harness import place

from aqm_runner.calibration.overlap import refuse_overlap, require_leaked
from aqm_runner.calibration.sample_writing import SampleRow, write_database
from aqm_runner.runner.failures import RunnerError


def row(number: int, caption: str, split: str = "train2017", file: str | None = None) -> SampleRow:
    path = file or f"{split}/{number:012d}.jpg"
    return SampleRow(split, path, number, 100 + number, caption)


KNOWN = [row(1, "A dog on a lawn."), row(2, "A cat.\nIt sleeps."), row(3, "Straße")]


def database(path: Path, rows: list[SampleRow]) -> Path:
    write_database(path, rows, {"num_samples": str(len(rows))})
    return path


def check(folder: Path, held_out: list[SampleRow], known: list[SampleRow]) -> None:
    refuse_overlap(
        place(database(folder / "held.db", held_out), "file"),
        place(database(folder / "calib.db", known), "file"),
    )


def test_data_that_shares_nothing_passes(tmp_path):
    # COCO's ids are unique over both splits; a data set of another origin may count in each.
    check(tmp_path, [row(4, "A bird."), row(1, "A dog.", "val2017")], KNOWN)


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        (row(2, "A bird."), "share 1 image (the first is 'train2017/000000000002.jpg')."),
        (
            row(9, "A bird.", file="train2017/000000000003.jpg"),
            "share 1 image (the first is 'train2017/000000000003.jpg').",
        ),
        (
            row(3, "A bird.", file="train2017/other.jpg"),
            "share 1 image (the first is 'train2017/other.jpg').",
        ),
        (row(9, "A dog on a lawn."), "share 1 caption (the first is 'A dog on a lawn.')."),
        (row(9, "  a DOG on\ta lawn.\n"), "share 1 caption"),
        (row(9, "a cat. it sleeps."), "share 1 caption"),
        (row(9, "STRASSE"), "share 1 caption"),
        (
            row(1, "A dog on a lawn."),
            "share 1 image (the first is 'train2017/000000000001.jpg') and 1 caption",
        ),
    ],
)
def test_what_is_shared_is_counted_and_the_first_is_named(tmp_path, shared, words):
    with pytest.raises(RunnerError) as caught:
        check(tmp_path, [row(4, "A bird in a tree."), shared, row(5, "A fish.")], KNOWN)
    failure = caught.value
    assert (failure.class_, failure.reason) == ("gate_failed", "held_out_overlaps")
    assert failure.message.startswith("given/held.db and given/calib.db ")
    assert words in failure.message
    assert failure.file == "given/held.db"
    assert "Build both databases again" in failure.next_step


def test_the_calibration_set_as_held_out_set_shares_all_of_it(tmp_path):
    with pytest.raises(RunnerError, match=r"share 3 images .* and 3 captions"):
        check(tmp_path, KNOWN, KNOWN)


def test_a_long_or_odd_caption_is_shown_in_part_and_in_ascii(tmp_path):
    long = "\x1b[31m" + "ü" * 5000
    with pytest.raises(RunnerError) as caught:
        check(tmp_path, [row(9, long)], [row(1, long)])
    assert len(caught.value.message) < 500
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


RENAMED = "ALTER TABLE vlm_calib_samples RENAME TO rows"
ENDLESS = (
    "CREATE VIEW vlm_calib_samples AS WITH RECURSIVE n(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'train2017' AS split,"
    " 'a.jpg' AS image_relpath, i AS image_id, i AS caption_id, 'x' AS caption FROM n"
)


@pytest.mark.parametrize("side", ["held.db", "calib.db"])
@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ([RENAMED, ENDLESS], "unreadable_database"),
        (["UPDATE vlm_calib_samples SET image_id = 'one' WHERE id = 1"], "unreadable_database"),
        (["UPDATE vlm_calib_samples SET caption = x'41'"], "unreadable_database"),
        (["UPDATE vlm_calib_samples SET image_relpath = '../x.jpg'"], "unsafe_path"),
        (["DELETE FROM vlm_calib_samples WHERE id = 1"], "row_count_mismatch"),
        (["DROP TABLE vlm_calib_samples"], "unreadable_database"),
    ],
    ids=["endless", "type", "bytes", "outside", "cut", "no table"],
)
def test_a_database_that_cannot_be_trusted_is_refused_on_either_side(
    tmp_path, side, statements, reason
):
    paths = {
        "held.db": database(tmp_path / "held.db", [row(8, "A"), row(9, "B")]),
        "calib.db": database(tmp_path / "calib.db", KNOWN),
    }
    with closing(sqlite3.connect(paths[side])) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    with pytest.raises(RunnerError) as caught:
        refuse_overlap(*(place(path, "file") for path in paths.values()))
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert caught.value.file == f"given/{side}"


def _text(path: Path) -> None:
    path.write_text("no database")


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_text, _hole, _folder], ids=["text", "16 GB of zeros", "folder"])
def test_what_is_no_database_is_refused(tmp_path, make: Callable[[Path], None]):
    make(tmp_path / "held.db")
    with pytest.raises(RunnerError, match="unreadable_database"):
        refuse_overlap(
            place(tmp_path / "held.db", "file"),
            place(database(tmp_path / "calib.db", KNOWN), "file"),
        )


def test_a_view_that_hides_shared_rows_hides_them_from_the_measurement_too(tmp_path):
    """All reading goes through `read_rows`, so the gate sees exactly the rows that are measured."""
    path = database(tmp_path / "held.db", [row(1, "A dog on a lawn."), row(9, "B")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(RENAMED)
        connection.execute("CREATE VIEW vlm_calib_samples AS SELECT * FROM rows WHERE id > 1")
        connection.execute("UPDATE meta SET value = '1'")
        connection.execute("CREATE TRIGGER t AFTER DELETE ON rows BEGIN DELETE FROM meta; END")
    refuse_overlap(place(path, "file"), place(database(tmp_path / "calib.db", KNOWN), "file"))


def test_data_that_is_said_to_be_leaked_must_be_in_the_calibration_data_row_by_row(tmp_path):
    leaked = place(database(tmp_path / "leaked.db", KNOWN[:2]), "file")
    sample = place(database(tmp_path / "sample.db", KNOWN), "file")
    require_leaked(leaked, sample)
    with pytest.raises(RunnerError) as caught:
        require_leaked(sample, leaked)
    assert caught.value.reason == "not_leaked"
    assert "1 of its samples are not in given/leaked.db" in caught.value.message
