"""Search for an accuracy goal: the smallest plan that meets it."""

import math

from aqm_runner.search.judge import Judge
from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Ledger
from aqm_runner.search.moves import Chance, Rank
from aqm_runner.search.problem import Begin, Choice, Problem
from aqm_runner.search.state import Found, Stand, climb


def fewest(problem: Problem) -> int:
    """Returns how many measurements bisection takes at most, and one more on `search`."""
    return sum(len(points).bit_length() for points in _by_start(problem)) + 1


def search_goal(problem: Problem, ledger: Ledger, chance: Chance) -> Found:
    """Returns the smallest plan that meets the goal, as far as it was looked for.

    The frontier of each start is bisected, judged on `confirm`; a further start's only below the
    size that was found. Then moves are tried. One is kept where its plan meets the goal on
    `confirm` and either shrinks and holds the goal on `search` too, by value, or gets no larger,
    and its figure is better on `search` and no worse on `confirm`.

    Where no plan that bisection measured meets the goal, the one that comes nearest is returned.

    Args:
        problem: With a goal.
        ledger: Allows `fewest` measurements at least.
        chance: Proposes moves.
    """
    assert problem.goal is not None
    judge = Judge(problem.goal)
    best: int | None = None
    for points in _by_start(problem):
        size = math.inf if best is None else problem.cost(problem.frontier[best].choice)
        smaller = [each for each in points if problem.cost(problem.frontier[each].choice) < size]
        met = _bisect(problem.frontier, smaller, ledger, judge)
        best = best if met is None else met
    if best is None:
        return _nearest(problem, ledger, judge)
    choice = problem.frontier[best].choice
    begun = Stand(choice, ledger.look(SEARCH, choice), ledger.look(CONFIRM, choice))
    found = Found(frontier_name(best), begun, True)
    climb(problem, ledger, chance, _Smaller(problem, judge, _rate(problem, best)), found)
    return found


def frontier_name(index: int) -> str:
    """Returns the name that a plan of the frontier has in the document."""
    return f"frontier_{index}"


class _Smaller:
    """A smaller plan that meets the goal, or one as large with a better figure.

    Args:
        problem: What is searched.
        judge: Of the goal.
        rate: How much of the sum of `alone` a unit of size is worth.
    """

    def __init__(self, problem: Problem, judge: Judge, rate: float) -> None:
        self._problem = problem
        self._judge = judge
        self._rate = rate

    def most(self, at: Stand) -> float:
        return self._problem.cost(at.choice)

    def rank(self, at: Stand) -> Rank:
        """Prefers moves by which the goal should still hold; of these, what is lost the least by.

        The figure is predicted to grow as the sum of `alone` does. What a move loses is weighed
        against its size by the rate.
        """
        alone = self._problem.alone(at.choice)
        growth = self._judge.loss(at.confirm) / alone if alone > 0 else 0.0
        room, rate = -self._judge.excess(at.confirm), self._rate
        return lambda cost, lost: (max(0.0, growth * lost - room), lost + rate * cost)

    def drives(self, at: Stand, choice: Choice, search: Figure) -> bool:
        better = self._judge.loss(search) < self._judge.loss(at.search)
        return better or self._shrinks(at, choice, search)

    def accepts(self, at: Stand, choice: Choice, search: Figure, confirm: Figure) -> bool:
        no_worse = self._judge.loss(confirm) <= self._judge.loss(at.confirm)
        return self._judge.meets(confirm) and (no_worse or self._shrinks(at, choice, search))

    def _shrinks(self, at: Stand, choice: Choice, search: Figure) -> bool:
        smaller = self._problem.cost(choice) < self._problem.cost(at.choice)
        return smaller and self._judge.holds(search)


def _by_start(problem: Problem) -> list[list[int]]:
    """Returns the frontier's places by start, starts in the order in which they appear."""
    names = dict.fromkeys(point.name for point in problem.frontier)
    return [
        [index for index, point in enumerate(problem.frontier) if point.name == name]
        for name in names
    ]


def _bisect(
    frontier: tuple[Begin, ...], points: list[int], ledger: Ledger, judge: Judge
) -> int | None:
    """Returns the first of points by rising size that meets the goal, if all larger ones do."""
    fails, meets = -1, len(points)
    while meets - fails > 1:
        middle = (fails + meets) // 2
        if judge.meets(ledger.look(CONFIRM, frontier[points[middle]].choice)):
            meets = middle
        else:
            fails = middle
    return points[meets] if meets < len(points) else None


def _nearest(problem: Problem, ledger: Ledger, judge: Judge) -> Found:
    """Returns the measured plan whose interval comes nearest to the bound."""
    choices = [point.choice for point in problem.frontier]
    figures = {each: figure for each in choices if (figure := ledger.known(CONFIRM, each))}
    choice = min(figures, key=lambda each: judge.excess(figures[each]))
    return Found(None, Stand(choice, ledger.look(SEARCH, choice), figures[choice]), False)


def _rate(problem: Problem, index: int) -> float:
    """Returns how much of `alone` a unit of size is worth around a plan of the frontier."""
    points = next(points for points in _by_start(problem) if index in points)
    place = points.index(index)
    ends = [problem.frontier[each].choice for each in points[max(0, place - 1) : place + 2]]
    small, large = ends[0], ends[-1]
    size = problem.cost(large) - problem.cost(small)
    return max(0.0, (problem.alone(small) - problem.alone(large)) / size) if size > 0 else 0.0
