"""Calibration data as it comes: odd captions are kept whole, what is not understood is named."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from annotation_files import write_annotations
from harness import FakeContext, place, run_op
from material import SAMPLE, SUBSET

from aqm_runner.model.samples import read_captions, read_samples
from aqm_runner.runner.failures import RunnerError


def with_annotations(folder: Path, change: Callable[[Any], Any]) -> dict[str, Path]:
    """Returns annotation files whose train split was changed."""
    inputs = write_annotations(folder, {"train": ["a", "b", "lost"], "val": ["d", "lost"]})
    document = json.loads(inputs["annotations_train"].read_text())
    change(document)
    inputs["annotations_train"].write_text(json.dumps(document))
    return inputs


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["annotations"][1].update(image_id="2"), "annotations[1]: its image_id is '2'"),
        (lambda d: d["images"][0].update(id="1"), "images[0]: its id is '1'"),
        (lambda d: d["images"][0].update(id=True), "images[0]: its id is True"),
        (lambda d: d["annotations"][0].update(id=1.0), "annotations[0]: its id is 1.0"),
        (lambda d: d["annotations"][0].update(id=2**70), "does not fit into 64 bits"),
        (lambda d: d["annotations"][0].update(caption=None), "annotations[0]: its caption is None"),
        (lambda d: d["annotations"][0].update(caption=["a", "b"]), "its caption is ['a', 'b']"),
        (lambda d: d["annotations"][0].update(caption="x \ud83d y"), "half of a character"),
        (lambda d: d["annotations"][0].pop("caption"), "annotations[0] has no caption"),
        (lambda d: d["annotations"].append("text"), "annotations[3] has no id"),
        (lambda d: d["images"][0].update(file_name="../../secret.jpg"), "has a . or .. part"),
        (lambda d: d["images"][0].update(file_name="/etc/passwd"), "is absolute"),
        (lambda d: d["images"].append({"id": 1, "file_name": "x.jpg"}), "another image has the id"),
        (lambda d: d.update(annotations={}), "it has no list 'annotations'"),
    ],
)
def test_an_annotation_that_cannot_be_understood_is_named_with_its_file(tmp_path, change, words):
    with pytest.raises(RunnerError) as caught:
        run_op("calibration_sample", SAMPLE, with_annotations(tmp_path, change), tmp_path / "out")
    assert (caught.value.class_, caught.value.reason) == ("bad_request", "unreadable_annotations")
    assert words in caught.value.message
    assert caught.value.message.startswith("given/train.json ")
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "nested too deep"),
        ('{"images": [], "images": [], "annotations": []}', "the key 'images' twice"),
        ('{"images": [{"id": NaN, "file_name": "a"}], "annotations": []}', "the number NaN"),
        ('{"images": [{"id": ' + "9" * 5000 + "}]}", "does not fit into 64 bits"),
        ('{"images": [{"id": 1e999, "file_name": "a"}], "annotations": []}', "its id is inf"),
        ("[]", "no list 'images'"),
    ],
    ids=["deep", "twice", "NaN", "long", "infinite", "list"],
)
def test_a_document_that_json_leaves_open_is_refused(annotations, tmp_path, text, words):
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text)
    with pytest.raises(RunnerError, match="unreadable_annotations") as caught:
        run_op("calibration_sample", SAMPLE, annotations | {"annotations_val": wrong}, tmp_path)
    assert words in caught.value.message


ODD = ["a\nb", "a\r\nb\rc", "a\u2028b\u2029c\x85d\x0b\x0c\x1ce", "a\0b", "  a\u3000b "]


def test_captions_are_read_back_as_they_were_written(tmp_path):
    """One caption is one sample, whatever other programs take for the end of a line."""
    inputs = write_annotations(tmp_path, {"train": [*ODD, "lost"], "val": ["lost"]})
    run_op("calibration_sample", SAMPLE, inputs, tmp_path / "full")
    run_op("calibration_subset", {"samples": 5}, {"database": tmp_path / "full/database"}, tmp_path)
    for folder in (tmp_path / "full", tmp_path):
        samples = read_samples(FakeContext(), place(folder / "database", "file"), None)
        assert sorted(sample.caption for sample in samples) == sorted(ODD)
        lines = [sample.caption.replace("\n", " ").strip() for sample in samples]
        assert read_captions(place(folder / "captions", "file"), None) == lines


def altered(sample: Path, folder: Path, *statements: str) -> Path:
    path = Path(shutil.copy(sample / "database", folder / "altered"))
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


RENAMED = "ALTER TABLE vlm_calib_samples RENAME TO rows"


@pytest.mark.parametrize(
    ("statements", "reason", "words"),
    [
        (
            [
                RENAMED,
                "CREATE VIEW vlm_calib_samples AS WITH RECURSIVE n(i) AS"
                " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'train2017' AS split,"
                " 'a.jpg' AS image_relpath, i AS image_id, i AS caption_id, 'x' AS caption FROM n",
            ],
            "unreadable_database",
            "interrupted",
        ),
        (
            ["UPDATE vlm_calib_samples SET caption = x'00ff' WHERE id = 3"],
            "unreadable_database",
            "caption of row 3 is of the type bytes, not str",
        ),
        (
            ["UPDATE vlm_calib_samples SET image_id = 'x' WHERE id = 4"],
            "unreadable_database",
            "image_id of row 4",
        ),
        (
            ["UPDATE vlm_calib_samples SET image_relpath = '../x.jpg' WHERE id = 2"],
            "unsafe_path",
            "'../x.jpg', which has a . or .. part",
        ),
    ],
)
def test_a_database_that_is_not_what_a_sample_has_is_refused(
    sample, tmp_path, statements, reason, words
):
    database = altered(sample, tmp_path, *statements)
    with pytest.raises(RunnerError) as caught:
        run_op("calibration_subset", SUBSET, {"database": database}, tmp_path / "out")
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert words in caught.value.message
    assert caught.value.file == "given/altered"


def test_a_view_may_stand_for_the_table(sample, tmp_path):
    view = "CREATE VIEW vlm_calib_samples AS SELECT * FROM rows"
    run_op(
        "calibration_subset",
        SUBSET,
        {"database": altered(sample, tmp_path, RENAMED, view)},
        tmp_path,
    )
    assert (tmp_path / "captions").read_text().count("\n") == SUBSET["samples"]
