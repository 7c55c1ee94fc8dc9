"""The same bytes from another process: other hash seed, locale, folder, time zone."""

import json
from pathlib import Path

import pytest
from forks import ForkedRunner
from harness import FakeContext, action, of_type, request, run_op
from material import scoring
from op_runs import runs_of

from aqm_runner.runner.digests import digest_file, digest_place
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.registry import OPS
from aqm_runner.runner.requests import compile_schema


def digests_of(op: str, folder: Path) -> dict[str, str]:
    """Returns the digest of each output of an op that wrote to `folder/<role>`."""
    outputs = OPS[op].outputs
    return {role: digest_place(folder / role, kind)[0] for role, kind in outputs.items()}


# Training takes as long as all the others. Ops that score, measure or export start from a
# calibrated model, as `sensitivity_scores` does; in npm test a batch (test_batches.py) stands for
# all of them.
# Ops of other environments are only refused here.
SLOW = [
    "trained_checkpoint",
    "autoround_choice",
    "autoround_export",
    "autoround_quality",
    "autoround_scores",
    "inc_quantize",
    "plan_quality",
    "sensitivity_scores",
    "serving_check",
    "inc_scores",
    "input_ranges",
    "table_sample",
    "vit_scores",
    "weight_error_scores",
    "compressed_tensors_export",
    "measured_search",
    "modelopt_export",
    "plan_answers",
    "recipe_answers",
    "recipe_export",
    "recipe_quality",
]


@pytest.mark.parametrize(
    "op", [pytest.param(op, marks=[pytest.mark.engines] * (op in SLOW)) for op in OPS]
)
def test_another_process_makes_the_same_bytes(kept, original, given, tmp_path, op):
    for index, run in enumerate(runs_of(op, given)):
        here, there = tmp_path / f"{index} here", tmp_path / f"{index} there"
        if run.refused is not None:
            with pytest.raises(RunnerError) as refused:
                run_op(op, run.params, run.inputs, here)
            runner = ForkedRunner(original, tmp_path / f"{index}.log")  # an error ends it
            runner.send(request("refused", action(op, run.params, run.inputs, there)))
            error = runner.events.until("error")[-1]
            runner.end()
            assert (error["reason"], error["message"]) == (run.refused, refused.value.message)
            continue
        context = FakeContext()
        facts = run_op(op, run.params, run.inputs, here, context) | context.partials.facts()
        events = kept.run(f"{op} {index}", action(op, run.params, run.inputs, there))
        artifacts = of_type(events, "artifact")
        assert {event["role"]: event["digest"] for event in artifacts} == digests_of(op, here)
        assert of_type(events, "result")[0]["facts"] == facts


def test_calibration_data_have_the_bytes_that_they_always_had(sample, subset):
    assert digests_of("calibration_sample", sample) == {
        "database": "sha256:0304616aa27ce92995e7df91cce762af047156233310f45f4e3e80c52632ecbf",
        "captions": "sha256:e00c3cde6f05fe69905ca7dde11c56b27bb621811655804244bf257373327ef6",
    }
    # Golden: the database's bytes must not depend on the SQLite that wrote it.
    assert digests_of("calibration_subset", subset) == {
        "database": "sha256:2b94bd44d82d7a5851cda1d3662e18f078e9d581e2810384a70b0254c4819b8b",
        "captions": "sha256:2ac41809335d91d0aee2fdee088e9b4fa4d8b5af90e25ab69a44d0f624cff0c7",
    }


def test_weights_do_not_depend_on_the_processor(checkpoints):
    assert {
        family: digest_file(folder / "model.safetensors")[0]
        for family, folder in checkpoints.items()
    } == {
        "qwen3_vl": "sha256:2c5ca452a98249be07e1a53bd13a7182354d7e1f29a8ac2681134ba731eb2604",
        "qwen2_5_vl": "sha256:47bf0f904b0fa687fd3d062d001ec63e20290f361de38daaefee78e81665ced4",
    }


def test_another_seed_gives_another_checkpoint(checkpoints, tmp_path):
    run_op("tiny_checkpoint", {"family": "qwen3_vl", "seed": 1}, {}, tmp_path)
    one, other = tmp_path / "checkpoint", checkpoints["qwen3_vl"]
    for name in ("model.safetensors", "tokenizer.json"):
        assert digest_file(one / name) != digest_file(other / name)


def test_scores_of_captions_name_nothing_of_this_machine(lm_inputs, tmp_path):
    run_op("sensitivity_scores", scoring("lm"), lm_inputs, tmp_path)
    text = (tmp_path / "scores").read_text()
    scores = json.loads(text)
    compile_schema("scores").validate(scores)
    assert text == json.dumps(scores, indent=2) + "\n"
    assert str(tmp_path) not in text


def test_scores_of_images(image_inputs, tmp_path):
    run_op("sensitivity_scores", scoring("all_layers", "INT8"), image_inputs, tmp_path)
    scores = json.loads((tmp_path / "scores").read_text())
    compile_schema("scores").validate(scores)
    assert len(scores["groups"]) == 22
    assert all(group["enabled"] and group["score"] > 0 for group in scores["groups"])
