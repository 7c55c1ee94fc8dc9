"""The further devices of a job that measures plans.

Each has a process with the same model, calibrated on the same data, so that a plan has the same
bits there (`replica`). The runner never waits for one to get ready, and what a process fails in is
measured by the runner itself, which fails as it would have failed alone.
"""

import itertools
from collections.abc import Hashable
from typing import Any

from aqm_runner.modelopt.quality.devices.replica import Begin, Question, Sent, Told
from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.runner.failures import RunnerError

# Every message has a number: a process may still answer a question of an earlier job.
_NUMBERS = itertools.count()


class _Other:
    """One further process.

    Attributes:
        replica: A `runner.replicas.Replica`.
        ready: Whether it has its model.
        unanswered: Names of questions that it was asked, by the number of the message; that of
            `Begin` is None.
    """

    def __init__(self, replica: Any) -> None:
        self.replica = replica
        self.ready = False
        self.unanswered: dict[int, Hashable] = {}

    def send(self, name: Hashable, message: Any) -> None:
        """Sends a message. Raises RunnerError where the process has ended."""
        sent = Sent(next(_NUMBERS), message)
        self.unanswered[sent.number] = name
        self.replica.send(sent)


class Others:
    """Processes that are asked beside this one.

    Args:
        context: Has the replicas; warned, and told of memory.
        begin: Which model they are to have. They begin at once.
        most: How many of them are of use.

    Attributes:
        lost: Names of questions that were asked and that nobody will answer.
    """

    def __init__(self, context: Any, begin: Begin, most: int) -> None:
        self._context = context
        self._there: list[_Other] = []
        self._answers: dict[Hashable, Any] = {}
        self.lost: list[Any] = []
        for replica in [each for each in context.replicas if not each.ended][: max(most, 0)]:
            other = _Other(replica)
            self._there.append(other)
            self._send(other, None, begin)

    @property
    def answered(self) -> int:
        """How many answers wait to be taken."""
        return len(self._answers)

    @property
    def ready(self) -> int:
        """How many processes have their model."""
        return sum(each.ready for each in self._there)

    def can_take(self, most: int) -> bool:
        """Returns whether a process is ready that has fewer than `most` questions to answer."""
        self._hear()
        return any(each.ready and len(each.unanswered) < most for each in self._there)

    def ask(self, name: Hashable, question: Question) -> None:
        """Asks the process that has the least to do, after `can_take`; does not wait.

        Args:
            name: By which the answer is taken; no other question has it.
            question: What is asked.
        """
        ready = [each for each in self._there if each.ready]
        self._send(min(ready, key=lambda each: len(each.unanswered)), name, question)

    def was_asked(self, name: Hashable) -> bool:
        """Returns whether a process has answered a question, or will."""
        asked = any(name in each.unanswered.values() for each in self._there)
        return asked or name in self._answers

    def has_answered(self, name: Hashable) -> bool:
        """Returns whether an answer waits to be taken."""
        return name in self._answers

    def take(self, name: Hashable, question: Question, model: MeasuredModel) -> Any:
        """Returns an answer; waits for it, or answers here where no process does.

        Args:
            name: As it was asked by.
            question: What was asked.
            model: That of this process.

        Raises:
            RunnerError: What the question fails with here.
        """
        for other in list(self._there):
            while name in other.unanswered.values():
                self._receive(other)
        if name in self._answers:
            return self._answers.pop(name)
        if name in self.lost:
            self.lost.remove(name)
        return question.answer(model)

    def _hear(self) -> None:
        """Takes in what they have told, without waiting."""
        for other in list(self._there):
            while other.unanswered and other.replica.has_told():
                self._receive(other)

    def _send(self, other: _Other, name: Hashable, message: Any) -> None:
        try:
            other.send(name, message)
        except RunnerError as error:
            self._lose(other, error.message)

    def _receive(self, other: _Other) -> None:
        try:
            told: Told = other.replica.receive()
        except RunnerError as error:
            self._lose(other, error.message)
            return
        if told.number not in other.unanswered:
            return
        name = other.unanswered.pop(told.number)
        self._context.note_gpu_memory(told.gpu_peak)
        if name is None:
            other.ready = told.error is None
        elif told.error is None:
            self._answers[name] = told.answer
        else:
            self.lost.append(name)
        if told.error is not None and (name is None or not told.sound):
            self._lose(other, f"{other.replica.name}: {told.error}")

    def _lose(self, other: _Other, why: str) -> None:
        self.lost += [name for name in other.unanswered.values() if name is not None]
        other.unanswered.clear()
        self._there.remove(other)
        other.replica.end()
        self._context.warning(
            "measured_without_a_device",
            f"Measuring plans goes on without one device of the job: {why}.",
        )
