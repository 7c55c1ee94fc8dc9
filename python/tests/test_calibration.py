import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from annotation_files import write_annotations
from harness import FakeContext, place, run_op
from material import SAMPLE, SUBSET

from aqm_runner.model.samples import read_samples
from aqm_runner.ops.calibration_sample import draw_indices
from aqm_runner.runner.failures import RunnerError

COCO_TRAIN, COCO_VAL = 591_753, 25_014
REFERENCE = Path(
    os.environ.get(
        "AQM_REFERENCE_DATA", Path(__file__).parents[3] / "shared" / "reference" / "data"
    )
)


def rows(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM vlm_calib_samples ORDER BY id").fetchall()


def meta(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM meta"))


def schema(path: Path) -> dict[str, list[tuple]]:
    """Returns each table's columns: name, type, whether null may stand there, primary key."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall()
            for (name,) in tables.fetchall()
        }


def test_the_published_draw_is_the_rule_s_draw():
    drawn = draw_indices(COCO_TRAIN + COCO_VAL, 4096, 42)
    assert drawn[:5] == [116739, 26225, 288389, 256787, 234053]
    assert len(drawn) == len(set(drawn)) == 4096
    for fewer in (16, 128, 512):
        assert draw_indices(COCO_TRAIN + COCO_VAL, fewer, 42) == drawn[:fewer]


published = pytest.mark.skipif(
    not (REFERENCE / "calibration").is_dir(),
    reason="the published calibration data (AQM_REFERENCE_DATA) is not on this machine",
)
SIZES = {"_large": 512, "_medium": 128, "_small": 16}


def annotations_around(folder: Path, sampled: list[tuple]) -> dict[str, Path]:
    """Writes annotation files of COCO's sizes with the sampled rows where the draw finds them."""
    drawn = draw_indices(COCO_TRAIN + COCO_VAL, 4096, 42)
    at = dict(zip(drawn, sampled, strict=True))
    paths = {}
    for split, numbers in {
        "train": range(COCO_TRAIN),
        "val": range(COCO_TRAIN, COCO_TRAIN + COCO_VAL),
    }.items():
        entries = [
            {"id": at[n][4], "image_id": at[n][3], "caption": at[n][5]}
            if n in at
            else {"id": -n - 1, "image_id": 0, "caption": "not drawn"}
            for n in numbers
        ]
        files = {0: "none.jpg"}
        files |= {at[n][3]: at[n][2].split("/")[1] for n in numbers if n in at}
        images = [{"id": number, "file_name": name} for number, name in files.items()]
        paths[f"annotations_{split}"] = folder / f"{split}.json"
        paths[f"annotations_{split}"].write_text(
            json.dumps({"images": images, "annotations": entries})
        )
    return paths


@published
@pytest.mark.engines
def test_the_published_data_comes_out_of_both_ops(tmp_path):
    """Row for row and caption file for caption file, from a population of COCO's true size.

    What is not proven without COCO's own files: that the captions between the drawn ones are as
    many as there. Their split at 591,753 is: 169 of the 4096 rows are of val.
    """
    folder = REFERENCE / "calibration"
    sampled = rows(folder / "coco2017_vlm_calib.db")[:4096]
    assert sum(row[1] == "val2017" for row in sampled) == 169
    params = {"samples": 4096, "seed": 42, "coco_root_relative": "../coco2017/source-data"}
    facts = run_op("calibration_sample", params, annotations_around(tmp_path, sampled), tmp_path)
    assert facts == {"population": COCO_TRAIN + COCO_VAL, "samples": 4096}
    assert rows(tmp_path / "database") == sampled
    assert (tmp_path / "captions").read_bytes() == (folder / "coco2017_captions.txt").read_bytes()
    assert schema(tmp_path / "database") == schema(folder / "coco2017_vlm_calib.db")
    assert meta(tmp_path / "database") == meta(folder / "coco2017_vlm_calib.db")
    for suffix, count in SIZES.items():
        out = tmp_path / suffix
        run_op("calibration_subset", {"samples": count}, {"database": tmp_path / "database"}, out)
        assert rows(out / "database") == rows(folder / f"coco2017_vlm_calib{suffix}.db")
        assert (out / "captions").read_bytes() == (
            folder / f"coco2017_captions{suffix}.txt"
        ).read_bytes()
        assert meta(out / "database")["num_samples"] == str(count)


@published
def test_the_published_full_database_with_its_doubled_rows_is_refused(tmp_path):
    doubled = REFERENCE / "calibration" / "coco2017_vlm_calib.db"
    with pytest.raises(RunnerError) as caught:
        run_op("calibration_subset", {"samples": 16}, {"database": doubled}, tmp_path)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "row_count_mismatch")
    assert caught.value.message == (
        "given/coco2017_vlm_calib.db has 8192 rows, 4096 of them distinct; its meta table says "
        "4096. Rows 4097 to 8192 repeat rows 1 to 4096."
    )
    assert caught.value.next_step == (
        "Build the database again; its maker was run twice and appended its rows."
    )
    assert not (tmp_path / "database").exists()


def test_a_doubled_database_is_refused_by_both_readers(sample, tmp_path):
    doubled = Path(shutil.copy(sample / "database", tmp_path / "doubled"))
    with closing(sqlite3.connect(doubled)) as connection, connection:
        connection.execute(
            "INSERT INTO vlm_calib_samples (split, image_relpath, image_id, caption_id, caption)"
            " SELECT split, image_relpath, image_id, caption_id, caption FROM vlm_calib_samples"
        )
    with pytest.raises(RunnerError, match="Rows 65 to 128 repeat rows 1 to 64"):
        run_op("calibration_subset", SUBSET, {"database": doubled}, tmp_path / "out")
    with pytest.raises(RunnerError, match="Rows 65 to 128 repeat rows 1 to 64"):
        read_samples(FakeContext(), place(doubled, "file"), None)


def test_all_captions_in_draw_order_without_those_of_unknown_images(tmp_path):
    inputs = write_annotations(
        tmp_path, {"train": [" a\nb ", "c", "lost"], "val": ["d", "\te\n", "lost"]}
    )
    context = FakeContext()
    facts = run_op("calibration_sample", SAMPLE | {"samples": 0}, inputs, tmp_path, context)
    assert facts == {"population": 4, "samples": 4, "without_image": 2}
    assert context.warnings == ["captions_without_image"]
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


def test_subsets_are_the_first_rows_of_the_full_sample(sample, subset, tmp_path):
    full = rows(sample / "database")
    assert len(full) == 64
    assert rows(subset / "database") == full[:6]
    run_op("calibration_subset", {"samples": 64}, {"database": sample / "database"}, tmp_path)
    for role in ("database", "captions"):
        assert (tmp_path / role).read_bytes() == (sample / role).read_bytes()


def test_a_population_smaller_than_the_sample_is_taken_whole(annotations, tmp_path):
    facts = run_op("calibration_sample", SAMPLE | {"samples": 4096}, annotations, tmp_path)
    assert facts["samples"] == facts["population"] == 240


def test_too_few_captions_is_a_failed_gate(sample, tmp_path):
    with pytest.raises(RunnerError) as caught:
        run_op("calibration_subset", {"samples": 65}, {"database": sample / "database"}, tmp_path)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "too_few_captions")
    assert list(tmp_path.iterdir()) == []


def test_a_full_sample_without_a_count_is_refused(sample, tmp_path):
    cut = Path(shutil.copy(sample / "database", tmp_path / "cut"))
    with closing(sqlite3.connect(cut)) as connection, connection:
        connection.execute("DROP TABLE meta")
    with pytest.raises(RunnerError, match="does not say how many samples"):
        run_op("calibration_subset", SUBSET, {"database": cut}, tmp_path / "out")


def test_annotations_without_captions_or_with_one_twice(tmp_path):
    none = write_annotations(tmp_path, {"train": ["lost"], "val": ["lost"]})
    with pytest.raises(RunnerError, match="no_captions"):
        run_op("calibration_sample", SAMPLE, none, tmp_path / "out")
    inputs = write_annotations(tmp_path, {"train": ["a", "lost"], "val": ["d", "lost"]})
    document = json.loads(inputs["annotations_train"].read_text())
    document["annotations"] *= 2
    inputs["annotations_train"].write_text(json.dumps(document))
    with pytest.raises(RunnerError, match="repeated_caption"):
        run_op("calibration_sample", SAMPLE, inputs, tmp_path / "out")


def test_a_blank_caption_is_a_failed_gate(tmp_path):
    inputs = write_annotations(tmp_path, {"train": [" \n", "lost"], "val": ["d", "lost"]})
    with pytest.raises(RunnerError, match="empty_caption"):
        run_op("calibration_sample", SAMPLE, inputs, tmp_path / "out")


def test_an_existing_database_is_never_appended_to(annotations, sample, tmp_path):
    for op, params, inputs in [
        ("calibration_sample", SAMPLE, annotations),
        ("calibration_subset", SUBSET, {"database": sample / "database"}),
    ]:
        run_op(op, params, inputs, tmp_path / op)
        with pytest.raises(RunnerError, match="output_exists"):
            run_op(op, params, inputs, tmp_path / op)


def test_a_file_that_is_no_annotation_file_is_named(annotations, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"images": []}')
    with pytest.raises(RunnerError, match=r"given/wrong\.json") as caught:
        run_op("calibration_sample", SAMPLE, annotations | {"annotations_val": wrong}, tmp_path)
    assert caught.value.reason == "unreadable_annotations"
