"""Search for an accuracy goal, on a model that is a formula."""

import json
from pathlib import Path

import numpy as np
import pytest
from harness import place
from search_model import FORMATS, LOSS, Model, by_rate, run, with_goal

from aqm_runner.runner.failures import RunnerError
from aqm_runner.search.document import search_document
from aqm_runner.search.goal import fewest
from aqm_runner.search.judge import Judge
from aqm_runner.search.ledger import Figure
from aqm_runner.search.problem import Begin, Goal, Problem
from aqm_runner.search.searching import check_bound

SEEDS = range(6)
# Of 12 groups: all of 4 bits lose some 0.01.
KL = Goal("kl", 0.006, 0.95)
PARAMS = {"scope": "lm", "candidates": [], "measurements": 1, "seed": 1}


def exact(model: Model) -> Problem:
    return with_goal(model, KL, ("alone", model.loss.tolist()))


@pytest.mark.parametrize("seed", SEEDS)
def test_bisection_finds_the_smallest_plan_of_a_frontier_on_which_losses_fall(seed):
    model = Model(12, seed, together=0, apart=0)
    problem = exact(model)
    met = [
        index
        for index, point in enumerate(problem.frontier)
        if model.measure("confirm", problem.formats(point.choice)).high <= KL.bound
    ]
    assert 0 < met[0] < len(problem.frontier) - 1
    model.calls.clear()
    found, ledger = run(model, problem, fewest(problem))
    assert found.began == f"frontier_{met[0]}"
    assert found.met is True
    asked = [set_ for set_, _ in model.calls].count("confirm")
    assert asked <= len(problem.frontier).bit_length()
    assert ledger.measured <= fewest(problem)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_two_frontiers_the_smaller_plan_is_taken_and_the_second_is_searched_below_it(seed):
    model = Model(12, seed, together=0, apart=0)
    wrong = model.loss[::-1].tolist()
    both = with_goal(model, KL, ("scores", wrong), ("alone", model.loss.tolist()))
    sizes = []
    for problem in (both, with_goal(model, KL, ("scores", wrong)), exact(model)):
        found, _ = run(model, problem, fewest(problem))
        assert found.met
        begun = problem.frontier[int(found.began.removeprefix("frontier_"))]
        sizes.append(problem.cost(begun.choice))
    assert sizes[0] <= min(sizes[1:])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("most", [20, 150])
def test_moves_never_leave_the_goal_nor_make_the_plan_larger(seed, most):
    model = Model(12, seed, together=1)
    problem = exact(model)
    found, ledger = run(model, problem, most)
    assert ledger.measured <= most
    judge = Judge(KL)
    begun = problem.frontier[int(found.began.removeprefix("frontier_"))].choice
    before, size = begun, problem.cost(begun)
    value = {name: model.value(name, problem.formats(begun)) for name in ("search", "confirm")}
    for step in found.steps:
        assert step.before == before
        at = step.after
        assert judge.meets(at.confirm)
        cost = problem.cost(at.choice)
        shrinks = cost < size and at.search.value <= KL.bound
        better = at.search.value < value["search"] and at.confirm.value <= value["confirm"]
        assert cost <= size
        assert shrinks or better
        before, size = at.choice, cost
        value = {"search": at.search.value, "confirm": at.confirm.value}
    assert found.at.choice == before
    assert judge.meets(found.at.confirm)


def test_moves_find_smaller_plans_than_bisection():
    smaller = []
    for seed in SEEDS:
        model = Model(12, seed, together=1)
        problem = exact(model)
        found, _ = run(model, problem, 150)
        begun = problem.frontier[int(found.began.removeprefix("frontier_"))].choice
        smaller.append(problem.cost(found.at.choice) / problem.cost(begun))
    assert max(smaller) <= 1
    assert sum(ratio < 0.99 for ratio in smaller) >= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_a_longer_search_begins_with_the_measurements_of_a_shorter_one(seed):
    orders, ends = [], []
    for most in (12, 31, 90):
        model = Model(12, seed, together=1)
        found, _ = run(model, exact(model), most)
        orders.append(model.calls)
        ends.append(found)
    assert len({*orders[-1]}) == len(orders[-1])
    for order, found in zip(orders, ends, strict=True):
        assert order == orders[-1][: len(order)]
        assert found.steps == [step for step in ends[-1].steps if step.measured <= len(order)]


def test_where_no_plan_meets_the_goal_the_nearest_one_is_said_and_the_search_is_over():
    model = Model(8, 0)
    goal = Goal("kl", 1e-9, 0.95)
    problem = with_goal(model, goal, ("alone", model.loss.tolist()))
    found, ledger = run(model, problem, 200)
    assert (found.began, found.met, found.exhausted, found.tried) == (None, False, False, 0)
    assert ledger.measured <= fewest(problem)
    assert found.starts[-1].name == "least_alone"
    measured = [formats for set_, formats in model.calls if set_ == "confirm"]
    nearest = min(measured, key=lambda formats: model.value("confirm", formats))
    assert problem.formats(found.at.choice) == nearest
    assert found.at.search.value == model.value("search", nearest)


def test_moves_from_the_smallest_plan_end_when_all_were_tried():
    model = Model(3, 0)
    goal = Goal("kl", 1.0, 0.95)
    found, ledger = run(model, with_goal(model, goal, ("alone", model.loss.tolist())), 10_000)
    assert found.exhausted
    assert set(found.at.choice) == {FORMATS.index("W3")}
    assert ledger.measured < 20


@pytest.mark.parametrize(
    ("figure", "bound", "met", "unmet"),
    [
        ("kl", 0.01, Figure(0.02, 0.001, 0.01), Figure(0.005, 0.001, 0.0101)),
        ("logit_mse", 2.0, Figure(1.0, 0.5, 2.0), Figure(1.0, 0.5, 2.1)),
        ("perplexity_ratio", 1.05, Figure(1.0, 0.9, 1.05), Figure(1.0, 0.99, 1.06)),
        ("top1_agreement", 0.9, Figure(0.95, 0.9, 0.99), Figure(0.95, 0.89, 0.99)),
    ],
)
def test_the_end_of_the_interval_counts_that_is_worse(figure, bound, met, unmet):
    judge = Judge(Goal(figure, bound, 0.95))
    assert judge.meets(met)
    assert not judge.meets(unmet)
    worse, better = (0.8, 0.95) if figure == "top1_agreement" else (bound * 2, bound * 0.9)
    assert judge.holds(Figure(bound))
    assert judge.holds(Figure(better))
    assert not judge.holds(Figure(worse))
    assert judge.loss(Figure(worse)) > judge.loss(Figure(better))
    unmoved = {"top1_agreement": 1.0, "perplexity_ratio": 1.0}.get(figure, 0.0)
    assert judge.loss(Figure(unmoved)) == 0


def test_a_goal_of_agreement_is_met_from_below():
    """Agreement is 1 - 20 KL here, so that the goal is that of a KL."""
    model = Model(10, 2, together=0)

    class Agreeing(Model):
        def measure(self, set_, formats):
            value = model.value(set_, formats)
            self.calls.append((set_, formats))
            return Figure(1 - 20 * value, 1 - 22 * value, 1 - 18 * value)

    goal = Goal("top1_agreement", 0.9, 0.95)
    losses = model.loss.tolist()
    found, _ = run(Agreeing(10, 2), with_goal(model, goal, ("alone", losses)), 120)
    assert found.met
    assert found.at.confirm.low >= 0.9
    as_kl = with_goal(model, Goal("kl", 0.1 / 20, 0.95), ("alone", losses))
    assert run(model, as_kl, 120)[0].at.choice == found.at.choice


def test_a_bound_that_bisection_may_exceed_is_refused(tmp_path):
    model = Model(5, 0)
    groups = model.groups()
    points = tuple(
        Begin("scores", by_rate(groups, model.loss.tolist(), rate)) for rate in (1e-5, 1e-7, 1e-8)
    )
    problem = Problem("bits", groups, {}, None, KL, (), points)
    given = place(tmp_path / "problem.json", "file")
    check_bound(problem, 4, given)
    with pytest.raises(RunnerError) as caught:
        check_bound(problem, 3, given)
    assert (caught.value.class_, caught.value.reason) == ("bad_request", "too_few_measurements")
    assert caught.value.file in caught.value.message
    assert "search.measurements to 4 at least" in caught.value.next_step
    assert "conf/scheme/<name>.yaml" in caught.value.next_step


class Alike(Model):
    """A goal can be met by quantizing one group only, and scores do not know which one."""

    def __init__(self) -> None:
        super().__init__(6, 0, together=0, apart=0)
        self.sizes[:] = [1000, 2000, 3000, 4000, 5000, 6000]
        self.loss = np.outer([1, 1, 1, 1e-6, 1, 1], LOSS)


def test_a_goal_that_only_the_group_that_loses_least_meets_is_met_by_it():
    model = Alike()
    goal = Goal("kl", 1e-6, 0.95)
    wrong = np.outer([1e-3, 1, 1, 10, 1, 1], LOSS) * 1e-3
    problem = with_goal(model, goal, ("scores", wrong.tolist()))
    assert all(
        model.value("confirm", problem.formats(each.choice)) > 1e-6 for each in problem.frontier
    )
    check_bound(problem, fewest(problem), place(Path("problem.json"), "file"))
    found, ledger = run(model, problem, fewest(problem))
    assert (found.began, found.met) == ("least_alone", True)
    assert ledger.measured <= fewest(problem)
    assert found.starts[-1].name == "least_alone"
    found, _ = run(model, problem, 100)
    formats = problem.formats(found.at.choice)
    assert formats[3] in ("W4", "W3", "W8")
    assert {*formats[:3], *formats[4:]} == {"NONE"}
    assert found.at.confirm.high <= goal.bound


@pytest.mark.parametrize("seed", [2, 12, 14])
def test_starts_are_the_plans_that_bisection_judged_also_where_moves_reach_others(seed):
    model = Model(5, seed, together=3, apart=1)
    wrong = model.loss[::-1].tolist()
    problem = with_goal(model, KL, ("scores", wrong), ("alone", model.loss.tolist()))
    short, _ = run(model, problem, fewest(problem))
    long, ledger = run(model, problem, 1000)
    assert long.starts == short.starts
    judged = [start.choice for start in long.starts]
    frontier = {point.choice for point in problem.frontier}
    assert any(ledger.known("confirm", each) for each in frontier - {*judged})
    told = json.loads(search_document("op", PARAMS, {}, {}, problem, ledger, long))
    assert [each["formats"] for each in told["starts"]] == [
        list(problem.formats(choice)) for choice in judged
    ]
    assert [each["name"] for each in told["starts"] if each["search"]] == [told["began"]]
