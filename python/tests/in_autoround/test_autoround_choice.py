"""AutoScheme's own choice for budgets, held against all choices that there are."""

import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from autoround_material import SCHEMES, choosing, delta_loss
from harness import place, run_op

from aqm_runner.quality.plans import NONE, read_plans
from aqm_runner.runner.failures import RunnerError

HEAD = "lm_head"


def chosen(params: dict[str, Any], inputs: dict[str, Path], folder: Path) -> dict[str, Any]:
    run_op("autoround_choice", params, inputs, folder)
    return json.loads((folder / "choice").read_text())


def least_loss(document: dict[str, Any], budget: float) -> float:
    """Returns the smallest sum of scores within a budget, of all choices, without scales."""
    bits = {each["name"]: each["config"]["bits"] for each in document["candidates"]} | {NONE: 16}
    groups = document["groups"]
    most = budget * sum(group["weights"] for group in groups)
    best = float("inf")
    for formats in product(bits, repeat=len(groups)):
        pairs = list(zip(groups, formats, strict=True))
        if sum(group["weights"] * bits[name] for group, name in pairs) <= most:
            loss = sum(group["scores"].get(name, 0) for group, name in pairs)
            best = min(best, loss)
    return best


def test_its_choice_is_the_best_of_all_choices_by_its_own_scores(lm_inputs, tmp_path):
    budgets = [4.0, 5.0, 6.5, 8.0, 11.0, 16.0]
    document = chosen(choosing("lm", budgets=budgets, count_scales=False), lm_inputs, tmp_path)
    assert [plan["budget"] for plan in document["plans"]] == budgets
    for plan in document["plans"]:
        assert plan["bits"] <= plan["budget"]
        assert plan["loss"] == pytest.approx(least_loss(document, plan["budget"]), rel=1e-12)
    losses = [plan["loss"] for plan in document["plans"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == 0


def test_it_chooses_by_the_scores_of_the_other_op(lm_inputs, tmp_path):
    document = chosen(choosing("lm"), lm_inputs, tmp_path)
    for name in ("INT4_WEIGHTS", "INT8"):
        run_op("autoround_scores", delta_loss("lm", name), lm_inputs, tmp_path / name)
        scores = json.loads((tmp_path / name / "scores").read_text())
        enabled = {each["name"]: each["score"] for each in scores["groups"] if each["enabled"]}
        assert {each["name"]: each["scores"][name] for each in document["groups"]} == enabled


def test_the_output_head_gets_six_bits_at_least_whatever_its_score(image_inputs, tmp_path):
    """AutoScheme has a rule of its own for a head, so that its loss may be above the optimum."""
    params = choosing("all_layers", budgets=[6.0])
    document = chosen(params, image_inputs, tmp_path)
    (plan,) = document["plans"]
    formats = dict(zip((each["name"] for each in document["groups"]), plan["formats"], strict=True))
    assert formats[HEAD] != "INT4_WEIGHTS"
    assert "INT4_WEIGHTS" in formats.values()


def test_scales_are_charged_where_that_is_asked(lm_inputs, tmp_path):
    both = [
        chosen(choosing("lm", budgets=[5.0], count_scales=each), lm_inputs, tmp_path / str(each))
        for each in (False, True)
    ]
    plain, charged = (document["plans"][0] for document in both)
    assert charged["bits"] <= 5
    assert charged["loss"] > plain["loss"]


@pytest.mark.parametrize("unit", ["group", "layer"])
def test_the_document_is_one_of_plans(unit, lm_inputs, tmp_path):
    document = chosen(choosing("lm", unit=unit), lm_inputs, tmp_path)
    plans = read_plans(place(tmp_path / "choice", "file"))
    assert [plan.name for plan in plans.plans] == ["6 bits", "9 bits"]
    fused = [modules for modules in plans.groups.values() if len(modules) > 1]
    assert bool(fused) == (unit == "group")
    assert len(document["plans"][0]["formats"]) == len(plans.groups)


def test_the_choice_is_the_same_twice_and_other_weights_give_another(
    checkpoints, lm_inputs, tmp_path
):
    """AutoRound's cache, whose key leaves out the weights, is in a folder of each run."""
    run_op("tiny_checkpoint", {"family": "qwen3_vl", "seed": 1}, {}, tmp_path / "model")
    given = {
        "first": lm_inputs,
        "again": lm_inputs,
        "other": lm_inputs | {"checkpoint": tmp_path / "model" / "checkpoint"},
    }
    for turn, inputs in given.items():
        chosen(choosing("lm"), inputs, tmp_path / turn)
    texts = {turn: (tmp_path / turn / "choice").read_bytes() for turn in given}
    assert texts["first"] == texts["again"] != texts["other"]
    assert "AR_AUTO_SCHEME_CACHE" not in os.environ


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"budgets": [2.0]}, "budget_out_of_range"),
        (
            {"candidates": [{"name": n, "config": SCHEMES["INT8"]} for n in ("A", "B")]},
            "candidate_twice",
        ),
        ({"candidates": [{"name": NONE, "config": SCHEMES["INT8"]}]}, "candidate_twice"),
    ],
)
def test_what_cannot_be_chosen_is_refused(changes, reason, lm_inputs, tmp_path):
    with pytest.raises(RunnerError) as refused:
        chosen(choosing("lm", **changes), lm_inputs, tmp_path)
    assert refused.value.reason == reason
