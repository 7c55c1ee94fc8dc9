"""Plans that begin as an earlier one did are computed from where they differ, to the same bits."""

import random
from typing import Any

import pytest
import torch
from material import measuring
from plan_files import groups_of, write_plans
from quality_runs import judge
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from aqm_runner.modelopt.quality import judged_model
from aqm_runner.modelopt.quality.block_passes import Pass
from aqm_runner.modelopt.quality.reused_blocks import ReusedBlocks

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


FACTORS = {"A": 1.0, "B": 0.75, "C": -0.5}


class Block(GradientCheckpointingLayer):
    """A layer whose weight a format multiplies."""

    def __init__(self, how: str, place: int, left: dict[str, Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.factor = 1.0
        self.computed = 0
        self.place, self.left = place, left
        self._how = how

    def forward(self, hidden_states: Tensor) -> Any:
        self.computed += 1
        if self._how == "writes to what it is given":
            hidden_states.add_(1)
        made = torch.tanh(nn.functional.linear(hidden_states, self.layer.weight * self.factor))
        if self._how == "leaves something for the last block":
            if self.place == 1:
                self.left["output"] = made
            if self.place == 5:
                made = made + self.left["output"]
        return (made,) if self._how == "returns more" else made


class Chain(nn.Module):
    """Blocks one after the other, then a head."""

    def __init__(self, blocks: int, how: str = "") -> None:
        super().__init__()
        left: dict[str, Tensor] = {}
        self.layers = nn.ModuleList(Block(how, place, left) for place in range(blocks))
        self.head = nn.Linear(4, 3)
        self.how = how
        self.scale = 1.0
        self.groups = {
            f"layers.{index}.layer": (f"layers.{index}.layer",) for index in range(blocks)
        }

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def choose(self, formats: dict[str, str]) -> None:
        for block, name in zip(self.layers, formats.values(), strict=False):
            block.factor = FACTORS[name]
        self.scale = FACTORS[formats.get("head", "A")]

    @property
    def computed(self) -> int:
        return sum(block.computed for block in self.layers)

    def forward(self, given: Tensor) -> Tensor:
        hidden, first = given, None
        for index, block in enumerate(self.layers):
            hidden = block(hidden)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            first = hidden if index == 0 else first
            if self.how == "adds the first block's output between others" and index == 2:
                hidden = hidden + first
        if self.how == "adds the first block's output in the end":
            hidden = hidden + first
        return self.head(hidden) * self.scale


def run(chain: Chain, plans: list[str], memory: int = 1 << 20) -> tuple[list[Tensor], list[int]]:
    """Returns logits of two batches under each plan, a letter a block, and blocks computed."""
    batches = [torch.linspace(-1, 1, 8 * (2 + index)).reshape(-1, 4) for index in range(2)]
    reused = ReusedBlocks(chain, chain.groups)
    reused.allow(sum(batch.nbytes for batch in batches), memory)
    results, counts = [], []
    with torch.inference_mode():
        for plan in plans:
            formats = dict(zip(chain.groups, plan, strict=True))
            chain.choose(formats)
            reused.begin(formats)
            before = chain.computed
            results += [
                reused.compute(index, lambda batch=batch: chain(batch.clone()))
                for index, batch in enumerate(batches)
            ]
            counts.append(chain.computed - before)
    reused.remove()
    assert not any("forward" in vars(block) for block in chain.layers)
    return results, counts


def in_full(chain: Chain, plans: list[str]) -> list[Tensor]:
    """Returns the same logits without anything left out."""
    return run(chain, plans, memory=0)[0]


def chain_of(blocks: int, how: str = "") -> Chain:
    torch.manual_seed(5)
    return Chain(blocks, how)


def same(found: list[Tensor], expected: list[Tensor]) -> bool:
    return all(map(torch.equal, found, expected)) and len(found) == len(expected)


def test_a_plan_that_changes_one_group_is_computed_from_there():
    plans = ["AAAAA", *("A" * at + "B" + "A" * (4 - at) for at in range(5)), "AAAAA", "AAAAC"]
    found, counts = run(chain_of(5), plans)
    # Two batches. The first time that something is left out, both are computed in full as well, and
    # the blocks of one twice each.
    assert counts == [10, 10, 2 * (4 + 5) + 2 * 5, 6, 4, 2, 0, 2]
    assert same(found, in_full(chain_of(5), plans))


@pytest.mark.parametrize("seed", range(20))
def test_random_plans_say_what_they_say_in_full(seed):
    chance = random.Random(seed)
    plans = ["".join(chance.choices("ABC", k=6)) for _ in range(4)]
    for _ in range(30):
        at = chance.randrange(6)
        plan = chance.choice(plans)
        plans.append(plan[:at] + chance.choice("ABC") + plan[at + 1 :])
    memory = chance.choice([1 << 20, 4000, 2000, 0])
    found, counts = run(chain_of(6), plans, memory)
    assert same(found, in_full(chain_of(6), plans))
    assert sum(counts) < 12 * len(plans) or memory < 4000


def test_with_less_memory_fewer_plans_are_kept():
    plans = ["AAAAAA", "AAAAAB", "CAAAAA", "AAAAAC"]
    of_a_plan = 6 * 8 * 5 * 4  # blocks, and numbers of both batches in bytes
    assert run(chain_of(6), plans, 4 * of_a_plan)[1] == [12, 2 + 12 + 12, 12, 2]
    assert run(chain_of(6), plans, 2 * of_a_plan)[1] == [12, 2 + 12 + 12, 12, 12]
    assert run(chain_of(6), plans, 2 * of_a_plan - 1)[1] == [12] * 4


@pytest.mark.parametrize(
    "how",
    [
        "writes to what it is given",
        "returns more",
        "leaves something for the last block",
        "adds the first block's output between others",
        "adds the first block's output in the end",
    ],
)
@pytest.mark.parametrize("second", ["AAAAAB", "ABAAAA", "BAAAAA"])
def test_a_model_that_is_no_chain_of_blocks_is_computed_in_full(how, second):
    plans = ["AAAAAA", second, "AAABBA", "AABBBA", "AAAAAB", "AAAAAC"]
    found, counts = run(chain_of(6, how), plans)
    assert same(found, in_full(chain_of(6, how), plans))
    assert counts[-1] == 12
