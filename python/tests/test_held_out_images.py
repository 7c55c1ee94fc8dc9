"""The synthetic data set as the repository has it: enough images, and none on both sides."""

from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from harness import place, run_op

from aqm_runner.calibration.overlap import refuse_overlap
from aqm_runner.calibration.sample_reading import read_rows

CONFIG = yaml.safe_load(
    (Path(__file__).parents[2] / "conf/dataset/synthetic_coco.yaml").read_text(encoding="utf-8")
)
ROOT = {"coco_root_relative": CONFIG["recorded_root"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    run_op("synthetic_coco", CONFIG["source"]["synthetic"], {}, folder)
    annotations = {role: folder / role for role in ("annotations_train", "annotations_val")}
    params = {"samples": CONFIG["full_samples"], "seed": CONFIG["seed"]} | ROOT
    run_op("calibration_sample", params, annotations, folder / "full")
    inputs = annotations | {"calibration": folder / "full/database"}
    for part, samples in CONFIG["held_out"]["sizes"].items():
        params = {"part": part, "samples": samples, "seed": CONFIG["held_out"]["seed"]} | ROOT
        run_op("held_out_sample", params, inputs, folder / part)
    return folder


def test_no_picture_is_in_two_sets_whatever_its_name(made):
    """Two images of one scene are the same bytes."""
    pictures = []
    for name in ("full", *CONFIG["held_out"]["sizes"]):
        rows, _ = read_rows(place(made / name / "database", "file"))
        pictures.append(
            {sha256((made / "images" / row.image_relpath).read_bytes()).digest() for row in rows}
        )
    assert [len(found) for found in pictures[1:]] == list(CONFIG["held_out"]["sizes"].values())
    assert len(set().union(*pictures)) == sum(map(len, pictures))
    everything = list((made / "images").rglob("*.jpg"))
    distinct = {sha256(path.read_bytes()).digest() for path in everything}
    assert len(distinct) < len(everything), (
        "the data set has the same picture twice, or this is idle"
    )


def test_every_set_passes_the_gate(made):
    full = place(made / "full/database", "file")
    for part in CONFIG["held_out"]["sizes"]:
        refuse_overlap(place(made / part / "database", "file"), full)
