"""Problems of a search, as the op measured_search takes them."""

import json
from pathlib import Path
from typing import Any

from plan_files import Groups

Problem = dict[str, Any]


def problem_of(groups: Groups, bits: dict[str, float]) -> Problem:
    """Returns a problem with neither limit nor goal.

    A group of n layers costs n x bits, and what it loses alone is made up: more for later groups.

    Args:
        groups: Name and modules.
        bits: Format → bits; "NONE" is one of them.
    """
    most = bits["NONE"]
    return {
        "schema": 1,
        "unit": "bits",
        "groups": [
            {
                "name": name,
                "modules": list(modules),
                "candidates": [
                    {
                        "format": format_,
                        "cost": float(len(modules) * each),
                        "alone": (most - each) * (1 + index) * 1e-5,
                    }
                    for format_, each in bits.items()
                ],
            }
            for index, (name, modules) in enumerate(groups.items())
        ],
        "kept": [],
        "limit": None,
        "goal": None,
        "starts": [],
        "frontier": [],
    }


def cost_of(problem: Problem, formats: list[str]) -> float:
    """Returns the summed cost of a plan."""
    return sum(
        each["cost"]
        for group, format_ in zip(problem["groups"], formats, strict=True)
        for each in group["candidates"]
        if each["format"] == format_
    )


def limited_problem(groups: Groups, bits: dict[str, float]) -> Problem:
    """Returns a problem with two starts: formats in turn, and in turn the other way round.

    The limit is the size of the larger one.
    """
    problem = problem_of(groups, bits)
    names = list(bits)
    turns = [[names[index % len(names)] for index in range(len(groups))]]
    turns.append(turns[0][::-1])
    problem["starts"] = [
        {"name": name, "formats": formats}
        for name, formats in zip(("scores", "alone"), turns, strict=True)
    ]
    problem["limit"] = max(cost_of(problem, formats) for formats in turns)
    return problem


def goal_problem(groups: Groups, bits: dict[str, float], **goal: float) -> Problem:
    """Returns a problem with a goal, as `kl=0.01`, and a frontier by steps of one group.

    The first plan has every group in the smallest format; then one group after the other gets the
    next larger one, until a single group is quantized.
    """
    problem = problem_of(groups, bits)
    ((figure, bound),) = goal.items()
    problem["goal"] = {"figure": figure, "bound": bound, "confidence": 0.9}
    order = sorted(bits, key=lambda name: bits[name])
    plan = [order[0]] * len(groups)
    plans = [list(plan)]
    for better in order[1:]:
        for place in range(len(groups)):
            plan[place] = better
            plans.append(list(plan))
    problem["frontier"] = [
        {"start": "scores", "cost": cost_of(problem, each), "formats": each} for each in plans[:-1]
    ]
    return problem


def write_problem(path: Path, problem: Problem) -> Path:
    """Writes a problem."""
    path.write_text(json.dumps(problem), encoding="utf-8")
    return path
