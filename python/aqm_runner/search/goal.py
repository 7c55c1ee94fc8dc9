"""Search for an accuracy goal: the smallest plan that meets it."""

import math

from aqm_runner.quality.plans import NONE
from aqm_runner.search.judge import Judge
from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Ledger
from aqm_runner.search.moves import Chance, Rank
from aqm_runner.search.problem import Begin, Choice, Problem
from aqm_runner.search.state import Found, Stand, Start, climb

# Name of the plan with one group quantized that loses the least on `search`.
LEAST_ALONE = "least_alone"


def fewest(problem: Problem) -> int:
    """Returns how many measurements it takes at most to have a plan to begin with.

    These are bisection, the plan that is tried last, and the chosen plan on `search`.
    """
    return sum(len(points).bit_length() for points in _by_start(problem)) + 2


def search_goal(problem: Problem, ledger: Ledger, chance: Chance) -> Found:
    """Returns the smallest plan that meets the goal, as far as it was looked for.

    The frontier of each start is bisected, judged on `confirm`; a further start's only below the
    size that was found. Then moves are tried. One is kept where its plan meets the goal on
    `confirm` and either shrinks and holds the goal on `search` too, by value, or gets no larger,
    and its figure is better on `search` and no worse on `confirm`.

    Where no plan that bisection measured meets the goal, the plan that quantizes the one group that
    loses the least alone is tried too: the frontier of bad scores need not have it. Where that
    does not meet the goal either, the measured plan that comes nearest is returned.

    Args:
        problem: With a goal.
        ledger: Allows `fewest` measurements at least.
        chance: Proposes moves.
    """
    assert problem.goal is not None
    judge = Judge(problem.goal)
    best: int | None = None
    judged: set[int] = set()
    for points in _by_start(problem):
        size = math.inf if best is None else problem.cost(problem.frontier[best].choice)
        smaller = [each for each in points if problem.cost(problem.frontier[each].choice) < size]
        met = _bisect(problem.frontier, smaller, ledger, judge, judged)
        best = best if met is None else met
    begins = [Begin(frontier_name(each), problem.frontier[each].choice) for each in sorted(judged)]
    single = _least_alone(problem) if best is None else None
    if single is not None and single not in [begin.choice for begin in begins]:
        begins.append(Begin(LEAST_ALONE, single))
        ledger.look(CONFIRM, single)
    # Of plans that meet the goal, bisection leaves the smallest: `best`, or the single group.
    meeting = [each for each in begins if judge.meets(ledger.look(CONFIRM, each.choice))]
    if not meeting:
        nearest = min(begins, key=lambda each: judge.excess(ledger.look(CONFIRM, each.choice)))
        at = _stand(ledger, nearest.choice)
        return Found(None, at, False, _starts(begins, ledger))
    begin = min(meeting, key=lambda each: problem.cost(each.choice))
    at = _stand(ledger, begin.choice)
    found = Found(begin.name, at, True, _starts(begins, ledger))
    rate = _rate(problem, *_around(problem, best, begin.choice))
    climb(problem, ledger, chance, _Smaller(problem, judge, rate), found)
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
    frontier: tuple[Begin, ...],
    points: list[int],
    ledger: Ledger,
    judge: Judge,
    judged: set[int],
) -> int | None:
    """Returns the first of points by rising size that meets the goal, if all larger ones do.

    The places that it looks at are added to `judged`.
    """
    fails, meets = -1, len(points)
    while meets - fails > 1:
        middle = (fails + meets) // 2
        judged.add(points[middle])
        if judge.meets(ledger.look(CONFIRM, frontier[points[middle]].choice)):
            meets = middle
        else:
            fails = middle
    return points[meets] if meets < len(points) else None


def _least_alone(problem: Problem) -> Choice | None:
    """Returns the plan with one group quantized, the one that loses the least alone.

    Of equal ones it is the smallest. None where a group cannot stay unquantized.
    """
    groups = problem.groups
    if any(NONE not in group.formats for group in groups):
        return None
    none = tuple(group.formats.index(NONE) for group in groups)
    singles = [
        ((*none[:index], place, *none[index + 1 :]), group.alone[place])
        for index, group in enumerate(groups)
        for place in range(len(group.formats))
        if place != none[index]
    ]
    least = min(singles, key=lambda each: (each[1], problem.cost(each[0])), default=None)
    return None if least is None else least[0]


def _stand(ledger: Ledger, choice: Choice) -> Stand:
    return Stand(choice, ledger.look(SEARCH, choice), ledger.look(CONFIRM, choice))


def _starts(begins: list[Begin], ledger: Ledger) -> list[Start]:
    """Returns plans that were judged, with what is known of them now."""
    return [
        Start(
            each.name,
            each.choice,
            ledger.known(SEARCH, each.choice),
            ledger.look(CONFIRM, each.choice),
        )
        for each in begins
    ]


def _around(problem: Problem, best: int | None, choice: Choice) -> tuple[Choice, Choice]:
    """Returns a smaller and a larger plan: the neighbours on the frontier of its start.

    A plan that is not on a frontier lies beyond the larger end of all of them.
    """
    if best is None:
        return problem.frontier[0].choice, choice
    points = next(points for points in _by_start(problem) if best in points)
    place = points.index(best)
    ends = [problem.frontier[each].choice for each in points[max(0, place - 1) : place + 2]]
    return ends[0], ends[-1]


def _rate(problem: Problem, small: Choice, large: Choice) -> float:
    """Returns how much of `alone` a unit of size is worth between two plans."""
    size = problem.cost(large) - problem.cost(small)
    return max(0.0, (problem.alone(small) - problem.alone(large)) / size) if size > 0 else 0.0
