"""Copies of a checkpoint that are changed until they must be refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.places import Place

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# As rules/checkpoint.ts says it; a test there compares.
TAKEN = ("*.json", "*.safetensors", "*.jinja", "merges.txt", "vocab.txt")


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_text()) if path.exists() else {}
    change(document)
    path.write_text(json.dumps(document))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def refused(step: Callable[[Place], Any], folder: Path, reason: str) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        step(Place(folder, "folder", "given/ckpt", TAKEN))
    error = caught.value
    assert (error.class_, error.reason) == ("gate_failed", reason), error.message
    assert error.file.startswith("given/ckpt")
    assert error.next_step
    return error
