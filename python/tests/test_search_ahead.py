"""A search that says which plans come next measures what one does that says nothing."""

from typing import Any

import pytest
from search_model import Model, limited, with_goal

from aqm_runner.search.ledger import Figure, Ledger, Set
from aqm_runner.search.problem import Goal, Problem
from aqm_runner.search.searching import search
from aqm_runner.search.state import Found

Plan = tuple[str, ...]


def problem_of(model: Model, kind: str, seed: int) -> Problem:
    if kind == "limit":
        return limited(model, 4.5, seed)
    return with_goal(model, Goal("kl", 0.006, 0.95), ("alone", model.loss.tolist()))


class Told:
    """Measures plans of a model, and notes in order what was expected and what was asked for."""

    def __init__(self, model: Model) -> None:
        self.notes: list[tuple[str, Any]] = []
        self._model = model

    def expect(self, set_: Set, plans: list[Plan]) -> None:
        assert set_ == "search"
        self.notes.append(("expected", plans))

    def measure(self, set_: Set, formats: Plan) -> Figure:
        self.notes.append((set_, formats))
        return self._model.measure(set_, formats)


def ran(told: Told, problem: Problem, most: int, at_once: int) -> tuple[Found, Ledger]:
    ledger = Ledger(problem, told.measure, most, at_once=at_once, expect=told.expect)
    return search(problem, ledger, 1), ledger


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["limit", "goal"])
@pytest.mark.parametrize(("groups", "most"), [(12, 40), (12, 41), (4, 4000)])
def test_what_is_expected_comes_unless_a_move_is_kept(kind, seed, groups, most):
    model = Model(groups, seed, together=2)
    problem = problem_of(model, kind, seed)
    alone, ledger_alone = ran(Told(model), problem, most, 1)
    calls = list(model.calls)
    for at_once in (2, 3, 7):
        model.calls.clear()
        told = Told(model)
        found, ledger = ran(told, problem, most, at_once)
        assert (vars(found), ledger.searched) == (vars(alone), ledger_alone.searched)
        assert model.calls == calls
        kept = {problem.formats(step.after.choice) for step in found.steps}
        searched = [plan for what, plan in told.notes if what == "search"]
        seen = wrong = 0
        for what, plans in told.notes:
            if what == "search":
                seen += 1
            elif what == "expected":
                assert len(plans) < at_once
                come = searched[seen + 1 : seen + 1 + len(plans)]
                # The plan that comes next, or one of those expected, may be kept; the rest is void.
                until = next(
                    (at for at, plan in enumerate(searched[seen:]) if plan in kept), len(searched)
                )
                assert come[:until] == plans[:until][: len(come)]
                wrong += len(plans[until:])
        assert seen == len(searched)
        if kind == "limit" and most == 40:
            expected = [plans for what, plans in told.notes if what == "expected"]
            assert max(map(len, expected)) == at_once - 1
            assert wrong < sum(map(len, expected)) / 2


class Rounds:
    """Counts rounds, in each of which so many devices measure a plan each; see `_Measuring`."""

    def __init__(self, model: Model, at_once: int) -> None:
        self.rounds = 0
        self._model = model
        self._at_once = at_once
        self._expected: list[Plan] = []
        self._there: set[Plan] = set()

    def expect(self, _set: Set, plans: list[Plan]) -> None:
        self._expected = plans

    def measure(self, set_: Set, formats: Plan) -> Figure:
        if set_ == "search" and formats in self._there:
            self._there.remove(formats)
        else:
            self.rounds += 1
            self._there |= {*self._expected[: self._at_once - 1]}
        return self._model.measure(set_, formats)


@pytest.mark.parametrize(("kind", "least"), [("limit", 3.0), ("goal", 1.7)])
def test_four_devices_search_faster_than_one(kind, least):
    model = Model(60, 1)
    problem = problem_of(model, kind, 1)
    counted = Rounds(model, 4)
    ledger = Ledger(problem, counted.measure, 300, at_once=4, expect=counted.expect)
    search(problem, ledger, 1)
    assert ledger.measured == 300
    assert ledger.measured / counted.rounds > least
