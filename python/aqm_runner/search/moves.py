"""Changes of one or two groups of a plan: which there are, and which one is tried next."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aqm_runner.search.problem import Choice, Problem

# Of so many moves that chance proposes, the one with the best prediction is tried.
HANDFUL = 16
# One proposal in so many changes a single group, as long as there are such.
SINGLES = 4

# From the change of size and of summed `alone`: the less, the better.
Rank = Callable[[float, float], tuple[float, ...]]


class Chance:
    """Whole numbers by chance, from the one stream that NumPy promises to keep."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.PCG64(seed)

    def below(self, count: int) -> int:
        """Returns a number from 0 to count - 1: floor(x * count / 2^32), x of 32 bits."""
        return ((int(self._generator.random_raw()) >> 32) * count) >> 32

    def mark(self) -> Any:
        """Returns where the stream is, for `back_to`."""
        return self._generator.state

    def back_to(self, mark: Any) -> None:
        """Goes on from where the stream was."""
        self._generator.state = mark


class Moves:
    """The moves from one plan that keep to a size and lead to no plan that was seen.

    A move changes one group, or two. What decides are sums of three numbers, one after the other,
    so that they have the same bits everywhere.

    Args:
        problem: Of the plan.
        choice: The plan.
        most: Greatest size of a plan that a move may lead to.
        seen: Plans that are not tried.
    """

    def __init__(self, problem: Problem, choice: Choice, most: float, seen: list[Choice]) -> None:
        self._problem = problem
        self._choice = choice
        self._most = most
        # Every change of a single group, by group; a pair of them is first * count + second.
        self._changes = [
            (group, place)
            for group, of in enumerate(problem.groups)
            for place in range(len(of.formats))
            if place != choice[group]
        ]
        self._costs = self._differences([group.costs for group in problem.groups])
        self._alone = self._differences([group.alone for group in problem.groups])
        singles, pairs = self._within_size()
        known = self._leading_to(seen)
        self._left = [_without(singles, known[0]), _without(pairs, known[1])]
        self._counts = [len(left) for left in self._left]

    def draw(self, chance: Chance, rank: Rank) -> Choice | None:
        """Returns the plan that the next move leads to, never the same again; None: none is left.

        Args:
            chance: Proposes moves: all single ones are alike, and all pairs.
            rank: Says which of the proposed ones is tried.
        """
        while any(self._counts):
            proposed = sorted({self._propose(chance) for _ in range(HANDFUL)})
            best = min(proposed, key=lambda each: rank(*self._effect(*each)))
            kind, place = best
            changes = self._parts(kind, place)
            self._counts[kind] -= 1
            self._left[kind][place] = self._left[kind][self._counts[kind]]
            choice = list(self._choice)
            for group, candidate in (self._changes[change] for change in changes):
                choice[group] = candidate
            if self._problem.cost(tuple(choice)) <= self._most:  # summed at once, it may be more
                return tuple(choice)
        return None

    def _propose(self, chance: Chance) -> tuple[int, int]:
        """Returns a kind, 0 for single moves and 1 for pairs, and a place among what is left."""
        kind = int(chance.below(SINGLES) > 0)
        if not self._counts[kind]:
            kind = 1 - kind
        return kind, chance.below(self._counts[kind])

    def _effect(self, kind: int, place: int) -> tuple[float, float]:
        """Returns by how much a move changes the size, and the sum of `alone`."""
        changes = self._parts(kind, place)
        return (
            sum(float(self._costs[change]) for change in changes),
            sum(float(self._alone[change]) for change in changes),
        )

    def _parts(self, kind: int, place: int) -> tuple[int, ...]:
        number = int(self._left[kind][place])
        return divmod(number, len(self._changes)) if kind else (number,)

    def _differences(self, values: list[tuple[float, ...]]) -> NDArray[np.float64]:
        return np.array(
            [
                values[group][place] - values[group][self._choice[group]]
                for group, place in self._changes
            ],
            dtype=np.float64,
        )

    def _within_size(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        base, count = self._problem.cost(self._choice), len(self._changes)
        # Where the changes of each group end.
        ends = np.searchsorted(
            [group for group, _ in self._changes], range(len(self._choice)), "right"
        )
        pairs = [np.empty(0, dtype=np.int64)]
        for first, (group, _) in enumerate(self._changes):
            later = int(ends[group])
            fits = base + (self._costs[first] + self._costs[later:]) <= self._most
            pairs.append(np.flatnonzero(fits) + (first * count + later))
        return np.flatnonzero(base + self._costs <= self._most), np.concatenate(pairs)

    def _leading_to(self, plans: list[Choice]) -> tuple[list[int], list[int]]:
        """Returns the moves that lead to plans, single ones and pairs."""
        numbers = {change: number for number, change in enumerate(self._changes)}
        table = np.array(plans, dtype=np.int64).reshape(len(plans), len(self._choice))
        differs = table != np.array(self._choice, dtype=np.int64)
        found: tuple[list[int], list[int]] = ([], [])
        for row in np.flatnonzero((differs.sum(1) == 1) | (differs.sum(1) == 2)):
            groups = np.flatnonzero(differs[row]).tolist()
            parts = [numbers[group, int(table[row, group])] for group in groups]
            found[len(parts) - 1].append(parts[0] * len(numbers) * (len(parts) - 1) + parts[-1])
        return found


class Drawn:
    """Moves drawn before it is known whether an earlier one is kept.

    Args:
        moves: From one plan.
        chance: Proposes moves.
        rank: Says which of the proposed ones is tried.
    """

    def __init__(self, moves: Moves, chance: Chance, rank: Rank) -> None:
        self._moves = moves
        self._chance = chance
        self._rank = rank
        # Plans that were drawn and not taken, each with where chance was after it.
        self._waiting: deque[tuple[Choice | None, Any]] = deque()
        self._mark: Any = chance.mark()

    def take(self) -> Choice | None:
        """Returns the plan of the next move; None: none is left."""
        self._draw(1)
        choice, self._mark = self._waiting.popleft()
        return choice

    def ahead(self, count: int) -> list[Choice]:
        """Returns the next plans, without taking them: so many, or fewer where none is left."""
        self._draw(count)
        return [choice for choice, _ in list(self._waiting)[:count] if choice is not None]

    def put_back(self) -> None:
        """Leaves chance as if nothing had been drawn that was not taken."""
        self._chance.back_to(self._mark)

    def _draw(self, count: int) -> None:
        while len(self._waiting) < count:
            choice = self._moves.draw(self._chance, self._rank)
            self._waiting.append((choice, self._chance.mark()))


def _without(moves: NDArray[np.int64], known: list[int]) -> NDArray[np.int64]:
    return np.setdiff1d(moves, np.array(known, dtype=np.int64), assume_unique=True)
