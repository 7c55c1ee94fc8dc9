"""Each way in which scoring must fail, with real files and real ModelOpt."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import FakeContext, Runner, action, place, request, run_op
from material import FORMATS, config, scoring
from safetensors.torch import load_file, save_file

from aqm_runner.model.batches import Batch, Loader, caption_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.samples import read_captions
from aqm_runner.modelopt import scoring as modelopt_scoring
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.modelopt.scoring import Scorer, Setting
from aqm_runner.runner.failures import RunnerError


def trip(
    inputs: dict[str, Path], output: Path, params: dict[str, Any], device: str = "cpu"
) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        run_op("sensitivity_scores", params, inputs, output, FakeContext(device))
    assert not (output / "scores").exists()
    assert caught.value.next_step
    return caught.value


@pytest.fixture
def spoilt(lm_inputs, tmp_path) -> Path:
    """A copy of the checkpoint, free to be damaged."""
    return Path(shutil.copytree(lm_inputs["checkpoint"], tmp_path / "spoilt"))


def damage_weights(folder: Path, change: Any) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lm_head.weight", marks=pytest.mark.engines),
        "model.language_model.layers.0.mlp.down_proj.weight",
    ],
)
def test_nan_weights(lm_inputs, spoilt, tmp_path, name):
    damage_weights(spoilt, lambda weights: weights[name].fill_(float("nan")))
    error = trip(lm_inputs | {"checkpoint": spoilt}, tmp_path, scoring())
    assert (error.class_, error.reason) == ("gate_failed", "non_finite_score")


def test_a_missing_weight(lm_inputs, spoilt, tmp_path):
    damage_weights(spoilt, lambda weights: weights.pop("model.language_model.norm.weight"))
    error = trip(lm_inputs | {"checkpoint": spoilt}, tmp_path, scoring())
    assert (error.class_, error.reason) == ("gate_failed", "incomplete_checkpoint")
    assert "norm.weight" in error.message


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def scramble(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:8] + b"?" * 100 + data[108:])


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (cut, "spoilt/model.safetensors"),
        (scramble, "spoilt/model.safetensors"),
        (lambda file: file.write_bytes(b""), "spoilt/model.safetensors"),
        (Path.unlink, "spoilt"),
        (lambda file: (file.parent / "config.json").unlink(), "spoilt/config.json"),
        (
            lambda file: (file.parent / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"x": "model-00002.safetensors"}})
            ),
            "spoilt/model-00002.safetensors",
        ),
    ],
)
def test_an_unreadable_checkpoint_is_named(lm_inputs, spoilt, tmp_path, damage, file):
    damage(spoilt / "model.safetensors")
    error = trip(lm_inputs | {"checkpoint": spoilt}, tmp_path, scoring())
    assert (error.class_, error.reason) == ("gate_failed", "unreadable_checkpoint")
    assert error.file == f"given/{file}"


def test_fp4_needs_cuda_and_no_model_is_loaded_to_say_so(kept, lm_inputs, tmp_path):
    context = FakeContext()
    with pytest.raises(RunnerError) as caught:
        run_op("sensitivity_scores", scoring(format_="NVFP4"), lm_inputs, tmp_path, context)
    assert (caught.value.class_, caught.value.reason) == ("unsupported_here", "format_needs_cuda")
    assert context.phases == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_where_there_is_none(lm_inputs, tmp_path):
    error = trip(lm_inputs, tmp_path, scoring(), device="cuda")
    assert (error.class_, error.reason) == ("unsupported_here", "no_gpu")


def test_another_modelopt(monkeypatch, lm_inputs, tmp_path):
    monkeypatch.setattr(modelopt_scoring, "MODELOPT", "0.46.0")
    error = trip(lm_inputs, tmp_path, scoring())
    assert (error.class_, error.reason) == ("unsupported_here", "modelopt_version")


@pytest.mark.parametrize(
    ("quant_cfg", "reason"),
    [
        (
            [{"quantizer_name": "*mlp*weight_quantizer", "cfg": {"num_bits": 8}}],
            "path_scoped_format",
        ),
        ([{"quantizer_name": "*[kv]_bmm_quantizer", "cfg": {"num_bits": 8}}], "path_scoped_format"),
        (config({"num_bits": 8}, None)["quant_cfg"][:1], "empty_format"),
    ],
)
def test_formats_that_would_score_a_false_zero(lm_inputs, tmp_path, quant_cfg, reason):
    format_ = {"name": "X", "config": {"quant_cfg": quant_cfg, "algorithm": "max"}}
    error = trip(lm_inputs, tmp_path, scoring(format=format_))
    assert (error.class_, error.reason) == ("bad_request", reason)


def test_fewer_samples_than_asked_for(lm_inputs, image_inputs, tmp_path):
    for inputs, scope in ((lm_inputs, "lm"), (image_inputs, "all_layers")):
        error = trip(inputs, tmp_path, scoring(scope, calibration_samples=7))
        assert (error.class_, error.reason) == ("gate_failed", "too_few_samples")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM vlm_calib_samples WHERE id = 6",
        "UPDATE meta SET value = '7' WHERE key = 'num_samples'",
        # The published full database: every row twice, the meta table as after the first time.
        "INSERT INTO vlm_calib_samples (split, image_relpath, image_id, caption_id, caption)"
        " SELECT split, image_relpath, image_id, caption_id, caption FROM vlm_calib_samples",
    ],
)
def test_a_database_that_is_not_what_its_meta_says(image_inputs, tmp_path, statement):
    database = Path(shutil.copy(image_inputs["database"], tmp_path / "database"))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)
    error = trip(image_inputs | {"database": database}, tmp_path, scoring("all_layers"))
    assert (error.class_, error.reason) == ("gate_failed", "row_count_mismatch")
    assert error.file == "given/database"


def test_a_file_that_is_no_database(image_inputs, lm_inputs, tmp_path):
    inputs = image_inputs | {"database": lm_inputs["captions"]}
    assert trip(inputs, tmp_path, scoring("all_layers")).reason == "unreadable_database"


@pytest.mark.parametrize("content", [None, b"no image"])
def test_an_image_that_is_missing_or_broken_is_named(image_inputs, tmp_path, content):
    with closing(sqlite3.connect(image_inputs["database"])) as connection:
        (relpath,) = connection.execute(
            "SELECT image_relpath FROM vlm_calib_samples WHERE id = 3"
        ).fetchone()
    images = Path(shutil.copytree(image_inputs["images"], tmp_path / "images"))
    (images / relpath).unlink()
    if content:
        (images / relpath).write_bytes(content)
    error = trip(image_inputs | {"images": images}, tmp_path, scoring("all_layers"))
    assert (error.class_, error.reason) == ("gate_failed", "unreadable_image")
    assert error.file == f"given/images/{relpath}"


class OneShot(Loader):
    """What a generator handed to ModelOpt would be."""

    def __iter__(self):
        return super().__iter__() if self.yields == 0 else iter(())


def score(inputs: dict[str, Path], loader_class: type[Loader], setting: Setting) -> None:
    make_deterministic("cpu")
    checkpoint = place(inputs["checkpoint"], "folder")
    captions = read_captions(place(inputs["captions"], "file"), None)
    batches: list[Batch] = caption_batches(checkpoint, captions, 3, 64, "longest")
    model = load_model(checkpoint, "float32", "cpu")
    loader = loader_class(batches, "cpu")
    (found,) = Scorer(FakeContext(), setting).score(
        model, loader, [as_format("FP8", FORMATS["FP8"])]
    )
    if isinstance(found, RunnerError):
        raise found


def test_a_loader_that_cannot_be_walked_twice(lm_inputs):
    with pytest.raises(RunnerError, match="progress_short"):
        score(lm_inputs, OneShot, Setting("lm", "batch_mean", False, 2))


def test_layers_that_the_data_does_not_reach(lm_inputs):
    with pytest.raises(RunnerError, match=r"not_exercised: model\.visual"):
        score(lm_inputs, Loader, Setting("all_layers", "batch_mean", True, 2))


def test_a_failed_gate_is_told_and_ends_the_runner(tmp_path, sample):
    runner = Runner(tmp_path / "log")
    inputs = {"database": sample / "database"}
    runner.send(request("j", action("calibration_subset", {"samples": 65}, inputs, tmp_path)))
    error = list(runner.events)[-1]
    assert (error["type"], error["class"]) == ("error", "gate_failed")
    assert error["file"] == "given/database"
    assert runner.end()[0] == 3
