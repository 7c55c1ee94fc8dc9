import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from harness import run_op
from material import SUBSET

from aqm_runner.failures import RunnerError
from aqm_runner.ops.calibration_subset import draw_indices

COCO_TRAIN, COCO_VAL = 591_753, 25_014
REFERENCE = Path(
    os.environ.get(
        "AQM_REFERENCE_DATA", Path(__file__).parents[3] / "shared" / "reference" / "data"
    )
)


def rows(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM vlm_calib_samples ORDER BY id").fetchall()


def write_annotations(folder: Path, captions: dict[str, list[str]]) -> dict[str, Path]:
    """Gives image ids from 1; the last caption of a split belongs to an image without entry."""
    paths = {}
    for split, texts in captions.items():
        document = {
            "images": [{"id": i, "file_name": f"{i:012d}.jpg"} for i in range(1, len(texts))],
            "annotations": [
                {"id": 100 + i, "image_id": i, "caption": text}
                for i, text in enumerate(texts, start=1)
            ],
        }
        paths[f"annotations_{split}"] = folder / f"{split}.json"
        paths[f"annotations_{split}"].write_text(json.dumps(document))
    return paths


def test_the_published_draw_is_the_rule_s_draw():
    drawn = draw_indices(COCO_TRAIN + COCO_VAL, 4096, 42)
    assert drawn[:5] == [116739, 26225, 288389, 256787, 234053]
    assert len(drawn) == len(set(drawn)) == 4096
    for fewer in (16, 128, 512):
        assert draw_indices(COCO_TRAIN + COCO_VAL, fewer, 42) == drawn[:fewer]


@pytest.mark.skipif(
    not (REFERENCE / "calibration").is_dir(),
    reason="the published calibration data (AQM_REFERENCE_DATA) is not on this machine",
)
def test_the_published_data_has_the_rule_s_splits_and_captions():
    folder = REFERENCE / "calibration"
    published = rows(folder / "coco2017_vlm_calib.db")[:4096]
    drawn = draw_indices(COCO_TRAIN + COCO_VAL, 4096, 42)
    assert [row[1] for row in published] == [
        "train2017" if index < COCO_TRAIN else "val2017" for index in drawn
    ]
    lines = [row[5].replace("\n", " ").strip() for row in published]
    for suffix, count in [("", 4096), ("_large", 512), ("_medium", 128), ("_small", 16)]:
        text = (folder / f"coco2017_captions{suffix}.txt").read_text(encoding="utf-8")
        assert text == "".join(f"{line}\n" for line in lines[:count])
        if suffix:
            assert rows(folder / f"coco2017_vlm_calib{suffix}.db") == published[:count]


def test_all_captions_in_draw_order_without_those_of_unknown_images(tmp_path):
    inputs = write_annotations(
        tmp_path, {"train": [" a\nb ", "c", "lost"], "val": ["d", "\te\n", "lost"]}
    )
    params = SUBSET | {"full_samples": 0, "samples": 4}
    facts = run_op("calibration_subset", params, inputs, tmp_path)
    assert facts == {"population": 4, "samples": 4}
    population = [
        ("train2017", "train2017/000000000001.jpg", 1, 101, " a\nb "),
        ("train2017", "train2017/000000000002.jpg", 2, 102, "c"),
        ("val2017", "val2017/000000000001.jpg", 1, 101, "d"),
        ("val2017", "val2017/000000000002.jpg", 2, 102, "\te\n"),
    ]
    order = draw_indices(4, 0, 42)
    assert rows(tmp_path / "database") == [
        (number, *population[index]) for number, index in enumerate(order, start=1)
    ]
    lines = ["a b", "c", "d", "e"]
    assert (tmp_path / "captions").read_text() == "".join(f"{lines[i]}\n" for i in order)


def test_the_database_is_sound_and_says_what_it_is(subset, tmp_path):
    copy = shutil.copy(subset / "database", tmp_path / "copy")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert dict(connection.execute("SELECT * FROM meta")) == {
            "source_dataset": "coco2017_captions",
            "coco_root_relative": "../coco",
            "num_samples": "6",
            "random_seed": "42",
        }
        # SQLite takes the file as its own and can go on writing to it.
        connection.execute("DELETE FROM meta")
        connection.commit()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    header = (subset / "database").read_bytes()[:100]
    assert header[24:28] == header[92:96] == (1).to_bytes(4, "big")
    assert header[96:100] == (3_000_000).to_bytes(4, "big")


def test_smaller_subsets_are_prefixes(annotations, subset, tmp_path):
    run_op("calibration_subset", SUBSET | {"samples": 3}, annotations, tmp_path)
    assert rows(tmp_path / "database") == rows(subset / "database")[:3]


@pytest.mark.parametrize("params", [{"samples": 65}, {"full_samples": 0, "samples": 1000}])
def test_too_few_captions_is_a_failed_gate(annotations, tmp_path, params):
    with pytest.raises(RunnerError) as caught:
        run_op("calibration_subset", SUBSET | params, annotations, tmp_path)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "too_few_captions")
    assert list(tmp_path.iterdir()) == []


def test_a_blank_caption_is_a_failed_gate(tmp_path):
    inputs = write_annotations(tmp_path, {"train": [" \n", "lost"], "val": ["d", "lost"]})
    with pytest.raises(RunnerError, match="empty_caption"):
        run_op("calibration_subset", SUBSET | {"samples": 2}, inputs, tmp_path / "out")


def test_an_existing_database_is_never_appended_to(annotations, tmp_path):
    run_op("calibration_subset", SUBSET, annotations, tmp_path)
    with pytest.raises(RunnerError, match="output_exists"):
        run_op("calibration_subset", SUBSET, annotations, tmp_path)


def test_a_file_that_is_no_annotation_file_is_named(annotations, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"images": []}')
    with pytest.raises(RunnerError, match=r"given/wrong\.json") as caught:
        run_op("calibration_subset", SUBSET, annotations | {"annotations_val": wrong}, tmp_path)
    assert caught.value.reason == "unreadable_annotations"
