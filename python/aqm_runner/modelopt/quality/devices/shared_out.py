"""Questions in a row that several processes answer, as quick as each is."""

from collections.abc import Iterable, Sequence
from typing import Any

from aqm_runner.modelopt.quality.devices.others import Others
from aqm_runner.modelopt.quality.devices.replica import Question
from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.runner.failures import RunnerError

# So many questions wait at a process: it goes on while the runner measures and hears nothing.
AT_HAND = 2


class SharedOut:
    """Hands questions to processes as they get ready for more, and answers others itself.

    The runner goes through the row from its beginning, and the others from its end. Towards the
    middle each has fewer at hand, so that none waits for long.

    Args:
        others: The other processes.
        model: That of this process.
        questions: All of them.
    """

    def __init__(self, others: Others, model: MeasuredModel, questions: Sequence[Question]) -> None:
        self._others = others
        self._model = model
        self._questions = questions
        self._here: dict[int, Any] = {}
        self._taken = 0
        # No process has the questions from the first up to the last yet, without the last.
        self._first, self._last = 0, len(questions)
        self._void: set[int] = set()

    def leave_out(self, indices: Iterable[int]) -> None:
        """Says that answers will not be taken."""
        self._void.update(indices)

    @property
    def answered(self) -> int:
        """How many questions are answered, here and elsewhere."""
        return self._taken + len(self._here) + self._others.answered

    def take(self, index: int) -> Any:
        """Returns the answer to a question, each once. Raises RunnerError."""
        while not (index in self._here or self._others.has_answered(index)):
            self._hand_over()
            mine = self._next()
            if mine is None:
                break
            self._here[mine] = self._answer(mine)
        self._taken += 1
        question = self._questions[index]
        answer = (
            self._here.pop(index)
            if index in self._here
            else self._others.take(index, question, self._model)
        )
        if not isinstance(answer, RunnerError):
            return answer
        try:
            raise answer
        finally:
            del answer  # an error that is kept holds this frame, and with it the model

    def _answer(self, index: int) -> Any:
        """Returns an answer, or the error of that question, which is told when it is asked for."""
        try:
            return self._questions[index].answer(self._model)
        except RunnerError as error:
            return error

    def _hand_over(self) -> None:
        """Asks each process so many questions that it has something to go on with."""
        while True:
            while self._last > self._first and self._last - 1 in self._void:
                self._last -= 1
            left = self._last - self._first
            # One is left for this process.
            if left < 2 or not self._others.can_take(min(AT_HAND, self._part(left))):
                return
            self._last -= 1
            self._others.ask(self._last, self._questions[self._last])

    def _part(self, left: int) -> int:
        """Returns how many of so many questions one process has, if all have as many."""
        return -(-left // (1 + self._others.ready))

    def _next(self) -> int | None:
        """Returns a question to answer here; None where the others have all that is left."""
        while self._first < self._last:
            self._first += 1
            if self._first - 1 not in self._void:
                return self._first - 1
        # Not before: what ended a process may end this one, and answers before it are to be told.
        lost = [each for each in self._others.lost if each not in self._void]
        if not lost:
            return None
        self._others.lost.remove(min(lost))
        return min(lost)
