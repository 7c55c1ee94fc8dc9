"""The op checkpoint_tensors: what headers say, and nothing that is read beyond them."""

import json
from pathlib import Path

import pytest
from harness import run_op

from aqm_runner.model.checkpoint_files import PLAIN
from aqm_runner.ops.checkpoint_tensors import WIDTHS
from aqm_runner.runner.failures import RunnerError

TENSORS = {
    "model.b.weight": ("BF16", [2, 3], 12),
    "model.a.weight": ("F32", [4], 16),
    "model.steps": ("I64", [], 8),
}


def checkpoint(folder: Path, files: dict[str, list[str]], **config: object) -> Path:
    """Makes a checkpoint of zeros, its tensors dealt to files."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"} | config))
    for file, names in files.items():
        header, end = {}, 0
        for name in names:
            dtype, shape, size = TENSORS[name]
            offsets = [end, end + size]
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
            end += size
        text = json.dumps(header).encode()
        (folder / file).write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    if list(files) != ["model.safetensors"]:
        weights = {name: file for file, names in files.items() for name in names}
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    return folder


def listed(folder: Path, out: Path) -> bytes:
    run_op("checkpoint_tensors", {}, {"checkpoint": folder}, out)
    return (out / "tensors").read_bytes()


def test_tensors_are_listed_by_name_with_their_sizes(tmp_path):
    folder = checkpoint(tmp_path / "one", {"model.safetensors": list(TENSORS)})
    document = json.loads(listed(folder, tmp_path / "out"))
    assert document == {
        "schema": 1,
        "bytes": 36,
        "tensors": [
            {"name": name, "dtype": TENSORS[name][0], "shape": TENSORS[name][1]}
            for name in ["model.a.weight", "model.b.weight", "model.steps"]
        ],
    }


def test_how_tensors_are_dealt_to_files_changes_nothing(tmp_path):
    one = checkpoint(tmp_path / "one", {"model.safetensors": list(TENSORS)})
    names = list(TENSORS)
    shards = checkpoint(tmp_path / "two", {"x.safetensors": names[:1], "y.safetensors": names[1:]})
    assert listed(one, tmp_path / "out") == listed(shards, tmp_path / "out2")


def test_a_quantized_checkpoint_is_refused(tmp_path):
    files = {"model.safetensors": list(TENSORS)}
    folder = checkpoint(tmp_path / "one", files, quantization_config={"quant_method": "modelopt"})
    with pytest.raises(RunnerError) as caught:
        listed(folder, tmp_path / "out")
    assert caught.value.reason == "quantized_checkpoint"
    assert not (tmp_path / "out").exists()


def test_every_type_that_a_checkpoint_may_have_has_a_width():
    assert set(WIDTHS) == PLAIN
