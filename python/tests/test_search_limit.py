"""Search within a limit, on a model that is a formula."""

import json
from pathlib import Path

import pytest
from harness import place
from search_model import Model, limited, neighbours, run

from aqm_runner.runner.failures import RunnerError
from aqm_runner.search.document import search_document
from aqm_runner.search.ledger import Ledger
from aqm_runner.search.moves import Chance, Moves
from aqm_runner.search.problem import Begin, Problem
from aqm_runner.search.searching import check_bound, search

SEEDS = range(6)
PARAMS = {"scope": "lm", "candidates": [{"name": "W8"}], "measurements": 0, "seed": 1}


def document(problem: Problem, ledger: Ledger, found) -> str:
    return search_document("measured_search", PARAMS, {}, {}, problem, ledger, found)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("most", [4, 5, 9, 60])
def test_the_plan_is_within_the_limit_and_on_confirm_no_worse_than_any_start(seed, most):
    model = Model(12, seed)
    problem = limited(model, 4.5, seed)
    found, ledger = run(model, problem, most)
    assert ledger.measured <= most
    assert problem.cost(found.at.choice) <= problem.limit
    starts = [model.value("confirm", problem.formats(start.choice)) for start in problem.starts]
    assert found.at.confirm.value <= min(starts)
    assert found.began == problem.starts[starts.index(min(starts))].name
    assert found.met is None


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kept_move_changes_one_or_two_groups_and_is_better_on_both_sets(seed):
    model = Model(12, seed, together=2)
    problem = limited(model, 4.5, seed)
    found, _ = run(model, problem, 200)
    (before,) = (start.choice for start in problem.starts if start.name == found.began)
    assert found.steps
    values = [model.value(name, problem.formats(before)) for name in ("search", "confirm")]
    for step in found.steps:
        assert step.before == before
        changed = sum(a != b for a, b in zip(before, step.after.choice, strict=True))
        assert changed in (1, 2)
        assert problem.cost(step.after.choice) <= problem.limit
        after = [
            model.value(name, problem.formats(step.after.choice)) for name in ("search", "confirm")
        ]
        assert after[0] < values[0]
        assert after[1] <= values[1]
        assert [step.after.search.value, step.after.confirm.value] == after
        before, values = step.after.choice, after
    assert found.at == found.steps[-1].after
    assert len(found.steps) <= found.better <= found.tried


@pytest.mark.parametrize("seed", SEEDS)
def test_a_longer_search_begins_with_the_measurements_of_a_shorter_one(seed):
    orders, ends = [], []
    for most in (4, 17, 18, 90):
        model = Model(12, seed, together=2)
        found, _ = run(model, limited(model, 4.5, seed), most)
        orders.append(model.calls)
        ends.append(found)
    assert len({*orders[-1]}) == len(orders[-1])  # nothing is measured twice
    for order, found in zip(orders, ends, strict=True):
        assert order == orders[-1][: len(order)]
        assert found.steps == [step for step in ends[-1].steps if step.measured <= len(order)]


def test_a_continued_search_gives_the_document_of_one_from_nothing():
    model = Model(12, 3, together=2)
    problem = limited(model, 4.5)
    items: dict = {}

    def kept(set_, formats):
        if (set_, formats) not in items:
            items[set_, formats] = model.measure(set_, formats)
        return items[set_, formats]

    texts = []
    for most in (20, 80):
        ledger = Ledger(problem, kept, most)
        texts.append(document(problem, ledger, search(problem, ledger, 1)))
    found, ledger = run(model, problem, 80)
    assert document(problem, ledger, found) == texts[1] != texts[0]


def test_the_seed_decides_the_moves_and_the_handful_prefers_what_should_lose_less():
    model = Model(12, 0)
    problem = limited(model, 4.5)
    ends = {run(model, problem, 60, seed)[0].at.choice for seed in range(8)}
    assert len(ends) > 1
    start = problem.starts[0].choice
    predicted = []
    for handful in (lambda _, alone: (alone,), lambda _, alone: (-alone,)):
        moves = Moves(problem, start, problem.limit, [])
        chance = Chance(5)
        predicted.append(sum(problem.alone(moves.draw(chance, handful)) for _ in range(40)))
    assert predicted[0] < predicted[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_moves_are_all_plans_of_the_size_that_differ_in_one_group_or_two(seed):
    model = Model(5, seed)
    problem = limited(model, 5)
    start = problem.starts[seed % 2].choice
    expected = neighbours(problem, start, problem.limit)
    seen = [*sorted(expected)[:: seed + 2], (0, 0, 0, 0, 0), start]
    moves, chance, found = Moves(problem, start, problem.limit, seen), Chance(seed), []
    while (plan := moves.draw(chance, lambda _, alone: (alone,))) is not None:
        found.append(plan)
    assert sorted(found) == sorted(expected - {*seen})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_search_that_ends_by_itself_has_left_no_move_that_would_be_kept(seed):
    model = Model(4, seed, together=3, apart=0.4)
    problem = limited(model, 4.5, seed)
    found, ledger = run(model, problem, 10_000)
    assert found.exhausted
    assert ledger.measured < 2 * 4**4
    for plan in neighbours(problem, found.at.choice, problem.limit):
        formats = problem.formats(plan)
        better = model.value("search", formats) < found.at.search.value
        assert not (better and model.value("confirm", formats) <= found.at.confirm.value)


def test_where_all_plans_are_one_move_apart_the_best_of_them_is_found():
    """Two groups, and one set that is as the other: brute force over all plans."""
    for seed in SEEDS:
        model = Model(2, seed, together=3, apart=0)
        problem = limited(model, 6)
        found, _ = run(model, problem, 10_000)
        start = problem.starts[0].choice
        plans = {start, *neighbours(problem, start, problem.limit)}
        best = min(model.value("search", problem.formats(plan)) for plan in plans)
        assert found.at.search.value == best


def test_starts_that_are_one_plan_are_measured_once_and_the_first_is_begun_with():
    model = Model(6, 0)
    problem = limited(model, 4.5)
    same = tuple(Begin(name, problem.starts[1].choice) for name in ("scores", "alone"))
    twice = Problem(problem.unit, problem.groups, {}, problem.limit, None, same, ())
    given = place(Path("problem.json"), "file")
    check_bound(twice, 2, given)
    found, ledger = run(model, twice, 2)
    assert (found.began, ledger.measured, found.exhausted) == ("scores", 2, False)
    with pytest.raises(RunnerError) as caught:
        check_bound(problem, 3, given)
    assert (caught.value.class_, caught.value.reason) == ("bad_request", "too_few_measurements")
    assert "4" in caught.value.next_step


def test_the_document_says_what_was_asked_begun_kept_and_found():
    model = Model(8, 1, together=2)
    problem = limited(model, 4.5)
    found, ledger = run(model, problem, 100)
    told = json.loads(document(problem, ledger, found))
    assert (told["unit"], told["limit"], told["goal"]) == ("bits", problem.limit, None)
    assert told["settings"] == {"measurements": 0, "seed": 1}
    assert told["measured"] == ledger.measured
    assert told["moves"]["kept"] == len(told["steps"]) > 0
    assert [start["name"] for start in told["starts"]] == ["scores", "alone"]
    begun = next(start for start in told["starts"] if start["name"] == told["began"])
    plan = dict(zip(told["groups"], begun["formats"], strict=True))
    for step in told["steps"]:
        for change in step["changes"]:
            assert plan[change["group"]] == change["from"] != change["to"]
            plan[change["group"]] = change["to"]
    assert list(plan.values()) == told["found"]["formats"]
    for each in (told["found"], told["steps"][-1]):
        assert each["confirm"] == vars(found.at.confirm)
        assert each["search"] == {"value": found.at.search.value}
        assert each["cost"] == problem.cost(found.at.choice)
