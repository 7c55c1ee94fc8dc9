"""The document of a problem: what is read from it, and each way in which it is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from harness import place
from search_files import cost_of, goal_problem, limited_problem, write_problem

from aqm_runner.runner.failures import RunnerError
from aqm_runner.search.problem import Goal
from aqm_runner.search.reading import read_problem

GROUPS = {"a": ["a", "b"], "c": ["c"], "d": ["d"], "e": ["e"]}
BITS = {"NONE": 16, "FP8": 8, "INT4": 4}


def limited() -> dict[str, Any]:
    problem = limited_problem(GROUPS, BITS)
    problem["kept"] = [{"name": "z", "modules": ["z", "y"]}]
    return problem


def read(folder: Path, document: Any) -> Any:
    return read_problem(place(write_problem(folder / "problem.json", document), "file"))


def test_a_limit_with_its_starts_is_read(tmp_path):
    document = limited()
    problem = read(tmp_path, document)
    assert [group.name for group in problem.groups] == list(GROUPS)
    assert [group.modules for group in problem.groups] == [tuple(each) for each in GROUPS.values()]
    assert problem.kept == {"z": ("z", "y")}
    assert (problem.limit, problem.goal, problem.frontier) == (document["limit"], None, ())
    for start, said in zip(problem.starts, document["starts"], strict=True):
        assert start.name == said["name"]
        assert list(problem.formats(start.choice)) == said["formats"]
        assert problem.cost(start.choice) == cost_of(document, said["formats"])
    assert problem.alone((0, 0, 0, 0)) == 0
    assert problem.alone((1, 0, 0, 0)) == document["groups"][0]["candidates"][1]["alone"]


def test_a_goal_with_its_frontier_is_read(tmp_path):
    document = goal_problem(GROUPS, BITS, top1_agreement=0.97)
    problem = read(tmp_path, document)
    assert problem.goal == Goal("top1_agreement", 0.97, 0.9)
    assert (problem.limit, problem.starts) == (None, ())
    assert [list(problem.formats(point.choice)) for point in problem.frontier] == [
        point["formats"] for point in document["frontier"]
    ]


def test_its_plans_name_every_group_and_every_candidate_once_at_least(tmp_path):
    problem = read(tmp_path, limited())
    plans = problem.plans()
    assert list(plans.groups) == [*GROUPS, "z"]
    named = {
        (group, format_)
        for plan in plans.plans
        for group, format_ in zip(plans.groups, plan.formats, strict=True)
    }
    assert named == {(group, format_) for group in GROUPS for format_ in BITS} | {("z", "NONE")}


def at(*path: Any) -> Any:
    """Returns a change that puts the last of `path` where the others lead."""
    *way, last, value = path

    def change(document: Any) -> None:
        for step in way:
            document = document[step]
        document[last] = value

    return change


CANDIDATE = ("groups", 0, "candidates", 1)
SPOILT = {
    "schema": (at("schema", 2), "schema is 2"),
    "schema that is true": (at("schema", True), "schema is True"),
    "unit": (at("unit", "GB"), "unit is 'GB'"),
    "both": (at("goal", {"figure": "kl", "bound": 1, "confidence": 0.9}), "either"),
    "neither": (at("limit", None), "either"),
    "no groups": (at("groups", []), "no groups"),
    "groups": (at("groups", {}), "groups is no list"),
    "group": (at("groups", 0, "x"), "groups[0] is no object"),
    "more": (at("more", 1), "more too much or too little"),
    "modules": (at("groups", 0, "modules", []), "no modules"),
    "module": (at("groups", 0, "modules", 0, 7), "groups[0].modules[0] is no text"),
    "name": (at("groups", 0, "name", ""), "groups[0].name is no text"),
    "no candidates": (at("groups", 0, "candidates", []), "no candidates"),
    "candidate twice": (at(*CANDIDATE, "format", "NONE"), "twice"),
    "cost": (at(*CANDIDATE, "cost", "8"), "candidates[1].cost is no number"),
    "cost that is true": (at(*CANDIDATE, "cost", True), "cost is no number"),
    "cost below zero": (at(*CANDIDATE, "cost", -1), "cost is below zero"),
    "alone": (at(*CANDIDATE, "alone", None), "alone is no number"),
    "group twice": (at("groups", 1, "name", "a"), "twice"),
    "module twice": (at("groups", 1, "modules", ["b"]), "twice"),
    "module kept": (at("kept", 0, "modules", ["c"]), "twice"),
    "group kept": (at("kept", 0, "name", "c"), "twice"),
    "no starts": (at("starts", []), "has to have starts"),
    "frontier": (at("frontier", [{"start": "s", "cost": 1, "formats": []}]), "0 formats for 4"),
    "start twice": (at("starts", 1, "name", "scores"), "one name"),
    "formats": (at("starts", 0, "formats", ["NONE"]), "1 formats for 4 groups"),
    "format": (at("starts", 0, "formats", 2, "INT3"), "gives d the format INT3"),
    "too large": (at("starts", 0, "formats", ["NONE"] * 4), "more than the limit"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_problem_that_contradicts_itself_is_refused_with_the_place(tmp_path, name):
    change, said = SPOILT[name]
    document = limited()
    change(document)
    refuse(tmp_path, document, said)


def refuse(folder: Path, document: Any, said: str) -> None:
    with pytest.raises(RunnerError) as caught:
        read(folder, document)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "unreadable_problem")
    assert said in caught.value.message
    assert caught.value.message.startswith("given/problem.json")
    assert caught.value.next_step


GOALS = {
    "figure": (at("goal", "figure", "loss"), "goal.figure is 'loss'"),
    "confidence": (at("goal", "confidence", 1), "not between 0 and 1"),
    "bound": (at("goal", "bound", "0.1"), "goal.bound is no number"),
    "no frontier": (at("frontier", []), "has to have a frontier"),
    "starts": (at("starts", [{"name": "s", "formats": ["NONE"] * 4}]), "and no starts"),
    "cost": (at("frontier", 1, "cost", 1.0), "frontier[1] says 1.0"),
    "points": (at("frontier", 0, "cost", True), "frontier[0].cost is no number"),
}


@pytest.mark.parametrize("name", GOALS)
def test_a_goal_that_contradicts_itself_is_refused_with_the_place(tmp_path, name):
    change, said = GOALS[name]
    document = goal_problem(GROUPS, BITS, kl=0.1)
    change(document)
    refuse(tmp_path, document, said)


def test_a_frontier_in_another_order_and_text_that_is_no_json_are_refused(tmp_path):
    document = goal_problem(GROUPS, BITS, kl=0.1)
    document["frontier"].reverse()
    refuse(tmp_path, document, "order of rising size")
    path = tmp_path / "problem.json"
    for text in ("", "[]", json.dumps(limited()).replace("4.0", "NaN"), "{" * 100_000):
        path.write_text(text)
        with pytest.raises(RunnerError) as caught:
            read_problem(place(path, "file"))
        assert caught.value.reason == "unreadable_problem"
