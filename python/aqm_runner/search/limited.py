"""Search within a size: the least KL that moves from the best start come to."""

from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Ledger
from aqm_runner.search.moves import Chance, Rank
from aqm_runner.search.problem import Choice, Problem
from aqm_runner.search.state import Found, Stand, Start, climb


def fewest(problem: Problem) -> int:
    """Returns how many measurements the starts take."""
    return 2 * len({start.choice for start in problem.starts})


def search_limit(problem: Problem, ledger: Ledger, chance: Chance) -> Found:
    """Returns the plan that moves come to; on `confirm` it is never worse than any start.

    All starts are measured on both sets; the one with the least value on `confirm` is where it
    begins, of equal ones the first. A move is kept where the value on `search` falls and the one on
    `confirm` does not rise. Of proposed moves the one with the least sum of `alone` is tried.

    Args:
        problem: With a limit.
        ledger: Allows `fewest` measurements at least.
        chance: Proposes moves.
    """
    stands = [
        Stand(start.choice, ledger.look(SEARCH, start.choice), ledger.look(CONFIRM, start.choice))
        for start in problem.starts
    ]
    values = [stand.confirm.value for stand in stands]
    first = values.index(min(values))
    starts = [
        Start(start.name, start.choice, stand.search, stand.confirm)
        for start, stand in zip(problem.starts, stands, strict=True)
    ]
    found = Found(starts[first].name, stands[first], None, starts)
    climb(problem, ledger, chance, _Within(problem), found)
    return found


class _Within:
    """Less of the value on `search`, no more on `confirm`, within the limit."""

    def __init__(self, problem: Problem) -> None:
        assert problem.limit is not None
        self._limit = problem.limit

    def most(self, at: Stand) -> float:
        del at
        return self._limit

    def rank(self, at: Stand) -> Rank:
        del at
        return lambda _cost, alone: (alone,)

    def drives(self, at: Stand, choice: Choice, search: Figure) -> bool:
        del choice
        return search.value < at.search.value

    def accepts(self, at: Stand, choice: Choice, search: Figure, confirm: Figure) -> bool:
        del choice, search
        return confirm.value <= at.confirm.value
