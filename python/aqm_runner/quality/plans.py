"""Plans to judge: the document that names them, and whether they fit the model."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

SCHEMA = 1
# 16 bits: what a group has that a plan does not quantize.
NONE = "NONE"
SHOWN = 3


@dataclass(frozen=True)
class Plan:
    """One assignment: the format of each group of its document, in that order."""

    name: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class PlanDocument:
    """Plans of one model.

    Attributes:
        groups: Name and the paths of the modules of each group.
        plans: At least one.
    """

    groups: dict[str, tuple[str, ...]]
    plans: tuple[Plan, ...]


def read_plans(place: Place) -> PlanDocument:
    """Returns the plans of a document; raises gate_failed `unreadable_plan`."""
    try:
        return _parse(read_document(place.path))
    except (DocumentError, KeyError, TypeError, AttributeError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise gate_failed(
            "unreadable_plan",
            f"{place.name} holds no plans that can be read: {said}.",
            file=place.name,
            next_step="Build the plan again.",
        ) from error


def check_plans(
    document: PlanDocument,
    searchable: dict[str, tuple[str, ...]],
    layers: Collection[str],
    candidates: Collection[str],
    place: Place,
) -> None:
    """Refuses plans that do not say for each group of the model what it shall be, and no more.

    Args:
        document: What was read from `place`.
        searchable: Groups that may be quantized: name and modules.
        layers: Paths of all layers that the model has.
        candidates: Names of the formats that plans may name besides NONE.
        place: For messages.

    Raises:
        RunnerError: gate_failed `unknown_layer`, `unknown_candidate`, `group_split`,
            `group_not_searched`, `group_left_out`.
    """
    named = [module for modules in document.groups.values() for module in modules]
    unknown = [module for module in named if module not in layers]
    if unknown:
        raise _refused(
            "unknown_layer",
            place,
            f"names {len(unknown)} layers that the checkpoint has not: {_some(unknown)}",
            "Build the plan again from scores of this checkpoint.",
        )
    formats = {name: None for plan in document.plans for name in plan.formats}
    odd = [name for name in formats if name != NONE and name not in candidates]
    if odd:
        raise _refused(
            "unknown_candidate",
            place,
            f"names the format {_some(odd)}; the candidates are {', '.join(candidates)} and {NONE}",
            "Build the plan again with these candidates, or measure with those of the plan.",
        )
    owner = {module: name for name, modules in searchable.items() for module in modules}
    for name, modules in document.groups.items():
        own = searchable.get(owner.get(modules[0], ""))
        if own is None:
            raise _refused(
                "group_not_searched",
                place,
                f"has the group {name}, which this scope does not quantize",
                "Build the plan again from scores of this scope.",
            )
        if sorted(own) != sorted(modules) or own[0] != name:
            raise _refused(
                "group_split",
                place,
                f"has the group {name} of {', '.join(modules)}, but {', '.join(own)} must share "
                "one format, as a server fuses them",
                "Build the plan again from scores of this checkpoint.",
            )
    left_out = [name for name in searchable if name not in document.groups]
    if left_out:
        raise _refused(
            "group_left_out",
            place,
            f"says nothing of {len(left_out)} groups: {_some(left_out)}",
            f"Name every group that the scope quantizes; {NONE} leaves one in 16 bits.",
        )


def _parse(document: Any) -> PlanDocument:
    if document["schema"] != SCHEMA:
        raise DocumentError(f"its schema is {document['schema']!r}, not {SCHEMA}")
    groups: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for group in document["groups"]:
        name, modules = _text(group["name"]), tuple(_text(each) for each in group["modules"])
        if name in groups or not modules or seen & {*modules} or len({*modules}) < len(modules):
            raise DocumentError(
                f"the group {name} or one of its modules is there twice, or the group is empty"
            )
        groups[name] = modules
        seen.update(modules)
    plans = []
    for plan in document["plans"]:
        name, formats = _text(plan["name"]), tuple(_text(each) for each in plan["formats"])
        if len(formats) != len(groups):
            raise DocumentError(
                f"the plan {name} has {len(formats)} formats for {len(groups)} groups"
            )
        plans.append(Plan(name, formats))
    if not groups or not plans:
        raise DocumentError("it has no groups or no plans")
    if len({plan.name for plan in plans}) < len(plans):
        raise DocumentError("two of its plans have one name")
    return PlanDocument(groups, tuple(plans))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DocumentError(f"{value!r} stands where a text should")
    return value


def _refused(reason: str, place: Place, problem: str, next_step: str) -> RunnerError:
    return gate_failed(reason, f"{place.name} {problem}.", file=place.name, next_step=next_step)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
