"""A process on a further device of a job that measures plans: see `others`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from aqm_runner.model.batches import Batch
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.quality.candidates import read_candidates
from aqm_runner.modelopt.quality.judging import unfilled_memory
from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.quality.held_out import HeldOut
from aqm_runner.runner.failures import BUG, GATE_FAILED, RunnerError
from aqm_runner.runner.places import Place
from aqm_runner.runner.replica_context import ReplicaContext, attempted

# From context, params and inputs to calibration data, and to what plans are measured on, by name.
Read = Callable[[Any, dict[str, Any], dict[str, Place]], tuple[list[Batch], dict[str, HeldOut]]]


@dataclass(frozen=True)
class Begin:
    """Which model is measured, on what.

    Attributes:
        params: Of the op.
        inputs: Of the op.
        read: Reads the data; a function that `pickle` finds by its name.
    """

    params: dict[str, Any]
    inputs: dict[str, Place]
    read: Read


class Question(Protocol):
    """What is asked of a model; it must be known to `pickle`, and so must what it answers."""

    def answer(self, model: MeasuredModel) -> Any:
        """Returns the answer, the same in each process. Raises RunnerError."""
        ...


@dataclass(frozen=True)
class Sent:
    """A message to a replica: `Begin` or a question, and its number."""

    number: int
    message: Any


@dataclass(frozen=True)
class Told:
    """What became of a message.

    Attributes:
        number: That of the message.
        answer: To a question that was answered.
        error: Why there is no answer, in words.
        sound: Whether the process can go on: it can after an answer, and where a gate stopped it.
        gpu_peak: Bytes of the process's device, None on a CPU.
    """

    number: int
    answer: Any
    error: str | None
    sound: bool
    gpu_peak: int | None


class Replica:
    """Answers questions of one model after the other, each message by one `Told`.

    Args:
        channel: A `runner.channel.Channel` to the runner.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._context = ReplicaContext(channel)
        self._model: MeasuredModel | None = None

    def serve(self) -> None:
        """Answers until the runner ends, and this process with it."""
        while True:
            sent: Sent = self._channel.receive()
            answer, problem = attempted(partial(self._done, sent.message))
            error = None if problem is None else problem.message
            sound = problem is None or problem.class_ == GATE_FAILED
            peak = self._channel.meter.peaks()["peak_gpu_memory_bytes"]
            self._channel.send(Told(sent.number, answer, error, sound, peak))

    def _done(self, message: Any) -> Any:
        with unfilled_memory():
            if not isinstance(message, Begin):
                return self._answer(message)
            self._begin(message)
            return None

    def _begin(self, begin: Begin) -> None:
        device = self._context.device
        if self._model is not None:
            self._model.close()
            self._model = None
        release_memory(device)
        make_deterministic(device)
        self._channel.meter.reset()
        calibration, sets = begin.read(self._context, begin.params, begin.inputs)
        formats = read_candidates(begin.params["candidates"], device)
        self._model = MeasuredModel(
            self._context, begin.params, begin.inputs, formats, calibration, sets
        )

    def _answer(self, question: Question) -> Any:
        if self._model is None:
            raise RunnerError(BUG, "no_model", "there is no model to ask")
        return question.answer(self._model)
