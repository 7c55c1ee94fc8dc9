"""The further devices of a job that measures plans.

Each has a process with the same model, calibrated on the same data, so that a plan has the same
bits there (`replica`). A process that fails in anything leaves that to the runner, which measures
what is missing itself, and fails as it would have failed alone.
"""

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.modelopt.quality.replica import Begin, Question, Sent, Told
from aqm_runner.runner.failures import RunnerError

# Each message has a number: of an earlier job a process may still have something to tell.
_NUMBERS = itertools.count()


class Others:
    """Processes that are asked beside this one.

    Args:
        context: Has the replicas; warned, and told of memory.
        begin: Which model they are to have. They begin at once.
        most: How many of them are of use.
    """

    def __init__(self, context: Any, begin: Begin, most: int) -> None:
        self._context = context
        there = [each for each in context.replicas if not each.ended]
        self._replicas = there[: max(most, 0)]
        # What each has been sent and has not told of yet, by number; None is `begin`.
        self._sent: list[dict[int, Hashable]] = [{} for _ in self._replicas]
        self._known: dict[Hashable, Any] = {}
        for number in range(len(self._replicas)):
            self._send(number, None, begin)

    @property
    def count(self) -> int:
        """How many there are, those that failed among them."""
        return len(self._replicas)

    @property
    def known(self) -> int:
        """How many questions were answered and not taken."""
        return len(self._known)

    def ask(self, number: int, name: Hashable, question: Question) -> None:
        """Asks one of them; does not wait.

        Args:
            number: Which one.
            name: By which the answer is taken; no other question has it.
            question: What is asked.
        """
        if not self._replicas[number].ended:
            self._send(number, name, question)

    def was_asked(self, name: Hashable) -> bool:
        """Returns whether one of them has answered a question, or is to."""
        return name in self._known or any(name in sent.values() for sent in self._sent)

    def hear(self) -> None:
        """Takes in what they have told, without waiting."""
        for number, replica in enumerate(self._replicas):
            while self._sent[number] and replica.has_told():
                self._receive(number)

    def take(self, name: Hashable, question: Question, model: MeasuredModel) -> Any:
        """Returns an answer; waits for it, or answers here where none of them does.

        Args:
            name: As it was asked by.
            question: What was asked.
            model: That of this process.

        Raises:
            RunnerError: What the question fails with here.
        """
        for number, sent in enumerate(self._sent):
            while name in sent.values():
                self._receive(number)
        return self._known.pop(name) if name in self._known else question.answer(model)

    def _send(self, number: int, name: Hashable, message: Any) -> None:
        sent = Sent(next(_NUMBERS), message)
        try:
            self._replicas[number].send(sent)
        except RunnerError as error:
            self._lose(number, error.message)
        else:
            self._sent[number][sent.number] = name

    def _receive(self, number: int) -> None:
        try:
            told: Told = self._replicas[number].receive()
        except RunnerError as error:
            self._lose(number, error.message)
            return
        if told.number not in self._sent[number]:
            return
        name = self._sent[number].pop(told.number)
        self._context.note_gpu_memory(told.gpu_peak)
        if name is None and told.error is not None:
            self._lose(number, f"{self._replicas[number].name}: {told.error}")
        elif name is not None and told.error is None:
            self._known[name] = told.answer

    def _lose(self, number: int, why: str) -> None:
        self._sent[number].clear()
        self._replicas[number].end()
        self._context.warning(
            "measured_without_a_device", f"A further device does not measure plans ({why})."
        )


class SharedOut:
    """Questions in a row, of which each process has a part: neighbours stay together.

    Args:
        others: The other processes; each has begun.
        model: That of this process.
        questions: All of them.
    """

    def __init__(self, others: Others, model: MeasuredModel, questions: Sequence[Question]) -> None:
        self._others = others
        self._model = model
        self._questions = questions
        self._answered = 0
        count = 1 + others.count
        starts = [-(-len(questions) * each // count) for each in range(count + 1)]
        for number in range(others.count):
            for index in range(starts[number + 1], starts[number + 2]):
                others.ask(number, index, questions[index])

    @property
    def answered(self) -> int:
        """How many questions are answered, here and elsewhere."""
        self._others.hear()
        return self._answered + self._others.known

    def take(self, index: int) -> Any:
        """Returns the answer to a question, each once. Raises RunnerError."""
        answer = self._others.take(index, self._questions[index], self._model)
        self._answered += 1
        return answer
