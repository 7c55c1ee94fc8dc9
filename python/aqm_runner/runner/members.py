"""What a batch is made of: actions of one op that one call of `run_batch` carries out together."""

from dataclasses import dataclass, field
from typing import Any

from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place


@dataclass(frozen=True)
class Member:
    """One action of a batch; `id` is "" where an op runs alone. Its partial results are its own."""

    id: str
    params: dict[str, Any]
    inputs: dict[str, Place]
    outputs: dict[str, Place]
    partials: Partials = field(default_factory=Partials)


@dataclass(frozen=True)
class Outcome:
    """How a member ended: with facts, its outputs being whole, or with what went wrong."""

    member: Member
    facts: dict[str, Any] | None = None
    error: Exception | None = None
