"""What was measured: each plan on each set once, and no more than there may be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aqm_runner.search.problem import Choice, Problem

Set = Literal["search", "confirm"]
SEARCH: Set = "search"
CONFIRM: Set = "confirm"


@dataclass(frozen=True)
class Figure:
    """What a plan has on a set: a value, and on `confirm` an interval.

    Attributes:
        value: Of the figure that is searched for.
        low: Lower end of its interval.
        high: Upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None


Formats = tuple[str, ...]


# From a set and the format of each group to a figure.
Measure = Callable[[Set, Formats], Figure]
# Is told which plans will be asked for after the next one.
Expect = Callable[[Set, list[Formats]], None]


class SpentError(Exception):
    """One more measurement would be one too many."""


class Ledger:
    """Measures plans, at most `most` of them, where a plan on another set is one more.

    Args:
        problem: Whose plans are measured.
        measure: Measures one.
        most: How many there may be.
        told: Called with the number of measurements after each.
        at_once: How many plans are measured in the time of one.
        expect: Called before a plan is measured, with those that may come next.

    Attributes:
        measured: How many there were.
        searched: Plans that were measured on `search`, in that order.
    """

    def __init__(
        self,
        problem: Problem,
        measure: Measure,
        most: int,
        told: Callable[[int], None] = lambda _: None,
        at_once: int = 1,
        expect: Expect = lambda _set, _plans: None,
    ) -> None:
        self._problem = problem
        self._measure = measure
        self._most = most
        self._told = told
        self._at_once = at_once
        self._expect = expect
        self._found: dict[tuple[Set, Choice], Figure] = {}
        self.measured = 0
        self.searched: list[Choice] = []

    def known(self, set_: Set, choice: Choice) -> Figure | None:
        """Returns the figure of a plan that was measured; None where it was not."""
        return self._found.get((set_, choice))

    @property
    def ahead(self) -> int:
        """How many of the measurements after the next one can be made while that one is."""
        return max(0, min(self._at_once, self._most - self.measured) - 1)

    def expect(self, set_: Set, choices: list[Choice]) -> None:
        """Says which plans will be looked at after the next one, if nothing comes between."""
        new = [each for each in choices if self.known(set_, each) is None]
        self._expect(set_, [self._problem.formats(each) for each in new])

    def look(self, set_: Set, choice: Choice) -> Figure:
        """Returns the figure of a plan; raises SpentError where it would have to be measured."""
        found = self.known(set_, choice)
        if found is not None:
            return found
        if self.measured == self._most:
            raise SpentError
        found = self._measure(set_, self._problem.formats(choice))
        self._found[set_, choice] = found
        self.measured += 1
        if set_ == SEARCH:
            self.searched.append(choice)
        self._told(self.measured)
        return found
