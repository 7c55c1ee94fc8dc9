"""One set of weights, whole: an index and headers that say otherwise are refused."""

import json
import shutil
import struct
from pathlib import Path

import pytest
import torch
from harness import place
from safetensors.torch import load_file, save_file
from spoilt import INDEX, TAKEN, WEIGHTS, edit, refused

from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.runner.places import Place


@pytest.fixture
def folder(checkpoints, tmp_path) -> Path:
    """A copy of the tiny Qwen3-VL, free to be spoilt."""
    return Path(shutil.copytree(checkpoints["qwen3_vl"], tmp_path / "ckpt"))


def shard(folder: Path) -> dict[str, str]:
    """Turns the single file into two shards with an index; returns its map."""
    tensors = load_file(folder / WEIGHTS)
    names, found = sorted(tensors), {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        found |= dict.fromkeys(part, file)
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": found}))
    return found


def test_shards_are_the_checkpoint_that_they_are_of(folder, checkpoints):
    shard(folder)
    taken = Place(folder, "folder", "given/ckpt", TAKEN)
    ours = load_model(taken, "float32", "cpu").state_dict()
    theirs = load_model(place(checkpoints["qwen3_vl"], "folder"), "float32", "cpu").state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("name", [WEIGHTS, "consolidated.safetensors", "model-old.safetensors"])
def test_other_weights_beside_the_shards(folder, name):
    stale = (folder / WEIGHTS).read_bytes()
    shard(folder)
    (folder / name).write_bytes(stale)
    assert refused(check_checkpoint, folder, "ambiguous_weights").file == f"given/ckpt/{name}"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("../outside.safetensors", "unsafe_path"),
        ("/etc/passwd", "unsafe_path"),
        ("weights.bin", "file_not_taken"),
        ("deep/model.safetensors", "file_not_taken"),
        ("gone.safetensors", "unreadable_checkpoint"),
        (7, "file_not_taken"),
    ],
)
def test_an_index_that_leads_elsewhere(folder, file, reason):
    shutil.copy(folder / WEIGHTS, folder.parent / "outside.safetensors")
    (folder / "weights.bin").write_bytes(b"")
    edit(folder / INDEX, lambda index: index.update(weight_map={"lm_head.weight": file}))
    (folder / WEIGHTS).unlink()
    refused(check_checkpoint, folder, reason)


@pytest.mark.parametrize("change", ["lost", "moved", "unlisted"])
def test_an_index_that_does_not_fit_its_shards(folder, change):
    named = shard(folder)
    first = next(iter(named))
    if change == "unlisted":
        del named[first]
    else:
        named["more.weight" if change == "lost" else first] = sorted(set(named.values()))[-1]
    (folder / INDEX).write_text(json.dumps({"weight_map": named}))
    error = refused(check_checkpoint, folder, "unreadable_checkpoint")
    assert error.file == f"given/ckpt/{INDEX}"


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{}",
        header(b'{"a":' + b"[" * 200_000),
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,"x"]}}'),
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}'),
        header(b"[1]"),
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'),
    ],
    ids=["endless", "deep", "text", "negative", "list", "cut"],
)
def test_a_header_that_lies(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    error = refused(check_checkpoint, folder, "unreadable_checkpoint")
    assert error.file == f"given/ckpt/{WEIGHTS}"
