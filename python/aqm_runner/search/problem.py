"""What a search is asked: groups with their candidates, and a limit of size or an accuracy goal."""

import math
from dataclasses import dataclass

from aqm_runner.quality.plans import NONE, Plan, PlanDocument

# The place of a candidate for each group of the problem, in its order.
Choice = tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Layers that share one format.

    Attributes:
        name: Of the group.
        modules: Paths of its layers.
        formats: Names of its candidates.
        costs: Size of the whole group in each, in the problem's unit.
        alone: KL that was measured with this group alone in each, in nats a token.
    """

    name: str
    modules: tuple[str, ...]
    formats: tuple[str, ...]
    costs: tuple[float, ...]
    alone: tuple[float, ...]


@dataclass(frozen=True)
class Goal:
    """How much quality may be lost.

    Attributes:
        figure: "kl", "top1_agreement", "perplexity_ratio" or "logit_mse".
        bound: At most so much; of top1_agreement at least.
        confidence: Of the two-sided interval whose end must be within the bound.
    """

    figure: str
    bound: float
    confidence: float


@dataclass(frozen=True)
class Begin:
    """A plan that is given: a start, by its name, or a point of the frontier, by its start's."""

    name: str
    choice: Choice


@dataclass(frozen=True)
class Problem:
    """What a search is asked.

    Attributes:
        unit: "bytes" or "bits".
        groups: Those with a choice.
        kept: Name and modules of the groups that stay unquantized.
        limit: The greatest size of all groups together; None with a goal.
        goal: None with a limit.
        starts: With a limit, at least one; else none.
        frontier: With a goal, at least one, by rising size; else none.
    """

    unit: str
    groups: tuple[Group, ...]
    kept: dict[str, tuple[str, ...]]
    limit: float | None
    goal: Goal | None
    starts: tuple[Begin, ...]
    frontier: tuple[Begin, ...]

    def cost(self, choice: Choice) -> float:
        """Returns the size of a plan, rounded once."""
        return math.fsum(
            group.costs[place] for group, place in zip(self.groups, choice, strict=True)
        )

    def alone(self, choice: Choice) -> float:
        """Returns the sum of what the groups cost alone: what the plan's KL is predicted by."""
        return math.fsum(
            group.alone[place] for group, place in zip(self.groups, choice, strict=True)
        )

    def formats(self, choice: Choice) -> tuple[str, ...]:
        """Returns the formats of a plan, in the order of the groups."""
        return tuple(group.formats[place] for group, place in zip(self.groups, choice, strict=True))

    def plans(self) -> PlanDocument:
        """Returns plans that name every group and every candidate, to hold against a model."""
        groups = {group.name: group.modules for group in self.groups} | self.kept
        most = max((len(group.formats) for group in self.groups), default=1)
        kept = (NONE,) * len(self.kept)
        return PlanDocument(
            groups,
            tuple(
                Plan(
                    f"candidate {place}",
                    self.formats(tuple(min(place, len(g.formats) - 1) for g in self.groups)) + kept,
                )
                for place in range(most)
            ),
        )
