"""The document of a problem, read so that nothing in it is guessed."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place
from aqm_runner.search.problem import Begin, Choice, Goal, Group, Problem

SCHEMA = 1
UNITS = ("bytes", "bits")
FIGURES = ("kl", "top1_agreement", "perplexity_ratio", "logit_mse")
# How far a sum that another language made may be from ours, as a share.
ROUNDING = 1e-9
T = TypeVar("T")


def read_problem(place: Place) -> Problem:
    """Returns the problem of a document; raises gate_failed `unreadable_problem`."""
    try:
        return _problem(read_document(place.path))
    except DocumentError as error:
        raise gate_failed(
            "unreadable_problem",
            f"{place.name} holds no problem that can be searched: {error}.",
            file=place.name,
            next_step="Build the problem again.",
        ) from error


def _problem(document: Any) -> Problem:
    keys = ("schema", "unit", "groups", "kept", "limit", "goal", "starts", "frontier")
    schema, unit, groups, kept, limit, goal, starts, frontier = _entries(document, "it", keys)
    if type(schema) is not int or schema != SCHEMA:
        raise DocumentError(f"its schema is {schema!r}, not {SCHEMA}")
    if unit not in UNITS:
        raise DocumentError(f"its unit is {unit!r}, not bytes or bits")
    if (limit is None) == (goal is None):
        raise DocumentError("it has to have either a limit or a goal")
    found = tuple(_list(groups, "groups", _group))
    if not found:
        raise DocumentError("it has no groups")
    problem = Problem(
        unit,
        found,
        dict(_list(kept, "kept", _kept)),
        None if limit is None else _size(limit, "limit"),
        None if goal is None else _goal(goal),
        tuple(_list(starts, "starts", lambda each, where: _start(each, where, found))),
        tuple(_list(frontier, "frontier", lambda each, where: _point(each, where, found))),
    )
    _check_names(problem, len(kept))
    _check_begins(problem, [each["cost"] for each in frontier])
    return problem


def _check_names(problem: Problem, kept: int) -> None:
    names = [*(group.name for group in problem.groups), *problem.kept]
    modules = [each for group in problem.groups for each in group.modules]
    modules += [each for of in problem.kept.values() for each in of]
    if len({*names}) < len(problem.groups) + kept or len({*modules}) < len(modules):
        raise DocumentError("a group or a module is there twice")


def _check_begins(problem: Problem, costs: list[Any]) -> None:
    if problem.limit is not None:
        if not problem.starts or problem.frontier:
            raise DocumentError("with a limit it has to have starts, and no frontier")
        if len({start.name for start in problem.starts}) < len(problem.starts):
            raise DocumentError("two of its starts have one name")
        for start in problem.starts:
            if problem.cost(start.choice) > problem.limit * (1 + ROUNDING):
                raise DocumentError(
                    f"the start {start.name} has {problem.cost(start.choice)} {problem.unit}, more "
                    f"than the limit of {problem.limit}"
                )
        return
    if problem.starts or not problem.frontier:
        raise DocumentError("with a goal it has to have a frontier, and no starts")
    found = [problem.cost(point.choice) for point in problem.frontier]
    for index, (said, cost) in enumerate(zip(costs, found, strict=True)):
        if not math.isclose(_size(said, f"frontier[{index}].cost"), cost, rel_tol=ROUNDING):
            raise DocumentError(f"frontier[{index}] says {said} {problem.unit}, and has {cost}")
    if found != sorted(found):
        raise DocumentError("its frontier is not in the order of rising size")


def _group(value: Any, where: str) -> Group:
    name, modules, candidates = _entries(value, where, ("name", "modules", "candidates"))

    def candidate(each: Any, inner: str) -> tuple[str, float, float]:
        format_, cost, alone = _entries(each, inner, ("format", "cost", "alone"))
        return (
            _text(format_, f"{inner}.format"),
            _size(cost, f"{inner}.cost"),
            _number(alone, f"{inner}.alone"),
        )

    found = _list(candidates, f"{where}.candidates", candidate)
    if not found or len({each[0] for each in found}) < len(found):
        raise DocumentError(f"{where} has no candidates, or one of them twice")
    formats, costs, alone = zip(*found, strict=True)
    return Group(_text(name, f"{where}.name"), _modules(modules, where), formats, costs, alone)


def _kept(value: Any, where: str) -> tuple[str, tuple[str, ...]]:
    name, modules = _entries(value, where, ("name", "modules"))
    return _text(name, f"{where}.name"), _modules(modules, where)


def _modules(value: Any, where: str) -> tuple[str, ...]:
    found = tuple(_list(value, f"{where}.modules", _text))
    if not found:
        raise DocumentError(f"{where} has no modules")
    return found


def _goal(value: Any) -> Goal:
    figure, bound, confidence = _entries(value, "goal", ("figure", "bound", "confidence"))
    if figure not in FIGURES:
        raise DocumentError(f"goal.figure is {figure!r}, not one of {', '.join(FIGURES)}")
    goal = Goal(figure, _number(bound, "goal.bound"), _number(confidence, "goal.confidence"))
    if not 0 < goal.confidence < 1:
        raise DocumentError(f"goal.confidence is {confidence!r}, not between 0 and 1")
    return goal


def _start(value: Any, where: str, groups: tuple[Group, ...]) -> Begin:
    name, formats = _entries(value, where, ("name", "formats"))
    return Begin(_text(name, f"{where}.name"), _choice(formats, where, groups))


def _point(value: Any, where: str, groups: tuple[Group, ...]) -> Begin:
    start, _, formats = _entries(value, where, ("start", "cost", "formats"))
    return Begin(_text(start, f"{where}.start"), _choice(formats, where, groups))


def _choice(value: Any, where: str, groups: tuple[Group, ...]) -> Choice:
    formats = _list(value, f"{where}.formats", _text)
    if len(formats) != len(groups):
        raise DocumentError(f"{where} has {len(formats)} formats for {len(groups)} groups")
    for format_, group in zip(formats, groups, strict=True):
        if format_ not in group.formats:
            raise DocumentError(f"{where} gives {group.name} the format {format_}, no candidate")
    return tuple(
        group.formats.index(format_) for format_, group in zip(formats, groups, strict=True)
    )


def _entries(value: Any, where: str, keys: tuple[str, ...]) -> list[Any]:
    if not isinstance(value, dict):
        raise DocumentError(f"{where} is no object")
    if value.keys() != {*keys}:
        odd = sorted(value.keys() ^ {*keys})
        raise DocumentError(f"{where} has {', '.join(odd)} too much or too little")
    return [value[key] for key in keys]


def _list(value: Any, where: str, read: Callable[[Any, str], T]) -> list[T]:
    if not isinstance(value, list):
        raise DocumentError(f"{where} is no list")
    return [read(each, f"{where}[{index}]") for index, each in enumerate(value)]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise DocumentError(f"{where} is no text")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DocumentError(f"{where} is no number")
    return float(value)


def _size(value: Any, where: str) -> float:
    found = _number(value, where)
    if found < 0:
        raise DocumentError(f"{where} is below zero")
    return found
