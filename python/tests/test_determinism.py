"""The same bytes from another process: other hash seed, locale, folder, time zone."""

import json
from pathlib import Path

import pytest
from harness import action, of_type, run_op
from material import COCO, SAMPLE, SUBSET, scoring

from aqm_runner.runner.digests import digest_file, digest_folder, digest_place
from aqm_runner.runner.registry import OPS
from aqm_runner.runner.requests import compile_schema


def both(kept, op, params, inputs, folder: Path) -> dict[str, str]:
    """Returns the digests of an op's outputs after comparing the two processes'."""
    facts = run_op(op, params, inputs, folder / "here")
    events = kept.run(f"{op} {folder.name}", action(op, params, inputs, folder / "there"))
    here = {
        role: digest_place(folder / "here" / role, kind)[0]
        for role, kind in OPS[op].outputs.items()
    }
    there = {event["role"]: event["digest"] for event in of_type(events, "artifact")}
    assert here == there
    assert of_type(events, "result")[0]["facts"] == facts
    return here


def test_synthetic_coco(kept, coco, tmp_path):
    digests = both(kept, "synthetic_coco", COCO, {}, tmp_path)
    assert digests["images"] == digest_folder(coco / "images")[0]
    assert digests["annotations_val"] == digest_file(coco / "annotations_val")[0]


def test_calibration(kept, annotations, sample, tmp_path):
    digests = both(kept, "calibration_sample", SAMPLE, annotations, tmp_path / "sample")
    assert digests == {
        "database": "sha256:0304616aa27ce92995e7df91cce762af047156233310f45f4e3e80c52632ecbf",
        "captions": "sha256:e00c3cde6f05fe69905ca7dde11c56b27bb621811655804244bf257373327ef6",
    }
    inputs = {"database": sample / "database"}
    digests = both(kept, "calibration_subset", SUBSET, inputs, tmp_path / "subset")
    # Golden: the database's bytes must not depend on the SQLite that wrote it.
    assert digests == {
        "database": "sha256:2b94bd44d82d7a5851cda1d3662e18f078e9d581e2810384a70b0254c4819b8b",
        "captions": "sha256:2ac41809335d91d0aee2fdee088e9b4fa4d8b5af90e25ab69a44d0f624cff0c7",
    }


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_tiny_checkpoint(kept, checkpoints, tmp_path, family):
    digests = both(kept, "tiny_checkpoint", {"family": family, "seed": 0}, {}, tmp_path)
    assert digests["checkpoint"] == digest_folder(checkpoints[family])[0]


def test_weights_do_not_depend_on_the_processor(checkpoints):
    assert {
        family: digest_file(folder / "model.safetensors")[0]
        for family, folder in checkpoints.items()
    } == {
        "qwen3_vl": "sha256:2c5ca452a98249be07e1a53bd13a7182354d7e1f29a8ac2681134ba731eb2604",
        "qwen2_5_vl": "sha256:47bf0f904b0fa687fd3d062d001ec63e20290f361de38daaefee78e81665ced4",
    }


def test_another_seed_gives_another_checkpoint(checkpoints, tmp_path):
    run_op("tiny_checkpoint", {"family": "qwen3_vl", "seed": 1}, {}, tmp_path)
    one, other = tmp_path / "checkpoint", checkpoints["qwen3_vl"]
    for name in ("model.safetensors", "tokenizer.json"):
        assert digest_file(one / name) != digest_file(other / name)


def test_scores_of_captions(kept, lm_inputs, tmp_path):
    both(kept, "sensitivity_scores", scoring("lm"), lm_inputs, tmp_path)
    scores = json.loads((tmp_path / "here" / "scores").read_text())
    compile_schema("scores").validate(scores)
    text = (tmp_path / "here" / "scores").read_text()
    assert text == json.dumps(scores, indent=2) + "\n"
    assert str(tmp_path) not in text


def test_scores_of_images(kept, image_inputs, tmp_path):
    both(kept, "sensitivity_scores", scoring("all_layers", "INT8"), image_inputs, tmp_path)
    scores = json.loads((tmp_path / "here" / "scores").read_text())
    compile_schema("scores").validate(scores)
    assert len(scores["groups"]) == 22
    assert all(group["enabled"] and group["score"] > 0 for group in scores["groups"])
