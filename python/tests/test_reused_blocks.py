"""Plans that begin as an earlier one did are computed from where they differ, to the same bits."""

import random
from typing import Any

import pytest
from material import measuring
from plan_files import groups_of, write_plans
from quality_runs import judge

from aqm_runner.modelopt.quality import judged_model
from aqm_runner.modelopt.quality.blocks import reused
from aqm_runner.modelopt.quality.blocks.passes import Pass

FORMATS = ("FP8", "INT8", "NONE")


def changed_one_by_one(groups: dict[str, Any], seed: int) -> dict[str, list[str]]:
    """Returns plans: a random one, and others that differ from it in one or two groups."""
    chance = random.Random(seed)
    base = chance.choices(FORMATS, k=len(groups))
    plans = {"base": base}
    for index in range(6):
        other = list(base)
        for at in chance.sample(range(len(groups)), 1 + index % 2):
            other[at] = chance.choice(FORMATS)
        plans[f"near-{index}"] = other
    return plans | {"random": chance.choices(FORMATS, k=len(groups)), "again": base}


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """Gets how many blocks were computed in each forward pass."""
    counts: list[int] = []
    original = Pass.block

    def block(self, index, given, compute):
        def counted(it):
            counts[-1] += 1
            return compute(it)

        if index == 0:
            counts.append(0)
        return original(self, index, given, counted)

    monkeypatch.setattr(Pass, "block", block)
    return counts


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    """Nothing is waited for before a pass is made shorter."""
    monkeypatch.setattr(reused, "WORTH_IT", 0)


@pytest.mark.parametrize("scope", ["lm", "all_layers"])
def test_plans_have_the_bits_that_they_have_in_full(
    scope, quality_inputs, monkeypatch, computed, tmp_path
):
    inputs = quality_inputs[scope]
    groups = groups_of(inputs["checkpoint"], scope)
    plans = [write_plans(tmp_path / "plans.json", groups, **changed_one_by_one(groups, 7))]
    params = measuring(scope, "FP8", "INT8")
    judge(params, inputs, plans, tmp_path / "reused")
    passes, reused = len(computed), sum(computed)
    monkeypatch.setattr(judged_model, "BLOCKS_ON_A_CPU", 0)
    judge(params, inputs, plans, tmp_path / "full")
    assert len(computed) == passes
    assert reused < passes * max(computed)
    assert (tmp_path / "reused/plans").read_bytes() == (tmp_path / "full/plans").read_bytes()
