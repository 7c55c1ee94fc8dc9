"""Several processes that measure plans find the bytes of one.

On a CPU each device is a word: what a replica does is the same on a GPU, which it has to itself.
"""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import PATIENCE, FakeContext, run_op
from material import measuring, searching
from plan_files import groups_of, in_turn, write_plans
from quality_runs import judge
from test_plan_quality_trips import changed, drop_group

from aqm_runner.modelopt.quality import judging
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


class Patient(FakeContext):
    """Measures no plan before the replicas have something to tell; counts what they told."""

    told = 0

    def phase(self, name: str, total: int | None) -> None:
        super().phase(name, total)
        if name in ("measure", "search"):
            for replica in self.replicas:
                assert replica._pipe.poll(PATIENCE)

    def note_gpu_memory(self, peak: int | None) -> None:
        self.told += 1


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
        context = Patient(replicas=replicas[:count])
        folder = tmp_path / f"{1 + count}"
        several = judge(params, inputs, plans, folder, context=context)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
        for name, outcome in several.items():
            assert outcome.facts == one[name].facts
            assert str(outcome.error) == str(one[name].error)
        assert several["odd"].error is not None
        assert context.warnings == []
        assert context.told > count + 3  # that they are ready, and answers
        assert context.phases[-1] == ("measure", measured + 1)  # and the plan that does not fit
        steps = context.steps[-measured - 1 :]
        assert steps == sorted(steps)
        assert steps[-2:] == [measured, measured + 1]


def test_a_lone_plan_needs_no_other_process(quality_inputs, tmp_path):
    inputs = quality_inputs["lm"]
    groups = groups_of(inputs["checkpoint"], "lm")
    plan = write_plans(tmp_path / "one.json", groups, one=in_turn(groups, "FP8"))
    nobody: Any = SimpleNamespace(ended=False)  # a message to it would be an error
    context = FakeContext(replicas=(nobody,))
    outcomes = judge(measuring("lm", "FP8"), inputs, [plan], tmp_path / "found", context=context)
    assert outcomes["one"].error is None


@pytest.mark.parametrize("which", ["limit", pytest.param("goal", marks=pytest.mark.engines)])
def test_a_search_has_the_bytes_of_one_process(search_inputs, replicas, tmp_path, which):
    params = searching("lm", "INT4_WEIGHTS", "FP8", measurements=24)
    found = {}
    for count in (0, 1, 2):
        context = Patient(replicas=replicas[:count])
        folder = tmp_path / str(count)
        facts = run_op("measured_search", params, search_inputs[which], folder, context)
        found[count] = (facts, context.steps, (folder / "search").read_bytes())
        assert context.warnings == []
        assert count == 0 or context.told > count
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
