"""Where a search of either kind stands: the plan it is at, and how it came there."""

import contextlib
from dataclasses import dataclass, field
from typing import Protocol

from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Ledger, SpentError
from aqm_runner.search.moves import Chance, Drawn, Moves, Rank
from aqm_runner.search.problem import Choice, Problem


@dataclass(frozen=True)
class Stand:
    """A plan with its figures on both sets."""

    choice: Choice
    search: Figure
    confirm: Figure


@dataclass(frozen=True)
class Start:
    """A plan that the search could have begun with, as it was known before the first move.

    Attributes:
        name: By which `Found.began` names it.
        choice: The plan.
        search: None where it was not measured on that set.
        confirm: On the set that judged it.
    """

    name: str
    choice: Choice
    search: Figure | None
    confirm: Figure


@dataclass(frozen=True)
class Step:
    """A move that was kept: from where to where, after how many measurements."""

    measured: int
    before: Choice
    after: Stand


@dataclass
class Found:
    """What a search came to.

    Attributes:
        began: Name of the plan that it began with; None where none meets the goal.
        at: The plan that it ended with.
        met: Whether that meets the goal; None with a limit.
        starts: Plans among which the one to begin with was taken.
        steps: Kept moves.
        tried: How many moves were measured.
        better: How many of them were better on `search`.
        exhausted: Whether no move is left that was not tried.
    """

    began: str | None
    at: Stand
    met: bool | None
    starts: list[Start]
    steps: list[Step] = field(default_factory=list)
    tried: int = 0
    better: int = 0
    exhausted: bool = False


class Aim(Protocol):
    """What a search is for: which moves are possible, tried, and kept."""

    def most(self, at: Stand) -> float:
        """Returns the greatest size of what a move may lead to."""

    def rank(self, at: Stand) -> Rank:
        """Returns which of several proposed moves is tried."""

    def drives(self, at: Stand, choice: Choice, search: Figure) -> bool:
        """Returns whether a plan, by its figure on `search`, may take the place of the one at hand.

        A plan that may not at one time may not at any later time either, so none is tried twice.
        """

    def accepts(self, at: Stand, choice: Choice, search: Figure, confirm: Figure) -> bool:
        """Returns whether a plan that may takes it, by its figure on `confirm`."""


def climb(problem: Problem, ledger: Ledger, chance: Chance, aim: Aim, found: Found) -> None:
    """Tries moves until none is left, or there may be no more measurements.

    A move is measured on `search`, and on `confirm` only where that drives it; where it is accepted
    there too, the search goes on from its plan. `found` says at any time how far it came.
    """
    with contextlib.suppress(SpentError):
        while not found.exhausted:
            _leave(problem, ledger, chance, aim, found)


def _leave(problem: Problem, ledger: Ledger, chance: Chance, aim: Aim, found: Found) -> None:
    """Tries moves from the plan at hand until one is kept or none is left."""
    at = found.at
    moves = Drawn(Moves(problem, at.choice, aim.most(at), ledger.searched), chance, aim.rank(at))
    while (choice := moves.take()) is not None:
        ledger.expect(SEARCH, moves.ahead(ledger.ahead))
        search = ledger.look(SEARCH, choice)
        found.tried += 1
        if not aim.drives(at, choice, search):
            continue
        found.better += 1
        confirm = ledger.look(CONFIRM, choice)
        if aim.accepts(at, choice, search, confirm):
            found.at = Stand(choice, search, confirm)
            found.steps.append(Step(ledger.measured, at.choice, found.at))
            moves.put_back()
            return
    found.exhausted = True
