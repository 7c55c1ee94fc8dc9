"""MSE_V2 of Intel Neural Compressor: its documents, its bounds, our loop beside INC's own path."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from harness import FakeContext, Runner, action, compile_schema, of_type, request, run_op
from material import inc_scoring

from aqm_runner.inc.ranking import RankedOp, check_ranking
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.partials import Partials

UNPADDED = {"batch_size": 1, "padding": "longest", "score_size": 1, "calibration_samples": 1}


def score(
    inputs: dict[str, Path], folder: Path, partials: Partials | None = None, **params: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the score document and the ranked ops of a run; `scope` is "lm" if not given."""
    context = FakeContext()
    context.partials = partials or Partials()
    asked = inc_scoring(params.pop("scope", "lm"), **params)
    run_op("inc_scores", asked, inputs, folder, context)
    scores, ops = (json.loads((folder / role).read_text()) for role in ("scores", "ops"))
    compile_schema("scores").validate(scores)
    return scores, ops


def distances(ops: dict[str, Any]) -> dict[str, float]:
    return {item["op_name"]: item["mse"] for item in ops["int8_requant_sensitivity"]}


@pytest.fixture(scope="module")
def language(lm_inputs, tmp_path_factory) -> Path:
    """The outputs of a run over captions."""
    folder = tmp_path_factory.mktemp("language")
    score(lm_inputs, folder)
    return folder


def read(folder: Path, role: str) -> dict[str, Any]:
    return json.loads((folder / role).read_text())


def test_ops_are_ranked_from_the_least_sensitive_and_told_apart(language):
    ops = read(language, "ops")
    items = ops["int8_requant_sensitivity"]
    values = [item["mse"] for item in items]
    assert values == sorted(values)
    assert len(set(values)) == len(items) == 14
    assert {item["op_type"] for item in items} == {"Linear"}
    assert ops["fp32_fallback_sensitivity"] == []
    assert not any("visual" in item["op_name"] for item in items)


def test_a_ranking_says_what_made_it(language, lm_inputs):
    meta = read(language, "ops")["meta"]
    assert (meta["backend"], meta["device"], meta["strategy"]) == ("pytorch_fx", "cpu", "mse_v2")
    assert (meta["path"], meta["calib_samples"], meta["score_samples"]) == ("loop", 6, 4)
    assert meta["environment"]["neural-compressor"] == "2.6"
    assert str(lm_inputs["captions"].parent) not in json.dumps(meta)


def test_a_group_scores_the_sum_of_its_ops(language):
    by_op = distances(read(language, "ops"))
    groups = [group for group in read(language, "scores")["groups"] if group["enabled"]]
    assert [len(group["modules"]) for group in groups] == [3, 1, 2, 1] * 2
    for group in groups:
        assert group["score"] == pytest.approx(sum(by_op[op] for op in group["modules"]))
        assert group["executions"] == len(group["modules"])


def test_images_reach_every_layer(image_inputs, tmp_path):
    scores, ops = score(image_inputs, tmp_path, scope="all_layers", score_size=2)
    convolution, *others = scores["groups"]
    assert (convolution["name"], convolution["enabled"]) == ("model.visual.patch_embed.proj", False)
    assert all(group["enabled"] and group["score"] > 0 for group in others)
    assert {item["op_type"] for item in ops["int8_requant_sensitivity"]} == {"Linear"}


def test_images_that_share_batches_move_ops_about_as_they_do_alone(image_inputs, tmp_path):
    """Not more than about: INC's ranges come from histograms that are merged batch by batch."""
    asked = {"scope": "all_layers", "padding": "longest", "score_size": 4}
    alone, shared = (
        distances(score(image_inputs, tmp_path / str(size), **asked, batch_size=size)[1])
        for size in (1, 2)
    )
    assert shared == pytest.approx(alone, rel=0.25)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
@pytest.mark.parametrize("scope", ["lm", "all_layers"])
def test_our_loop_and_inc_s_own_path_agree(
    family, scope, checkpoints, lm_inputs, image_inputs, tmp_path
):
    """Of the language part all ops but the head; with images the first ops, which are of vision."""
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": checkpoints[family]}
    asked = UNPADDED | {"scope": scope, "include_lm_head": False}
    bound = None if scope == "lm" else 9
    _, by_inc = score(inputs, tmp_path / "inc", **asked, path="inc", max_ops=bound)
    _, by_loop = score(inputs, tmp_path / "loop", **asked)
    found = {"inc": distances(by_inc), "loop": distances(by_loop)}
    assert len(found["inc"]) == (14 if scope == "lm" else 9)
    for op, distance in found["inc"].items():
        assert found["loop"][op] == pytest.approx(distance, rel=1e-4)


def test_a_bound_leaves_whole_groups_out_and_says_so(lm_inputs, language, tmp_path):
    scores, ops = score(lm_inputs, tmp_path, max_ops=5)
    assert ops["meta"]["max_ops"] == 5
    whole = distances(read(language, "ops"))
    assert distances(ops).items() <= whole.items()
    assert [op.split(".")[-1] for op in sorted(distances(ops))] == [
        "k_proj",
        "o_proj",
        "q_proj",
        "v_proj",
    ]
    assert [group["enabled"] for group in scores["groups"] if "layers" in group["name"]] == [
        True,
        True,
        *[False] * 6,
    ]


def test_a_bound_that_leaves_no_op_is_refused(lm_inputs, tmp_path):
    with pytest.raises(RunnerError) as refused:
        score(lm_inputs, tmp_path, max_ops=2)
    assert refused.value.reason == "no_op_scored"


def test_inc_s_own_path_refuses_pads(lm_inputs, tmp_path):
    with pytest.raises(RunnerError) as refused:
        score(lm_inputs, tmp_path, path="inc")
    assert refused.value.reason == "padded_batch"


def test_one_scale_for_a_whole_weight_is_refused(lm_inputs, tmp_path):
    config = {"weight": {"num_bits": 8, "axis": None}, "input": {"num_bits": 8, "axis": None}}
    with pytest.raises(RunnerError) as refused:
        score(lm_inputs, tmp_path, format={"name": "INT8", "config": config})
    assert refused.value.reason == "unsupported_format"


@pytest.mark.parametrize(
    ("values", "reason"),
    [([], "no_op_scored"), ([0.0, 0.0], "all_zero"), ([239756304.0] * 3, "same_for_all")],
)
def test_a_ranking_that_tells_nothing_apart_is_refused(values, reason):
    """The last is what the published list has: one value for three ops."""
    ops = [RankedOp(f"op{index}", "Linear", value, {}) for index, value in enumerate(values)]
    with pytest.raises(RunnerError) as refused:
        check_ranking(ops, "INT8")
    assert refused.value.reason == reason


def test_a_longer_run_continues_a_shorter_one(lm_inputs, language, tmp_path):
    """Each op on each batch is an item; both bounds only say how many are wanted."""
    runs = [
        ({"max_ops": 5, "score_size": 4}, {"measured": 4, "reused": 0}),
        ({}, {"measured": 10, "reused": 4}),
        ({"score_size": 8}, {"measured": 14, "reused": 14}),
        ({}, {"measured": 0, "reused": 14}),
    ]
    for index, (changes, expected) in enumerate(runs):
        partials = Partials(tmp_path / "kept")
        score(lm_inputs, tmp_path / f"{index}", partials, **changes)
        assert partials.facts() == {"items": expected}
    for role in ("scores", "ops"):
        for index in (1, 3):
            assert (tmp_path / f"{index}" / role).read_bytes() == (language / role).read_bytes()


def test_a_killed_process_loses_the_op_at_hand_and_the_next_one_continues(
    lm_inputs, language, tmp_path
):
    """SIGKILL in the middle: where one item is written first, a pipe keeps the process waiting."""

    def asked(name: str) -> dict[str, Any]:
        given = action("inc_scores", inc_scoring(), lm_inputs, tmp_path / name)
        return given | {"id": name, "partial": str(tmp_path / "partial")}

    def run(name: str) -> dict[str, int]:
        runner = Runner(tmp_path / f"{name}.log")
        events = runner.run(name, asked(name))
        runner.end()
        return of_type(events, "result")[0]["facts"]["items"]

    assert run("whole") == {"measured": 14, "reused": 0}
    (folder,) = (tmp_path / "partial").iterdir()
    in_order = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    at = in_order[7]
    for path in in_order:
        path.unlink()
    doomed = Runner(tmp_path / "doomed.log")
    pipe = at.with_name(f"{at.name}.{doomed.process.pid}.tmp")
    os.mkfifo(pipe)
    doomed.send(request("doomed", asked("doomed")))
    with pipe.open():  # opens once the process writes that item
        os.kill(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait()
    at.unlink(missing_ok=True)
    pipe.unlink(missing_ok=True)

    assert run("continued") == {"measured": 7, "reused": 7}
    for role in ("scores", "ops"):
        assert (tmp_path / "continued" / role).read_bytes() == (language / role).read_bytes()
