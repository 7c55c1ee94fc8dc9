"""Held-out sets: disjoint from the calibration sample and from each other, sizes independent."""

import json
from pathlib import Path
from typing import Any

import pytest
from annotation_files import write_annotations, write_scene_annotations
from harness import FakeContext, place, run_op
from jsonschema import Draft202012Validator
from material import HELD_OUT, SAMPLE

from aqm_runner.calibration.overlap import refuse_overlap
from aqm_runner.calibration.same_caption import caption_key
from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.registry import OPS

PARTS = ("search", "confirm", "report")
FULL = 60
SIZES = {"search": 20, "confirm": 25, "report": 30}


class Source:
    """A data set of scenes, its full calibration sample and its held-out sets."""

    def __init__(self, folder: Path, inputs: dict[str, Path], full: int = FULL) -> None:
        self.folder = folder
        facts = run_op("calibration_sample", SAMPLE | {"samples": full}, inputs, folder / "full")
        self.population = facts["population"]
        self.full = folder / "full/database"
        self.inputs = inputs | {"calibration": self.full}

    def held_out(self, part: str, context: FakeContext | None = None, **changes: Any) -> Path:
        """Returns the folder of the outputs of one run."""
        number = len(list(self.folder.iterdir()))
        folder = self.folder / f"run {number}"
        params = HELD_OUT | {"part": part, "samples": SIZES[part]} | changes
        run_op("held_out_sample", params, self.inputs, folder, context)
        return folder

    def subset(self, samples: int) -> Path:
        folder = self.folder / f"subset {samples}"
        if not folder.exists():
            run_op("calibration_subset", {"samples": samples}, {"database": self.full}, folder)
        return folder / "database"


def rows_of(database: Path) -> list[SampleRow]:
    return read_rows(place(database, "file"))[0]


@pytest.fixture(scope="module", params=[1, 2, 3])
def source(request, tmp_path_factory) -> Source:
    folder = tmp_path_factory.mktemp("scenes")
    inputs = write_scene_annotations(folder, train=190, val=12, seed=request.param)
    return Source(folder, inputs)


@pytest.fixture(scope="module")
def sets(source) -> dict[str, list[SampleRow]]:
    return {part: rows_of(source.held_out(part) / "database") for part in PARTS}


def test_a_set_has_as_many_images_as_were_asked_for_and_one_caption_of_each(source, sets):
    captions = {
        (split, entry["image_id"], entry["id"]): entry["caption"]
        for split, role in (("train2017", "annotations_train"), ("val2017", "annotations_val"))
        for entry in json.loads(source.inputs[role].read_text())["annotations"]
    }
    for part, rows in sets.items():
        assert len({row.image_relpath for row in rows}) == len(rows) == SIZES[part]
        for row in rows:
            assert row.caption == captions[row.split, row.image_id, row.caption_id]
            assert row.image_relpath == f"{row.split}/{row.image_id:012d}.jpg"
    # Each set has its own fifth, not the first caption of every image.
    kinds = {row.caption_id % 10 for rows in sets.values() for row in rows}
    assert kinds == {0, 1, 2, 3, 4}


def test_no_image_and_no_caption_is_in_two_sets_or_in_the_calibration_sample(source, sets):
    groups = [rows_of(source.full), *sets.values()]
    for column in (lambda row: row.image_relpath, lambda row: caption_key(row.caption)):
        distinct = [{column(row) for row in rows} for rows in groups]
        assert len(set().union(*distinct)) == sum(map(len, distinct))


def test_every_subset_passes_the_gate_with_every_set(source):
    for part in PARTS:
        held_out = place(source.held_out(part) / "database", "file")
        for samples in (1, 16, FULL):
            refuse_overlap(held_out, place(source.subset(samples), "file"))


def test_two_pictures_of_one_scene_are_never_on_both_sides(tmp_path):
    """Every train image is there again as a val image; its captions tell that it is the same."""
    inputs = write_scene_annotations(tmp_path, train=90, val=1, seed=4)
    document = json.loads(inputs["annotations_train"].read_text())
    for entry in document["images"] + document["annotations"]:
        entry["id"] += 10_000
    for entry in document["annotations"]:
        entry["image_id"] += 10_000
    inputs["annotations_val"].write_text(json.dumps(document))
    source = Source(tmp_path, inputs, 40)
    groups = [
        rows_of(source.full),
        *(rows_of(source.held_out(part, samples=6) / "database") for part in PARTS),
    ]
    scenes = [{row.image_id % 10_000 for row in rows} for rows in groups]
    assert [len(found) for found in scenes[1:]] == [6, 6, 6]
    assert len(set().union(*scenes)) == sum(map(len, scenes))


def test_another_size_of_one_set_changes_no_other_and_keeps_its_first_rows(source, sets):
    for part, rows in sets.items():
        assert rows_of(source.held_out(part, samples=5) / "database") == rows[:5]
        larger = rows_of(source.held_out(part, samples=len(rows) + 3) / "database")
        assert larger[: len(rows)] == rows
        others = [row.image_relpath for other in sets if other != part for row in sets[other]]
        assert not {row.image_relpath for row in larger} & set(others)


def test_the_same_run_writes_the_same_bytes_and_another_seed_others(source):
    first, again = (source.held_out("report") for _ in range(2))
    for role in ("database", "captions"):
        assert (first / role).read_bytes() == (again / role).read_bytes()
    other = source.held_out("report", seed=43)
    assert rows_of(other / "database") != rows_of(first / "database")


def test_the_outputs_are_those_of_a_calibration_sample(source):
    context = FakeContext()
    folder = source.held_out("confirm", context)
    rows, meta = read_rows(place(folder / "database", "file"))
    assert meta == {
        "source_dataset": "coco2017_captions",
        "coco_root_relative": "../coco",
        "num_samples": "25",
        "random_seed": "42",
        "held_out_part": "confirm",
    }
    lines = (folder / "captions").read_text().splitlines()
    assert lines == [row.caption for row in rows]
    assert context.phases == [("read", None), ("deal", None), ("write", None)]
    assert context.warnings == []


def test_too_few_images_is_a_failed_gate_that_counts_them(source):
    with pytest.raises(RunnerError) as caught:
        source.held_out("search", samples=100)
    failure = caught.value
    assert (failure.class_, failure.reason) == ("gate_failed", "too_few_held_out_images")
    used = len({row.image_relpath for row in rows_of(source.full)})
    assert "100 images were asked for as held-out set search, but only " in failure.message
    assert f"of 202 images {202 - used} are not in the calibration sample" in failure.message
    assert "full_samples" in failure.next_step
    assert "held_out.sizes" in failure.next_step


def test_where_calibration_has_every_image_nothing_is_left(tmp_path):
    inputs = write_scene_annotations(tmp_path, train=6, val=2, seed=1)
    with pytest.raises(RunnerError, match="only 0 are left") as caught:
        Source(tmp_path, inputs, full=0).held_out("search", samples=1)
    assert caught.value.reason == "too_few_held_out_images"
    assert not list(tmp_path.rglob("run*/*"))


CAPTIONS = ["A dog.", "a  DOG. ", "A\ndog.", "A cat.", "A CAT.", "A bird.", "A fish.", "lost"]


def test_captions_that_differ_in_case_or_white_space_alone_are_one(tmp_path):
    """Of three dogs and two cats one each is dealt, unless calibration has one."""
    source = Source(tmp_path, write_annotations(tmp_path, {"train": CAPTIONS, "val": ["lost"]}), 1)
    used = {caption_key(row.caption) for row in rows_of(source.full)}
    left = {"a dog.", "a cat.", "a bird.", "a fish."} - used
    found = [
        caption_key(row.caption)
        for part in PARTS
        for row in rows_of(source.held_out(part, samples=1) / "database")
    ]
    assert sorted(found) == sorted(left)


def test_captions_without_an_image_are_left_out_with_a_warning(tmp_path):
    texts = [f"caption {number}" for number in range(9)]
    source = Source(tmp_path, write_annotations(tmp_path, {"train": texts, "val": ["lost"]}), 2)
    context = FakeContext()
    source.held_out("search", context, samples=2)
    assert context.warnings == ["captions_without_image"]


def test_one_file_under_two_ids_is_one_image(tmp_path):
    texts = [f"caption {number}" for number in range(8)]
    inputs = write_annotations(tmp_path, {"train": texts, "val": ["lost"]})
    document = json.loads(inputs["annotations_train"].read_text())
    for image in document["images"]:
        image["file_name"] = f"{image['id'] // 2}.jpg"
    inputs["annotations_train"].write_text(json.dumps(document))
    source = Source(tmp_path, inputs, 1)
    files = [
        row.image_relpath
        for part in PARTS
        for row in rows_of(source.held_out(part, samples=1) / "database")
    ]
    assert len(set(files) | {row.image_relpath for row in rows_of(source.full)}) == 4


def test_a_blank_caption_is_a_failed_gate(tmp_path):
    texts = [" \n", "lost"]
    inputs = write_annotations(tmp_path, {"train": ["used", "lost"], "val": texts})
    with pytest.raises(RunnerError, match="empty_caption"):
        Source(tmp_path, inputs, 1).held_out("search", samples=1, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"part": "test"},
        {"part": None},
        {"samples": 0},
        {"samples": -1},
        {"seed": -1},
        {"seed": 1.5},
    ],
)
def test_params_that_mean_nothing_are_refused(wrong):
    schema = Draft202012Validator(OPS["held_out_sample"].params)
    right = HELD_OUT | {"part": "search"}
    assert schema.is_valid(right)
    assert not schema.is_valid(right | wrong)


def test_draws_are_rows_of_the_full_sample_that_a_seed_decides_and_share_none(
    source, sets, tmp_path
):
    def draw(name: str, seed: int, number: int) -> list[SampleRow]:
        params = {"samples": 20, "seed": seed, "apart_from": 10, "number": number}
        run_op("calibration_draw", params, {"database": source.full}, tmp_path / name)
        captions = (tmp_path / name / "captions").read_text().splitlines()
        rows = rows_of(tmp_path / name / "database")
        assert captions == [row.caption.strip() for row in rows]
        return rows

    full = rows_of(source.full)
    first, second = draw("first", 1, 1), draw("second", 1, 2)
    assert first == draw("again", 1, 1)
    assert first != draw("other seed", 2, 1)
    ids = [{row.caption_id for row in rows} for rows in (first, second, full[:10])]
    assert [len(each) for each in ids] == [20, 20, 10]
    assert len(set.union(*ids)) == 50
    assert set.union(*ids) <= {row.caption_id for row in full}
    held_out = {row.image_relpath for part in PARTS for row in sets[part]}
    assert not held_out & {row.image_relpath for row in (*first, *second)}


def test_a_draw_of_more_rows_than_there_are_is_refused(source, tmp_path):
    params = {"samples": 20, "seed": 1, "apart_from": FULL - 39, "number": 2}
    with pytest.raises(RunnerError, match="needs 61, but the full sample has only 60"):
        run_op("calibration_draw", params, {"database": source.full}, tmp_path)
