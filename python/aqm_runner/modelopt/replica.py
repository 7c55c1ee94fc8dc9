"""One of the further processes that score one set of batches together: see `peers`."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from modelopt.torch.quantization.algorithms import QuantRecipe
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.peers import Calls, calls_of, on_device, rows_of
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import Scorer, Setting
from aqm_runner.modelopt.shared_calibration import Ranges
from aqm_runner.modelopt.shared_scoring import in_row
from aqm_runner.runner.places import Place
from aqm_runner.runner.replica_context import ReplicaContext, attempted


@dataclass(frozen=True)
class Task:
    """What a replica does.

    Attributes:
        checkpoint: The model's folder.
        dtype: "float32" or "bfloat16".
        setting: How to score its batches.
        batches: Its share, those that are scored first.
        formats: Name, config and recipe of each.
    """

    checkpoint: Place
    dtype: str
    setting: Setting
    batches: list[Batch]
    formats: list[tuple[str, dict[str, Any], QuantRecipe]]


@dataclass(frozen=True)
class Scored:
    """What a replica found.

    Attributes:
        rows: As `rows_of` returns them.
        calls: As `calls_of` returns them.
        gpu_peak: Bytes of its device, None on a CPU.
    """

    rows: list[torch.Tensor | None]
    calls: list[int]
    gpu_peak: int | None


@dataclass(frozen=True)
class Failed:
    """Why a replica has no answer: the attributes of a RunnerError."""

    error: dict[str, Any]


class Replica(ReplicaContext):
    """Scores the batches of one task after the other; the runner hears of nothing but its answers.

    Args:
        channel: A `runner.channel.Channel` to the runner.
    """

    add = staticmethod(in_row)

    def __init__(self, channel: Any) -> None:
        super().__init__(channel)
        self._channel = channel
        self._found: Scored | None = None

    def serve(self) -> None:
        """Takes tasks until the runner ends, and this process with it."""
        while True:
            task = self._channel.receive()
            answer, error = attempted(partial(self._score, task))
            release_memory(self.device)
            self._channel.send(answer if error is None else Failed(vars(error)))

    def merged(self, own: Ranges) -> Ranges:
        """See `Peers`."""
        self._channel.send(on_device(own, "cpu"))
        return on_device(self._channel.receive(), self.device)

    def complete(self, model: nn.Module, recipes: list[QuantRecipe], calls: Calls) -> None:
        """Takes what was found out of the model; the runner is told once all was checked."""
        peak = self._channel.meter.peaks()["peak_gpu_memory_bytes"]
        self._found = Scored(rows_of(model, recipes), calls_of(model, calls), peak)

    def _score(self, task: Task) -> Scored | None:
        make_deterministic(self.device)
        self._channel.meter.reset()
        formats = [Format(*each) for each in task.formats]
        model = load_model(task.checkpoint, task.dtype, self.device)
        Scorer(self, task.setting, self).score(model, Loader(task.batches, self.device), formats)
        return self._found
