"""A model that costs nothing to measure: what groups lose, and what pairs of them lose together."""

import itertools
import math

import numpy as np

from aqm_runner.search.ledger import Figure, Ledger, Set
from aqm_runner.search.problem import Begin, Choice, Goal, Group, Problem
from aqm_runner.search.searching import search
from aqm_runner.search.state import Found

FORMATS = ("NONE", "W8", "W4", "W3")
BITS = (16.0, 8.0, 4.0, 3.0)
LOSS = (0.0, 0.03, 0.5, 2.0)


class Model:
    """KL of a plan: a sum over groups, plus interactions of pairs; sets differ a little.

    Args:
        groups: How many.
        seed: Of what they are like.
        together: How strong interactions are.
        apart: How much sets differ.

    Attributes:
        calls: What was measured, in that order.
    """

    def __init__(self, groups: int, seed: int, together: float = 0.5, apart: float = 0.2) -> None:
        random = np.random.default_rng(seed)
        self.sizes = random.integers(1, 6, groups) * 1000.0
        self.loss = np.outer(np.exp(random.normal(0, 1, groups)) * 1e-3, LOSS)
        pairs = random.normal(0, together, (groups, groups))
        self._pairs = (pairs + pairs.T) / groups
        self._sets = {
            name: np.exp(random.normal(0, apart, self.loss.shape)) for name in ("search", "confirm")
        }
        self.calls: list[tuple[Set, tuple[str, ...]]] = []

    def groups(self) -> tuple[Group, ...]:
        return tuple(
            Group(
                f"g{index}",
                (f"g{index}",),
                FORMATS,
                tuple(float(size * bits) for bits in BITS),
                tuple(loss.tolist()),
            )
            for index, (size, loss) in enumerate(zip(self.sizes, self.loss, strict=True))
        )

    def value(self, set_: Set, formats: tuple[str, ...]) -> float:
        places = [FORMATS.index(format_) for format_ in formats]
        rows = np.arange(len(places))
        lost = self.loss[rows, places] * self._sets[set_][rows, places]
        root = np.sqrt(lost)
        return max(0.0, float(lost.sum() + root @ self._pairs @ root))

    def measure(self, set_: Set, formats: tuple[str, ...]) -> Figure:
        self.calls.append((set_, formats))
        value = self.value(set_, formats)
        return Figure(value) if set_ == "search" else Figure(value, 0.9 * value, 1.1 * value)


def by_rate(groups: tuple[Group, ...], losses: list[list[float]], rate: float) -> Choice:
    """Returns the plan of least loss plus rate times size: a point of the exact frontier."""
    return tuple(
        min(range(len(loss)), key=lambda place: loss[place] + rate * group.costs[place])
        for group, loss in zip(groups, losses, strict=True)
    )


def limited(model: Model, bits: float, seed: int = 0) -> Problem:
    """Returns a problem with the solver's plans of wrong and of right losses, of so many bits."""
    groups, random = model.groups(), np.random.default_rng(seed)
    limit = bits * math.fsum(model.sizes)
    right = model.loss.tolist()
    wrong = (model.loss * np.exp(random.normal(0, 1, model.loss.shape))).tolist()
    empty = Problem("bits", groups, {}, limit, None, (), ())

    def best(losses: list[list[float]]) -> Choice:
        rates = np.geomspace(1e-12, 1e-2, 400).tolist()
        plans = [by_rate(groups, losses, rate) for rate in rates]
        return next(plan for plan in plans if empty.cost(plan) <= limit)

    starts = (Begin("scores", best(wrong)), Begin("alone", best(right)))
    return Problem("bits", groups, {}, limit, None, starts, ())


def with_goal(model: Model, goal: Goal, *starts: tuple[str, list[list[float]]]) -> Problem:
    """Returns a problem with a goal and the exact frontiers of losses, by the name of a start."""
    groups = model.groups()
    empty = Problem("bits", groups, {}, 0.0, None, (), ())
    points = [
        Begin(name, plan)
        for name, losses in starts
        for plan in {by_rate(groups, losses, rate) for rate in np.geomspace(1e-10, 1e-4, 200)}
        if any(plan)
    ]
    ordered = sorted(points, key=lambda point: (empty.cost(point.choice), point.name))
    return Problem("bits", groups, {}, None, goal, (), tuple(ordered))


def run(model: Model, problem: Problem, most: int, seed: int = 1) -> tuple[Found, Ledger]:
    """Searches."""
    ledger = Ledger(problem, model.measure, most)
    return search(problem, ledger, seed), ledger


def neighbours(problem: Problem, choice: Choice, most: float) -> set[Choice]:
    """Returns all plans of a size that differ in one group or two: brute force."""
    return {
        plan
        for plan in itertools.product(*(range(len(group.formats)) for group in problem.groups))
        if 1 <= sum(a != b for a, b in zip(plan, choice, strict=True)) <= 2
        and problem.cost(plan) <= most
    }
