"""The scores of one candidate format, as an engine hands them over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """A set of modules that share one choice of format.

    Attributes:
        name: Path of the first member.
        modules: Paths of the members, in module order.
        weights: Weight elements over all members.
        enabled: Whether the scope lets the group be quantized.
        score: Raw score; 0 where not enabled; None if scoring never reached a member.
        executions: Forward calls of the group's modules during scoring.
    """

    name: str
    modules: tuple[str, ...]
    weights: int
    enabled: bool
    score: float | None
    executions: int


@dataclass(frozen=True)
class Table:
    """The raw scores of one format.

    Attributes:
        groups: All groups in module order.
        modules: (path, class name) of every layer that the engine can quantize, in module order.
        charged_bits: Bits a weight that a choice of the format costs.
    """

    groups: list[Group]
    modules: list[tuple[str, str]]
    charged_bits: float


# (position of the format in the list that was given, its scores or why there are none)
Scored = tuple[int, Table | Exception]
