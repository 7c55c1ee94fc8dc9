"""Each way in which measuring plans must fail, and that nothing is left of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forks import ForkedRunner
from harness import action, request
from material import FORMATS, measuring
from plan_files import groups_of, in_turn, write_plans
from quality_runs import judge
from spoilt import change_weights

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import write_database
from aqm_runner.quality.measuring import Measurement
from aqm_runner.quality.tokens import TokenFigures
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.places import Place


def trip(params: dict[str, Any], inputs: dict[str, Path], output: Path) -> RunnerError:
    """Returns what stops a whole batch; nothing is written."""
    with pytest.raises(RunnerError) as caught:
        judge(params, inputs, [inputs["plan"]], output)
    assert not output.exists()
    assert caught.value.next_step
    return caught.value


def changed(path: Path, plan: Path, change: Any) -> Path:
    document = json.loads(plan.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def drop_group(document: dict[str, Any]) -> None:
    document["groups"].pop(1)
    document["plans"][0]["formats"].pop(1)


def split_group(document: dict[str, Any]) -> None:
    first, *others = document["groups"][0]["modules"]
    document["groups"][0]["modules"] = [first]
    document["groups"].append({"name": others[0], "modules": others})
    document["plans"][0]["formats"].append("NONE")


def add_vision(document: dict[str, Any]) -> None:
    name = "model.visual.blocks.0.attn.proj"
    document["groups"].append({"name": name, "modules": [name]})
    document["plans"][0]["formats"].append("INT3")


def further_layer(document: dict[str, Any]) -> None:
    name = "model.language_model.layers.99.mlp.down_proj"
    document["groups"][3] = {"name": name, "modules": [name]}


def formats(*names: str) -> Any:
    return lambda document: document["plans"][0].update(formats=list(names))


BROKEN = {
    "unknown_layer": (further_layer, "layers.99.mlp.down_proj"),
    "group_left_out": (drop_group, "says nothing of 1 groups"),
    "group_split": (split_group, "q_proj"),
    "group_not_searched": (add_vision, "model.visual.blocks.0.attn.proj"),
    "unknown_candidate": (lambda d: d["plans"][0]["formats"].__setitem__(0, "INT2"), "INT2"),
    "unreadable_plan": (formats("INT3"), "1 formats for 8 groups"),
}


def test_plans_that_do_not_fit_fail_alone_and_a_sound_one_beside_them_is_measured(
    quality_inputs, tmp_path
):
    inputs = quality_inputs["lm"]
    sound = write_plans(
        tmp_path / "sound.json",
        groups := groups_of(inputs["checkpoint"], "lm"),
        sound=in_turn(groups, "INT3", "NONE"),
    )
    plans = [
        changed(tmp_path / f"{reason}.json", sound, change)
        for reason, (change, _) in BROKEN.items()
    ]
    broken = {
        "schema": lambda d: d.update(schema=2),
        "twice": lambda d: d["groups"].append(d["groups"][0]),
        "empty": lambda d: d.update(plans=[]),
        "number": lambda d: d["plans"][0].update(name=3),
        "keys": lambda d: d.pop("groups"),
        "names": lambda d: d["plans"].append(d["plans"][0]),
    }
    plans += [changed(tmp_path / f"{name}.json", sound, each) for name, each in broken.items()]
    (tmp_path / "text.json").write_text("{")
    plans.append(tmp_path / "text.json")
    outcomes = judge(measuring("lm", "INT3"), inputs, [*plans, sound], tmp_path / "found")
    assert outcomes.keys() == {path.stem for path in [*plans, sound]}
    for name, outcome in outcomes.items():
        if name == "sound":
            assert outcome.error is None
            continue
        error = outcome.error
        reason, words = name, BROKEN.get(name, (None, ""))[1]
        expected = reason if name in BROKEN else "unreadable_plan"
        assert (error.class_, error.reason) == ("gate_failed", expected)
        assert error.file == f"given/{name}.json"
        assert words in error.message
        assert error.next_step
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["sound"]
    judge(measuring("lm", "INT3"), inputs, [sound], tmp_path / "alone")
    found = (tmp_path / "found/sound").read_bytes()
    assert (tmp_path / "alone/sound").read_bytes() == found


def test_no_model_is_loaded_where_no_plan_can_be_read(quality_inputs, tmp_path):
    (tmp_path / "plan.json").write_text("[]")
    inputs = quality_inputs["lm"] | {"checkpoint": tmp_path}
    shutil.copy(quality_inputs["lm"]["checkpoint"] / "config.json", tmp_path)
    shutil.copy(quality_inputs["lm"]["checkpoint"] / "model.safetensors", tmp_path)
    outcomes = judge(measuring("lm", "INT3"), inputs, [tmp_path / "plan.json"], tmp_path / "found")
    assert outcomes["plan"].error.reason == "unreadable_plan"


def shortened(database: Path, path: Path, count: int) -> Path:
    rows, _ = read_rows(Place(database, "file", "given/database"))
    write_database(path, rows[:count], {"num_samples": str(count)})
    return path


def test_held_out_data_that_calibration_has_seen(quality_inputs, sample, tmp_path):
    inputs = quality_inputs["lm"]
    error = trip(measuring(), inputs | {"held_out": inputs["database"]}, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "held_out_overlaps")
    # A larger subset than the one that calibrates may have seen it as well.
    error = trip(measuring(), inputs | {"sample": sample / "database"}, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "held_out_overlaps")


def test_leaked_data_is_measured_only_where_the_params_say_so_and_the_document_does(
    quality_inputs, sample, tmp_path
):
    inputs = quality_inputs["lm"] | {"sample": sample / "database"}
    seen = shortened(inputs["sample"], tmp_path / "seen.db", 12)
    plan = inputs["plan"]
    error = trip(measuring(), inputs | {"held_out": seen}, tmp_path / "found")
    assert error.reason == "held_out_overlaps"
    outcomes = judge(
        measuring(leaked=True), inputs | {"held_out": seen}, [plan], tmp_path / "leaked"
    )
    assert outcomes[plan.stem].error is None
    assert json.loads((tmp_path / "leaked" / plan.stem).read_text())["leaked"] is True
    # Data that calibration has not seen is not called leaked.
    error = trip(measuring(leaked=True), inputs, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "not_leaked")


def test_too_few_tokens_or_samples(quality_inputs, tmp_path):
    inputs = quality_inputs["lm"]
    params = measuring()
    params["measure"]["least_tokens"] = 10_000
    error = trip(params, inputs, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "too_few_tokens")
    assert "10000 are needed" in error.message
    one = shortened(inputs["held_out"], tmp_path / "one.db", 1)
    error = trip(measuring(), inputs | {"held_out": one}, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "too_few_samples")


def candidate(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return measuring() | {"candidates": [{"name": name, "config": config}]}


@pytest.mark.parametrize(
    ("params", "class_", "reason"),
    [
        (candidate("NVFP4", FORMATS["NVFP4"]), "unsupported_here", "format_needs_cuda"),
        (
            candidate("AWQ", FORMATS["INT4_WEIGHTS"] | {"algorithm": "awq_lite"}),
            "bad_request",
            "unsupported_algorithm",
        ),
        (candidate("NONE", FORMATS["FP8"]), "bad_request", "candidate_twice"),
        (measuring("lm", "FP8", "FP8"), "bad_request", "candidate_twice"),
    ],
)
def test_what_can_only_fail_fails_before_a_model_is_loaded(
    quality_inputs, tmp_path, params, class_, reason
):
    error = trip(params, quality_inputs[params["scope"]], tmp_path / "found")
    assert (error.class_, error.reason) == (class_, reason)


def test_a_checkpoint_that_says_nan(quality_inputs, tmp_path):
    spoilt = Path(shutil.copytree(quality_inputs["lm"]["checkpoint"], tmp_path / "spoilt"))
    name = "model.language_model.layers.0.mlp.down_proj.weight"
    change_weights(spoilt, lambda weights: weights[name].fill_(float("nan")))
    inputs = quality_inputs["lm"] | {"checkpoint": spoilt}
    error = trip(measuring("lm", "INT3"), inputs, tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "non_finite_logits")
    assert error.file == "given/spoilt"


def test_a_plan_that_says_nan_leaves_the_others_alone(monkeypatch, quality_inputs, tmp_path):
    inputs = quality_inputs["lm"]
    groups = groups_of(inputs["checkpoint"], "lm")
    plans = [
        write_plans(tmp_path / f"{name}.json", groups, plan=in_turn(groups, "INT3", name))
        for name in ("INT3", "INT8", "NONE")
    ]
    measure = Measurement.measure
    calls = []

    def spoil(measurement: Measurement, model: Any, forward: Any) -> TokenFigures:
        calls.append(None)
        found = measure(measurement, model, forward)
        if len(calls) == 3:  # after the control and the first plan
            found.squared_error[5] = np.nan
        return found

    monkeypatch.setattr(Measurement, "measure", spoil)
    outcomes = judge(measuring("lm", "INT3", "INT8"), inputs, plans, tmp_path / "found")
    errors = {name: outcome.error and outcome.error.reason for name, outcome in outcomes.items()}
    assert errors == {"INT3": None, "INT8": "non_finite_logits", "NONE": None}
    assert outcomes["INT8"].error.file == "given/INT8.json"
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == ["INT3", "NONE"]


def test_a_model_that_wrapping_changes_is_not_measured(monkeypatch, quality_inputs, tmp_path):
    look = Measurement.look_at_unquantized

    def look_and_change(measurement: Measurement, model: Any, name: str) -> None:
        look(measurement, model, name)
        weight = model.get_submodule("model.language_model.layers.1.mlp.down_proj").weight
        weight.data[0, 0] += 0.01

    monkeypatch.setattr(Measurement, "look_at_unquantized", look_and_change)
    error = trip(measuring("lm", "INT3"), quality_inputs["lm"], tmp_path / "found")
    assert (error.class_, error.reason) == ("gate_failed", "control_differs")


@pytest.mark.engines
def test_a_killed_run_leaves_nothing(original, quality_inputs, tmp_path):
    runner = ForkedRunner(original, tmp_path / "log")
    inputs = quality_inputs["lm"]
    runner.send(request("job", action("plan_quality", measuring(), inputs, tmp_path / "found")))
    runner.events.until("phase", name="calibrate")
    runner.process.kill()
    list(runner.events)
    assert not (tmp_path / "found/quality").exists()
