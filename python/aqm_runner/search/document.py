"""The document of a search: what it measured, kept and found, with nothing volatile in it."""

import json
from typing import Any

from aqm_runner.search.ledger import Figure, Ledger
from aqm_runner.search.problem import Choice, Problem
from aqm_runner.search.state import Found, Stand, Start, Step

SCHEMA = 1


def search_document(
    op: str,
    params: dict[str, Any],
    held_out: dict[str, Any],
    environment: dict[str, str],
    problem: Problem,
    ledger: Ledger,
    found: Found,
) -> str:
    """Returns the text of the document, the same for the same figures.

    Args:
        op: Name of the op.
        params: Its params: `scope`, `candidates`, `measurements` and `seed`.
        held_out: Set → its samples, tokens and batches.
        environment: As `scoring.document.environment_of` returns it.
        problem: What was asked.
        ledger: What was measured.
        found: What the search came to.
    """
    goal = problem.goal
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "op": op,
        "scope": params["scope"],
        "candidates": [each["name"] for each in params["candidates"]],
        "unit": problem.unit,
        "limit": problem.limit,
        "goal": None if goal is None else dict(vars(goal)),
        "settings": {"measurements": params["measurements"], "seed": params["seed"]},
        "held_out": held_out,
        "environment": environment,
        "measured": ledger.measured,
        "exhausted": found.exhausted,
        "moves": {"tried": found.tried, "better_on_search": found.better, "kept": len(found.steps)},
        "groups": [group.name for group in problem.groups],
        "starts": [_start(problem, start) for start in found.starts],
        "began": found.began,
        "found": _plan(problem, found.at.choice) | _figures(found.at) | {"met": found.met},
        "steps": [_step(problem, step) for step in found.steps],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _start(problem: Problem, start: Start) -> dict[str, Any]:
    figures = {
        "search": start.search and _value(start.search),
        "confirm": dict(vars(start.confirm)),
    }
    return {"name": start.name} | _plan(problem, start.choice) | figures


def _step(problem: Problem, step: Step) -> dict[str, Any]:
    old, new = problem.formats(step.before), problem.formats(step.after.choice)
    changes = [
        {"group": group.name, "from": before, "to": after}
        for group, before, after in zip(problem.groups, old, new, strict=True)
        if before != after
    ]
    cost = problem.cost(step.after.choice)
    return {"measured": step.measured, "changes": changes, "cost": cost} | _figures(step.after)


def _plan(problem: Problem, choice: Choice) -> dict[str, Any]:
    return {"cost": problem.cost(choice), "formats": list(problem.formats(choice))}


def _figures(stand: Stand) -> dict[str, Any]:
    return {"search": _value(stand.search), "confirm": dict(vars(stand.confirm))}


def _value(figure: Figure) -> dict[str, float]:
    return {"value": figure.value}
