"""What a method finds out about ops."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Findings:
    """Scores of ops, in module order.

    Attributes:
        scores: By path; None for an op that no data reached.
        calls: Forward calls of each op while it was scored.
        more: What else is known of an op, by path and name; shown beside its score.
        meta: What the method says of itself, by name.
    """

    scores: dict[str, float | None]
    calls: dict[str, int]
    more: dict[str, dict[str, float]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


def findings_of_distances(measured: dict[str, tuple[list[float], int]]) -> Findings:
    """Returns the findings of distances: the score is their sum over batches."""
    return Findings(
        {name: sum(values) if calls else None for name, (values, calls) in measured.items()},
        {name: calls for name, (_, calls) in measured.items()},
    )
