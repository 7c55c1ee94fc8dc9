"""Actions that share one model: each ends as it would alone, and as the engine was promised."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from forks import ForkedRunner
from harness import FakeContext, action, of_type, request, run_op, run_together
from material import COCO, E4M3, OFF, config, scoring

from aqm_runner.modelopt import groups, versions
from aqm_runner.modelopt import scoring as modelopt_scoring
from aqm_runner.runner import batch
from aqm_runner.runner.batch import is_batch
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.registry import OPS, load_op
from aqm_runner.runner.requests import RequestReader

# With and without ranges of activations, and one whose weights change their layout.
NAMES = ["FP8", "INT8", "INT8_WEIGHTS", "INT4_INT8"]
# Passes every check before the model is loaded; ModelOpt asks for the backend while it scores.
NO_BACKEND = config({"num_bits": 8, "axis": 0, "backend": "nowhere"}, None)
# The last rule wins, so nothing is quantized while scoring.
NOTHING = {
    "quant_cfg": [{"quantizer_name": "*weight_quantizer", "cfg": E4M3}, OFF],
    "algorithm": "max",
}


def member(name: str, inputs: dict[str, Path], output: Path, **changes: Any) -> dict[str, Any]:
    return action(
        "sensitivity_scores",
        scoring(**changes),
        inputs,
        output / name,
        id=f"{name} of {output.name}",
    )


@pytest.fixture(scope="module")
def alone(lm_inputs, tmp_path_factory) -> dict[str, bytes]:
    """What each format scores in a batch of its own."""
    folder = tmp_path_factory.mktemp("alone")
    for name in NAMES:
        run_op("sensitivity_scores", scoring(format_=name), lm_inputs, folder / name)
    return {name: (folder / name / "scores").read_bytes() for name in NAMES}


def together(names: list[str], inputs: dict[str, Path], folder: Path, context: Any = None):
    outcomes = run_together([scoring(format_=name) for name in names], inputs, folder, context)
    assert [outcome.error for group in outcomes for outcome in group] == [None] * len(names)
    return outcomes, {name: (folder / name / "scores").read_bytes() for name in names}


def test_a_batch_is_told_action_by_action_and_its_bytes_are_those_of_lone_runs(
    kept, alone, lm_inputs, tmp_path
):
    actions = [member(name, lm_inputs, tmp_path, format_=name) for name in NAMES]
    events = kept.run("batch", *actions)
    ids = [each["id"] for each in actions]
    for type_ in ("artifact", "resource", "result"):
        assert [event["action"] for event in of_type(events, type_)] == ids
    whole = [event for event in events if event["type"] in ("phase", "step")]
    assert {event["action"] for event in whole} == {None}
    assert [event["name"] for event in of_type(events, "phase")][-4:] == [
        "load",
        "calibrate",  # for formats whose weights keep their layout
        "calibrate",  # for INT4, whose blocks are padded here
        "score",
    ]
    results = of_type(events, "result")
    assert len({result["seconds"] for result in results}) == 1
    took = results[-1]["time"] - of_type(events, "phase")[-4]["time"]
    assert results[0]["seconds"] * len(results) >= took / 2
    assert all(result["facts"]["batch"] == {"formats": 4, "groups": 1} for result in results)
    for name in NAMES:
        assert (tmp_path / name / "scores").read_bytes() == alone[name]


def test_members_that_fail_do_not_take_the_others_down_and_the_process_stays_sound(
    kept, alone, lm_inputs, tmp_path
):
    actions = [
        member("FP8", lm_inputs, tmp_path, format_="FP8"),
        member("NVFP4", lm_inputs, tmp_path, format_="NVFP4"),
        member("NOTHING", lm_inputs, tmp_path, format={"name": "NOTHING", "config": NOTHING}),
        member("NO_CONFIG", lm_inputs, tmp_path, format={"name": "NO_CONFIG"}),
        member(
            "ODD_BITS",
            lm_inputs,
            tmp_path,
            format={"name": "ODD_BITS", "config": config({"num_bits": "eight"}, None)},
        ),
        member(
            "SVD",
            lm_inputs,
            tmp_path,
            format={"name": "SVD", "config": config(E4M3, E4M3) | {"algorithm": "svdquant"}},
        ),
        member("INT8", lm_inputs, tmp_path, format_="INT8"),
    ]
    events = kept.run("some fail", *actions)
    failed = {event["action"].split()[0]: event for event in of_type(events, "failed")}
    assert {name: (event["class"], event["reason"]) for name, event in failed.items()} == {
        "NVFP4": ("unsupported_here", "format_needs_cuda"),
        "NOTHING": ("gate_failed", "all_zero"),
        "NO_CONFIG": ("bad_request", "schema"),
        "ODD_BITS": ("bad_request", "invalid_format"),
        "SVD": ("bad_request", "unsupported_algorithm"),
    }
    assert all(event["next_step"] and event["job"] == "some fail" for event in failed.values())
    done = [event["action"].split()[0] for event in of_type(events, "result")]
    assert done == ["FP8", "INT8"]
    # The next job of the same process, a lone one, and the one after it.
    for number in range(2):
        later = tmp_path / f"later {number}"
        kept.run(later.name, member("INT8", lm_inputs, later, format_="INT8"))
        assert (later / "INT8" / "scores").read_bytes() == alone["INT8"]
    for name in done:
        assert (tmp_path / name / "scores").read_bytes() == alone[name]


@pytest.mark.engines
def test_a_format_that_nobody_foresaw_fails_alone_and_then_ends_the_process(
    original, alone, lm_inputs, tmp_path
):
    ending = ForkedRunner(original, tmp_path / "log")
    unknown = {"name": "NO_BACKEND", "config": NO_BACKEND}
    ending.send(
        request(
            "odd",
            member("INT8", lm_inputs, tmp_path, format_="INT8"),
            member("NO_BACKEND", lm_inputs, tmp_path, format=unknown),
            member("FP8", lm_inputs, tmp_path, format_="FP8"),
        )
    )
    events = []
    for event in ending.events:
        events.append(event)
        assert event["type"] != "idle"
    assert [event["code"] for event in of_type(events, "warning")] == ["formats_one_by_one"]
    results = of_type(events, "result")
    assert [result["action"].split()[0] for result in results] == ["INT8", "FP8"]
    assert [result["facts"]["batch"]["groups"] for result in results] == [3, 3]
    (error,) = of_type(events, "error")
    assert (error["class"], error["action"].split()[0]) == ("bug", "NO_BACKEND")
    assert "Traceback" in error["traceback"]
    assert ending.end()[0] == 5
    for name in ("INT8", "FP8"):
        assert (tmp_path / name / "scores").read_bytes() == alone[name]


@pytest.mark.parametrize(("fitting", "sizes"), [(1, [1] * 4), (3, [2, 2])])
@pytest.mark.engines
def test_groups_as_large_as_memory_allows(monkeypatch, alone, lm_inputs, tmp_path, fitting, sizes):
    monkeypatch.setattr(groups, "call_bytes", lambda *_: (100, 1000))
    monkeypatch.setattr(groups, "free_bytes", lambda _: int((100 + fitting * 1000) / 0.9) + 1)
    context = FakeContext()
    outcomes, scores = together(NAMES, lm_inputs, tmp_path, context)
    assert [len(group) for group in outcomes] == sizes
    assert [name for name, _ in context.phases].count("load") == len(sizes)
    # Ranges that one group found serve the next.
    assert [name for name, _ in context.phases].count("calibrate") == 2
    facts = {str(outcome.facts["batch"]) for group in outcomes for outcome in group}
    assert facts == {str({"formats": 4, "groups": len(sizes)})}
    assert scores == alone


def out_of_memory_above(monkeypatch: pytest.MonkeyPatch, formats: int) -> list[int]:
    """Lets calls of ModelOpt with more formats run out of memory in the middle of scoring."""
    asked: list[int] = []
    original = modelopt_scoring.mtq.auto_quantize

    def auto_quantize(model: Any, **settings: Any) -> Any:
        asked.append(len(settings["quantization_formats"]))
        if asked[-1] > formats:
            loss = settings["loss_func"]

            def lose(output: Any, batch: Any) -> Any:
                loss(output, batch)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

            settings["loss_func"] = lose
        return original(model, **settings)

    monkeypatch.setattr(modelopt_scoring.mtq, "auto_quantize", auto_quantize)
    return asked


def test_where_memory_ends_groups_are_halved(monkeypatch, alone, lm_inputs, tmp_path):
    asked = out_of_memory_above(monkeypatch, 2)
    context = FakeContext()
    outcomes, scores = together(NAMES, lm_inputs, tmp_path, context)
    assert asked == [4, 2, 2]
    assert [len(group) for group in outcomes] == [2, 2]
    assert context.warnings == ["formats_split"]
    assert scores == {name: alone[name] for name in scores}


@pytest.mark.engines
def test_where_one_format_does_not_fit_the_memory_is_out(monkeypatch, lm_inputs, tmp_path):
    asked = out_of_memory_above(monkeypatch, 0)
    with pytest.raises(torch.OutOfMemoryError):
        together(NAMES[:2], lm_inputs, tmp_path)
    assert asked == [2, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.engines
def test_another_modelopt_is_used_as_it_is(monkeypatch, alone, lm_inputs, tmp_path):
    monkeypatch.setattr(versions, "WRAPPED", "0.48.0")
    context = FakeContext()
    names = ["INT8", "INT8_WEIGHTS", "INT4_INT8"]
    _, scores = together(names, lm_inputs, tmp_path, context)
    assert context.warnings == ["modelopt_not_wrapped"]
    assert [name for name, _ in context.phases].count("calibrate") == 3
    assert scores == {name: alone[name] for name in names}


@pytest.mark.engines
def test_formats_without_ranges_of_activations_walk_no_data(lm_inputs, tmp_path):
    context = FakeContext()
    run_op("sensitivity_scores", scoring(format_="INT8_WEIGHTS"), lm_inputs, tmp_path, context)
    assert [name for name, _ in context.phases] == ["prepare", "load", "score"]


def test_what_concerns_all_members_is_one_error(image_inputs, tmp_path):
    paramses = [scoring("all_layers", name, calibration_samples=7) for name in ("FP8", "INT8")]
    with pytest.raises(RunnerError, match="too_few_samples"):
        run_together(paramses, image_inputs, tmp_path)


def read(*actions: dict[str, Any]) -> list[Any]:
    return RequestReader().read(json.dumps(request("j", *actions)).encode()).actions


def test_which_actions_make_a_batch(lm_inputs, image_inputs, tmp_path):
    fp8 = member("a", lm_inputs, tmp_path, format_="FP8")
    int8 = member("b", lm_inputs, tmp_path, format_="INT8")
    assert is_batch(read(fp8, int8))
    assert not is_batch(read(fp8))
    other = {
        "settings": member("c", lm_inputs, tmp_path, format_="INT8", score_size=5),
        "inputs": member("c", lm_inputs | {"captions": tmp_path / "x"}, tmp_path, format_="INT8"),
        "op": action("synthetic_coco", COCO, {}, tmp_path),
    }
    for what, third in other.items():
        assert not is_batch(read(fp8, int8, third)), what
    assert not is_batch(
        read(*(action("synthetic_coco", COCO, {}, tmp_path / x, id=x) for x in "ab"))
    )


def test_an_op_whose_input_varies_runs_actions_that_differ_in_it(lm_inputs, tmp_path, monkeypatch):
    varied = dataclasses.replace(OPS["sensitivity_scores"], varies="captions")
    monkeypatch.setattr(batch, "OPS", {"sensitivity_scores": varied})
    one = member("a", lm_inputs, tmp_path)
    other = member("b", lm_inputs | {"captions": tmp_path / "x"}, tmp_path)
    assert is_batch(read(one, other))
    assert not is_batch(read(one, member("c", lm_inputs, tmp_path, score_size=5)))
    elsewhere = lm_inputs | {"captions": tmp_path / "x", "checkpoint": tmp_path}
    assert not is_batch(read(one, member("d", elsewhere, tmp_path)))
    lacking = {role: path for role, path in lm_inputs.items() if role != "captions"}
    assert not is_batch(read(one, member("e", lacking, tmp_path)))


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_an_op_can_run_a_batch_if_it_declares_what_varies(op):
    assert hasattr(load_op(op.name), "run_batch") == (op.varies is not None)
