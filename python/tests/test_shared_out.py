"""Who answers which question, where processes get ready late, fail, or end."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from harness import FakeContext

from aqm_runner.modelopt.quality.devices.others import Others
from aqm_runner.modelopt.quality.devices.replica import Sent, Told
from aqm_runner.modelopt.quality.devices.shared_out import SharedOut
from aqm_runner.runner.failures import BUG, RunnerError


class Answering:
    """Stands for a process that tells what it is given, one message after the other.

    It first tells of a question of an earlier job.
    """

    name = "GPU 7"

    def __init__(self, tells: list[Told | Exception]) -> None:
        self.ended = False
        self.heard: list[Any] = []
        self._numbers: list[int] = [-1]
        self._tells = [Told(-1, "stale", None, True, None), *tells]

    def send(self, sent: Sent) -> None:
        self._numbers.append(sent.number)
        self.heard.append(sent.message)

    def has_told(self) -> bool:
        return bool(self._tells)

    def receive(self) -> Any:
        told = self._tells.pop(0)
        if isinstance(told, Exception):
            raise told
        return replace(told, number=self._numbers.pop(0))

    def end(self) -> None:
        self.ended = True


class Asked:
    """A question that is answered here by its own number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def answer(self, _model: Any) -> str:
        return f"{self.number} here"


def told(answer: str) -> Told:
    return Told(0, answer, None, True, None)


READY = Told(0, None, None, True, None)
LOST = RunnerError(BUG, "replica_ended", "the process on GPU 7 ended with code 1")
GATE = Told(0, None, "its logits are no numbers", True, None)
NO_ROOM = Told(0, None, "CUDA out of memory", False, None)
ALL_HERE = ["0 here", "1 here", "2 here", "3 here"]
# What the other process tells, then the answers to four questions, of which it is asked the last
# three, the last one first, once it is ready; and why it was ended.
ENDS: dict[str, tuple[list[Any], list[str], str]] = {
    "it answers": ([READY, told("a"), told("b"), told("c")], ["0 here", "c", "b", "a"], ""),
    "it is not ready in time": ([], ALL_HERE, ""),
    "a gate stops one": ([READY, told("a"), GATE, told("c")], ["0 here", "c", "2 here", "a"], ""),
    "it fails in one": (
        [READY, told("a"), NO_ROOM, told("c")],
        ["0 here", "1 here", "2 here", "a"],
        "GPU 7: CUDA out of memory",
    ),
    "it has no room for the model": ([NO_ROOM], ALL_HERE, "GPU 7: CUDA out of memory"),
    "it ends": ([READY, LOST], ALL_HERE, "the process on GPU 7 ended with code 1"),
    "it ends before it is ready": ([LOST], ALL_HERE, "the process on GPU 7 ended with code 1"),
}
BEGIN: Any = None
MODEL: Any = None


@pytest.mark.parametrize("case", ENDS)
def test_what_another_process_does_not_answer_is_answered_here(case):
    tells, expected, why = ENDS[case]
    other: Any = Answering(list(tells))
    context = FakeContext(replicas=(other,))
    shared = SharedOut(Others(context, BEGIN, 3), MODEL, [Asked(number) for number in range(4)])
    found = []
    for number in range(4):
        found.append(shared.take(number))
        assert shared.answered >= len(found)
    assert found == expected
    assert shared.answered == 4
    assert context.warnings == ["measured_without_a_device"] * bool(why)
    assert why in "".join(context.messages)
    assert other.ended == bool(why)


def test_what_a_lost_process_was_asked_comes_last_and_what_is_left_out_not_at_all():
    """What ended it may end this process too: all that comes before is to be told by then."""
    order: list[int] = []

    class Noted(Asked):
        def answer(self, model: Any) -> str:
            order.append(self.number)
            return super().answer(model)

    other: Any = Answering([READY, NO_ROOM])
    context = FakeContext(replicas=(other,))
    shared = SharedOut(Others(context, BEGIN, 1), MODEL, [Noted(number) for number in range(9)])
    assert shared.take(0) == "0 here"
    assert [each.number for each in other.heard[1:]] == [8]
    shared.leave_out([3, 7])
    for number in (1, 2, 4, 5, 6, 8):
        assert shared.take(number) == f"{number} here"
    assert order == [0, 1, 2, 4, 5, 6, 8]


class Living:
    """Stands for a process that tells when it likes, refuses some questions, and may end.

    Args:
        random: Decides.
        spoilt: Of its messages, so many in a hundred end it, or are not answered.
    """

    name = "GPU 1"

    def __init__(self, random: Random, spoilt: int) -> None:
        self.ended = False
        self.answered: list[int] = []
        self._random = random
        self._spoilt = spoilt
        self._sent: list[Sent] = []

    def send(self, sent: Sent) -> None:
        if self._random.randrange(300) < self._spoilt:
            raise LOST
        self._sent.append(sent)

    def has_told(self) -> bool:
        return bool(self._sent) and self._random.random() < 0.5

    def receive(self) -> Told:
        number, message = vars(self._sent.pop(0)).values()
        chance = self._random.randrange(100)
        if chance < self._spoilt:
            raise LOST
        if message is BEGIN:
            return replace(READY, number=number)
        if isinstance(message, Refused):
            return replace(GATE, number=number)
        if chance < 3 * self._spoilt:
            return replace(GATE if chance < 2 * self._spoilt else NO_ROOM, number=number)
        self.answered.append(message.number)
        return Told(number, f"{message.number} there", None, True, None)

    def end(self) -> None:
        self.ended = True


class Refused(Asked):
    """A question that a gate refuses."""

    def answer(self, _model: Any) -> str:
        raise RunnerError("gate_failed", "refused", str(self.number))


@pytest.mark.parametrize("seed", range(300))
def test_every_question_has_its_answer_whatever_becomes_of_processes(seed):
    random = Random(seed)
    spoilt = random.choice([0, 0, 1, 5, 20])
    processes = [Living(random, spoilt) for _ in range(random.randrange(5))]
    context = FakeContext(replicas=tuple(processes))  # type: ignore[arg-type]
    count, parts = random.randrange(40), []
    while sum(parts) < count:
        parts.append(random.randrange(1, 9))
    questions = [
        (Refused if random.randrange(15) == 0 else Asked)(number) for number in range(sum(parts))
    ]
    shared = SharedOut(Others(context, BEGIN, 9), MODEL, questions)  # type: ignore[arg-type]
    taken, first, before = 0, 0, 0
    for part in parts:  # as a job takes answers, document by document
        for number in range(first, first + part):
            if isinstance(questions[number], Refused):
                with pytest.raises(RunnerError, match=str(number)):
                    shared.take(number)
                shared.leave_out(range(number + 1, first + part))
                break
            answer = shared.take(number)
            where = answer.removeprefix(f"{number} ")
            assert where in ("here", "there")
            assert (where == "there") == any(number in each.answered for each in processes)
            taken += 1
            assert before <= shared.answered <= len(questions)
            before = shared.answered
        first += part
    asked = [number for each in processes for number in each.answered]
    assert len(set(asked)) == len(asked)
    ended = [each for each in processes if each.ended]
    assert context.warnings == ["measured_without_a_device"] * len(ended)
    if not spoilt:
        assert not ended
