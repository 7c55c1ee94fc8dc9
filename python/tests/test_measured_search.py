"""The op measured_search: its figures, its partial results, and each way in which it must fail."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import FakeContext, Runner, action, of_type, request, run_op
from material import searching
from plan_direct import Direct, direct_figures
from plan_files import groups_of, write_plans
from quality_runs import judge
from search_files import write_problem
from test_plan_quality_trips import shortened

from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.partials import Partials

CANDIDATES = ("INT4_WEIGHTS", "FP8")
Inputs = dict[str, dict[str, Path]]


def params(measurements: int = 24, **changes: Any) -> dict[str, Any]:
    return searching("lm", *CANDIDATES, measurements=measurements) | changes


def kept_in(folder: Path) -> FakeContext:
    context = FakeContext()
    context.partials = Partials(folder)
    return context


@pytest.fixture(scope="module")
def from_nothing(search_inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document of 24 measurements within a limit, without partial results."""
    folder = tmp_path_factory.mktemp("from nothing")
    context = FakeContext()
    facts = run_op("measured_search", params(), search_inputs["limit"], folder, context)
    assert facts["measured"] == 24
    assert context.phases[-1] == ("search", 24)
    assert context.steps[-24:] == list(range(1, 25))
    return folder / "search"


def found_in(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_figures_are_those_of_a_model_quantized_layer_by_layer(search_inputs, from_nothing):
    document = found_in(from_nothing)
    inputs = search_inputs["limit"]
    groups = groups_of(inputs["checkpoint"], "lm")
    assert document["groups"] == list(groups)
    found = document["found"]
    for name, role in (("search", "held_out"), ("confirm", "held_out_confirm")):
        direct = Direct(inputs | {"held_out": inputs[role]})
        unquantized = direct.say(direct.model())
        expected = direct_figures(
            unquantized, direct.say(direct.quantized(groups, found["formats"]))
        )
        assert expected["kl"] > 1e-6
        assert found[name]["value"] == pytest.approx(expected["kl"], rel=1e-3)
        assert document["held_out"][name]["tokens"] == expected["tokens"]


def test_the_end_is_within_the_limit_and_no_worse_than_its_starts(search_inputs, from_nothing):
    document = found_in(from_nothing)
    problem = json.loads(search_inputs["limit"]["problem"].read_text())
    assert document["op"] == "measured_search"
    assert document["candidates"] == list(CANDIDATES)
    assert document["settings"] == {"measurements": 24, "seed": 1}
    assert document["environment"]["device_kind"] == "cpu"
    assert [start["formats"] for start in document["starts"]] == [
        start["formats"] for start in problem["starts"]
    ]
    assert document["found"]["cost"] <= document["limit"] == problem["limit"]
    values = [start["confirm"]["value"] for start in document["starts"]]
    assert document["found"]["confirm"]["value"] <= min(values)
    assert document["moves"]["kept"] == len(document["steps"]) > 0


@pytest.mark.engines
@pytest.mark.parametrize(
    ("figure", "bound"),
    [("kl", 1e-3), ("top1_agreement", 0.6), ("perplexity_ratio", 1.01), ("logit_mse", 1e-3)],
)
def test_a_goal_is_judged_by_the_figure_and_interval_that_plan_quality_has(
    search_inputs, tmp_path, figure, bound
):
    inputs = search_inputs["goal"]
    problem = json.loads(inputs["problem"].read_text())
    problem["goal"] = {"figure": figure, "bound": bound, "confidence": 0.95}
    inputs = inputs | {"problem": write_problem(tmp_path / "problem.json", problem)}
    run_op("measured_search", params(), inputs, tmp_path)
    document = found_in(tmp_path / "search")
    groups = groups_of(inputs["checkpoint"], "lm")
    plan = write_plans(tmp_path / "plan.json", groups, found=document["found"]["formats"])
    shared = {role: inputs[role] for role in ("checkpoint", "database")}
    measured = {
        key: value for key, value in params().items() if key not in ("measurements", "seed")
    }
    for name, role in (("search", "held_out"), ("confirm", "held_out_confirm")):
        judge(measured, shared | {"held_out": inputs[role]}, [plan], tmp_path / "judged" / name)
        (entry,) = found_in(tmp_path / "judged" / name / "plan")["plans"]
        told = document["found"][name]
        assert told == {key: entry[figure][key] for key in told}
    confirm = document["found"]["confirm"]
    assert document["goal"] == problem["goal"]
    within = confirm["low"] >= bound if figure == "top1_agreement" else confirm["high"] <= bound
    assert document["found"]["met"] is within
    assert within == (document["began"] is not None)


@pytest.mark.engines
def test_a_goal_that_nothing_meets_is_said_and_is_no_error(search_inputs, tmp_path):
    inputs = search_inputs["goal"]
    problem = json.loads(inputs["problem"].read_text())
    problem["goal"]["bound"] = 1e-12
    inputs = inputs | {"problem": write_problem(tmp_path / "problem.json", problem)}
    run_op("measured_search", params(), inputs, tmp_path)
    document = found_in(tmp_path / "search")
    assert (document["began"], document["found"]["met"]) == (None, False)
    assert document["measured"] < 10
    assert document["found"]["confirm"]["high"] > 1e-12
    names = [start["name"] for start in document["starts"] if start["name"] != "least_alone"]
    assert names == sorted(names, key=lambda name: int(name.removeprefix("frontier_")))


@pytest.mark.engines
def test_a_longer_search_continues_a_shorter_one_and_a_shorter_one_takes_what_it_needs(
    search_inputs, from_nothing, tmp_path
):
    inputs, whole = search_inputs["limit"], from_nothing.read_bytes()
    run_op("measured_search", params(10), inputs, tmp_path / "alone")
    alone = (tmp_path / "alone/search").read_bytes()
    assert alone != whole
    runs = [("shorter", 10, alone, (10, 0)), ("longer", 24, whole, (14, 10))]
    runs.append(("shorter again", 10, alone, (0, 10)))
    for name, most, bytes_, expected in runs:
        context = kept_in(tmp_path / "kept")
        run_op("measured_search", params(most), inputs, tmp_path / name, context)
        assert (tmp_path / name / "search").read_bytes() == bytes_
        assert tuple(context.partials.facts()["items"].values()) == expected


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Runner]:
    """A runner to be killed."""
    runner = Runner(tmp_path / "log")
    yield runner
    runner.process.kill()
    runner.process.wait()


@pytest.mark.engines
def test_a_killed_search_continues_to_the_same_bytes(
    search_inputs, from_nothing, kept, doomed, tmp_path
):
    """SIGKILL in the middle: where one item is written first, a pipe keeps the process waiting."""

    def asked(name: str) -> dict[str, Any]:
        given = action("measured_search", params(), search_inputs["limit"], tmp_path / name)
        return given | {"id": name, "partial": str(tmp_path / "partial")}

    def items(events: list[dict[str, Any]]) -> dict[str, int]:
        return of_type(events, "result")[0]["facts"]["items"]

    assert items(kept.run("whole", asked("whole"))) == {"measured": 24, "reused": 0}
    (folder,) = (tmp_path / "partial").iterdir()
    in_order = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(in_order) == 24
    at = in_order[13]
    for path in in_order:
        path.unlink()
    pipe = at.with_name(f"{at.name}.{doomed.process.pid}.tmp")
    os.mkfifo(pipe)
    doomed.send(request("doomed", asked("doomed")))
    with pipe.open():  # opens once the process writes that item
        os.kill(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait()
    at.unlink(missing_ok=True)  # the pipe, if the process had time to put it there
    assert len([path for path in folder.iterdir() if path.suffix != ".tmp"]) == 13
    assert items(kept.run("continued", asked("continued"))) == {"measured": 11, "reused": 13}
    assert (tmp_path / "continued/search").read_bytes() == from_nothing.read_bytes()


def trip(
    inputs: dict[str, Path], output: Path, *, loaded: bool = False, **changes: Any
) -> RunnerError:
    """Returns what stops a search; nothing is written, and no model is loaded unless said."""
    context = FakeContext()
    with pytest.raises(RunnerError) as caught:
        run_op("measured_search", params(**changes), inputs, output, context)
    assert not output.exists()
    assert caught.value.next_step
    assert (("load", None) in context.phases) is loaded
    return caught.value


def test_what_can_only_fail_fails_before_a_model_is_loaded(search_inputs, tmp_path, sample):
    inputs = search_inputs["limit"]
    data = {name: inputs[name] for name in ("database", "held_out", "held_out_confirm")}
    seen = [
        inputs | {"held_out_confirm": data["held_out"]},
        inputs | {"held_out_confirm": data["database"]},
        inputs | {"held_out": data["database"]},
    ]
    for each in seen:
        error = trip(each, tmp_path / "out")
        assert (error.class_, error.reason) == ("gate_failed", "held_out_overlaps")
    assert "did not drive it" in trip(seen[0], tmp_path / "out").message
    assert "calibration has seen" in trip(seen[1], tmp_path / "out").message
    error = trip(inputs | {"sample": data["held_out_confirm"]}, tmp_path / "out")
    assert (error.reason, error.file) == ("held_out_overlaps", "given/database")
    assert trip(inputs, tmp_path / "out", measurements=3).reason == "too_few_measurements"
    few = shortened(search_inputs["goal"]["held_out_confirm"], tmp_path / "few.db", 19)
    error = trip(search_inputs["goal"] | {"held_out_confirm": few}, tmp_path / "out")
    assert (error.reason, error.file) == ("too_few_samples", "given/few.db")
    assert "19 samples" in error.message
    assert "20 at least" in error.message
    (tmp_path / "problem.json").write_text("[]")
    error = trip(inputs | {"problem": tmp_path / "problem.json"}, tmp_path / "out")
    assert (error.class_, error.reason) == ("gate_failed", "unreadable_problem")


def drop_group(problem: dict[str, Any]) -> None:
    problem["groups"].pop()
    for start in problem["starts"]:
        start["formats"].pop()


def further_layer(problem: dict[str, Any]) -> None:
    problem["kept"].append({"name": "model.x", "modules": ["model.x"]})


def other_candidate(problem: dict[str, Any]) -> None:
    for candidate in problem["groups"][2]["candidates"]:
        candidate["format"] = candidate["format"].replace("FP8", "INT2")
    for start in problem["starts"]:
        start["formats"][2] = "NONE"
    problem["limit"] = 1e9


@pytest.mark.engines
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_group, "group_left_out"),
        (further_layer, "unknown_layer"),
        (other_candidate, "unknown_candidate"),
    ],
)
def test_a_problem_that_does_not_fit_the_model_is_refused(search_inputs, tmp_path, change, reason):
    inputs = search_inputs["limit"]
    problem = json.loads(inputs["problem"].read_text())
    change(problem)
    path = write_problem(tmp_path / "problem.json", problem)
    error = trip(inputs | {"problem": path}, tmp_path / "out", loaded=True)
    assert (error.class_, error.reason, error.file) == ("gate_failed", reason, "given/problem.json")
