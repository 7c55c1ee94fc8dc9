"""Several processes that measure plans find the bytes of one.

On a CPU each device is a word: what a replica does is the same on a GPU, which it has to itself.
"""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import FakeContext, run_op
from material import measuring, searching
from plan_files import groups_of, in_turn, write_plans
from quality_runs import judge
from test_plan_quality_trips import changed, drop_group

from aqm_runner.modelopt.quality import judging
from aqm_runner.modelopt.quality.others import Others, SharedOut
from aqm_runner.modelopt.quality.replica import Begin, Sent, Told
from aqm_runner.runner.failures import BUG, RunnerError
from aqm_runner.runner.replicas import Replica

CANDIDATES = ("INT3", "INT4_WEIGHTS", "FP8")
Inputs = dict[str, dict[str, Path]]


@pytest.fixture(scope="module")
def replicas() -> Iterator[tuple[Replica, ...]]:
    """Two processes beside this one; a test leaves them ready for the next."""
    started = tuple(Replica("plan_quality", "cpu", f"cpu {number}") for number in (1, 2))
    yield started
    for replica in started:
        replica.end()


def documents(inputs: dict[str, Path], scope: str, folder: Path) -> list[Path]:
    """One with every group alone, one that does not fit the model, and two of one plan."""
    groups = groups_of(inputs["checkpoint"], scope)
    alone = {
        f"{format_} {group}": [format_ if group == each else "NONE" for each in groups]
        for format_ in CANDIDATES[:2]
        for group in groups
    }
    folder.mkdir()
    first = write_plans(folder / "first.json", groups, first=in_turn(groups, "FP8", "INT3"))
    return [
        first,
        changed(folder / "odd.json", first, drop_group),
        write_plans(folder / "alone.json", groups, **alone),
        write_plans(folder / "last.json", groups, last=in_turn(groups, "INT3", "NONE", "FP8")),
    ]


@pytest.mark.parametrize("scope", ["lm", pytest.param("all_layers", marks=pytest.mark.engines)])
def test_plans_of_several_documents_have_the_bytes_of_one_process(
    quality_inputs, replicas, tmp_path, scope
):
    inputs = quality_inputs[scope]
    plans = documents(inputs, scope, tmp_path / "plans")
    params = measuring(scope, *CANDIDATES)
    one = judge(params, inputs, plans, tmp_path / "1")
    made = {path.name: path.read_bytes() for path in (tmp_path / "1").iterdir()}
    assert sorted(made) == ["alone", "first", "last"]
    measured = 2 + 2 * len(groups_of(inputs["checkpoint"], scope))
    for count in (1, 2):
        context = FakeContext(replicas=replicas[:count])
        folder = tmp_path / f"{1 + count}"
        several = judge(params, inputs, plans, folder, context=context)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
        for name, outcome in several.items():
            assert outcome.facts == one[name].facts
            assert str(outcome.error) == str(one[name].error)
        assert several["odd"].error is not None
        assert context.warnings == []
        assert context.phases[-1] == ("measure", measured + 1)  # and the plan that does not fit
        steps = context.steps[-measured - 1 :]
        assert steps == sorted(steps)
        assert steps[-2:] == [measured, measured + 1]


def test_a_lone_plan_needs_no_other_process(quality_inputs, tmp_path):
    inputs = quality_inputs["lm"]
    groups = groups_of(inputs["checkpoint"], "lm")
    plan = write_plans(tmp_path / "one.json", groups, one=in_turn(groups, "FP8"))
    nobody: Any = Answering([])
    context = FakeContext(replicas=(nobody,))
    outcomes = judge(measuring("lm", "FP8"), inputs, [plan], tmp_path / "found", context=context)
    assert outcomes["one"].error is None
    assert nobody.heard == []


@pytest.mark.parametrize("which", ["limit", pytest.param("goal", marks=pytest.mark.engines)])
def test_a_search_has_the_bytes_of_one_process(search_inputs, replicas, tmp_path, which):
    params = searching("lm", "INT4_WEIGHTS", "FP8", measurements=24)
    found = {}
    for count in (0, 1, 2):
        context = FakeContext(replicas=replicas[:count])
        folder = tmp_path / str(count)
        facts = run_op("measured_search", params, search_inputs[which], folder, context)
        found[count] = (facts, context.steps, (folder / "search").read_bytes())
        assert context.warnings == []
    assert found[1] == found[2] == found[0]


def test_a_job_goes_on_without_a_process_that_cannot_import(quality_inputs, tmp_path):
    inputs = quality_inputs["lm"]
    plans = documents(inputs, "lm", tmp_path / "plans")
    params = measuring("lm", *CANDIDATES)
    judge(params, inputs, plans, tmp_path / "one")
    context = FakeContext(replicas=(Replica("no_such_op", "cpu", "cpu 1"),))
    judge(params, inputs, plans, tmp_path / "two", context=context)
    for name in ("first", "alone", "last"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert context.warnings == ["measured_without_a_device"]
    assert "the process on cpu 1 ended with code 1" in context.messages[0]


def test_models_of_both_processes_are_gone_after_a_job(quality_inputs, tmp_path, monkeypatch):
    inputs = quality_inputs["lm"]
    models: list[weakref.ref[Any]] = []
    load = judging.load_model

    def loaded(*given: Any) -> Any:
        model = load(*given)
        models.append(weakref.ref(model))
        return model

    monkeypatch.setattr(judging, "load_model", loaded)
    groups = groups_of(inputs["checkpoint"], "lm")
    plans = write_plans(
        tmp_path / "two.json", groups, a=in_turn(groups, "FP8"), b=in_turn(groups, "FP8", "NONE")
    )
    replica = Replica("plan_quality", "cpu", "cpu 1")
    gc.disable()  # it might come by on its own
    try:
        context = FakeContext(replicas=(replica,))
        judge(measuring("lm", "FP8"), inputs, [plans], tmp_path / "found", context=context)
    finally:
        gc.enable()
        replica.end()
    assert [model() for model in models] == [None]


class Answering:
    """Stands for a process that tells what it is given, one message after the other.

    It first tells of a question of an earlier job.
    """

    name = "GPU 7"

    def __init__(self, tells: list[Told | Exception]) -> None:
        self.ended = False
        self.heard: list[Any] = []
        self._numbers: list[int] = [-1]
        self._tells = [Told(-1, "stale", None, None), *tells]

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
        self._number = number

    def answer(self, _model: Any) -> str:
        return f"{self._number} here"


def told(answer: str) -> Told:
    return Told(0, answer, None, None)


READY = Told(0, None, None, None)
LOST = RunnerError(BUG, "replica_ended", "the process on GPU 7 ended with code 1")
NO_ROOM = Told(0, None, "CUDA out of memory", None)
# What the other process tells, then the answers to four questions of which it is asked two.
ENDS: dict[str, tuple[list[Any], list[str], str]] = {
    "it answers": ([READY, told("a"), told("b")], ["0 here", "1 here", "a", "b"], ""),
    "it fails in one": ([READY, NO_ROOM, told("b")], ["0 here", "1 here", "2 here", "b"], ""),
    "it has no room for the model": (
        [NO_ROOM, told("a"), told("b")],
        ["0 here", "1 here", "2 here", "3 here"],
        "GPU 7: CUDA out of memory",
    ),
    "it ends": ([READY, LOST], ["0 here", "1 here", "2 here", "3 here"], "ended with code 1"),
    "it ends later": ([READY, told("a"), LOST], ["0 here", "1 here", "a", "3 here"], "GPU 7 ended"),
}


@pytest.mark.parametrize("case", ENDS)
@pytest.mark.parametrize("listening", [True, False])
def test_what_another_process_does_not_answer_is_answered_here(case, listening):
    tells, expected, why = ENDS[case]
    other: Any = Answering(list(tells))
    context = FakeContext(replicas=(other,))
    begin: Any = Begin({}, None, [], {})  # type: ignore[arg-type]
    others = Others(context, begin, 3)
    model: Any = None
    shared = SharedOut(others, model, [Asked(number) for number in range(4)])
    assert len(other.heard) == 3
    found = []
    for number in range(4):
        found.append(shared.take(number))
        if listening:
            assert shared.answered >= len(found)
    assert found == expected
    assert shared.answered == 4
    assert context.warnings == ["measured_without_a_device"] * bool(why)
    assert why in "".join(context.messages)
    assert other.ended == bool(why)


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_each_question_is_asked_once_and_neighbours_stay_together(count, processes):
    others: list[Any] = [Answering([READY]) for _ in range(processes - 1)]
    context = FakeContext(replicas=tuple(others))
    begin: Any = None
    model: Any = None
    questions = [Asked(number) for number in range(count)]
    SharedOut(Others(context, begin, processes), model, questions)
    sent = [other.heard[1:] for other in others]
    assert [each for part in sent for each in part] == questions[-(-count // processes) :]
    assert all(len(part) <= -(-count // processes) for part in sent)
