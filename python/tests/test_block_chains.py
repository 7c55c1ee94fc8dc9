"""Forward passes of chains of blocks, and of what only looks like one: the bits of full passes."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from aqm_runner.modelopt.quality.blocks import reused
from aqm_runner.modelopt.quality.blocks.passes import same_bits
from aqm_runner.modelopt.quality.blocks.reused import ReusedBlocks


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    """Nothing is waited for before a pass is made shorter."""
    monkeypatch.setattr(reused, "WORTH_IT", 0)


FACTORS = {"A": 1.0, "B": 0.75, "C": -0.5}
# Blocks that leave something elsewhere, or return more than one tensor.
NO_CHAIN = ("returns more", "overwrites", "leaves the first", "leaves the largest", "sums up")
# What is still a chain of blocks, of which each sees what it would see in a full pass.
CHAIN = ("", "writes to what it is given", "writes between", "adds between", "adds in the end")


class Block(GradientCheckpointingLayer):
    """A layer with a factor for its weight, which the format decides."""

    def __init__(self, how: str, place: int, left: dict[str, Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.factor = 1.0
        self.computed = 0
        self.place, self.left, self.how = place, left, how

    def forward(self, hidden_states: Tensor) -> Any:
        self.computed += 1
        if self.how == "writes to what it is given":
            hidden_states.add_(1)
        made = torch.tanh(nn.functional.linear(hidden_states, self.layer.weight * self.factor))
        if self.how == "overwrites":
            if self.place == 1:
                self.left["output"] = made
            if self.place == 5:
                made = made + self.left["output"]
        if self.how == "leaves the first":
            made = made + self.left.setdefault("first", made)
        if self.how == "leaves the largest":
            if self.place == 1:
                self.left["largest"] = hidden_states.abs().amax(-1, keepdim=True)
            if self.place == 3:
                made = made * self.left["largest"]
        if self.how == "sums up":
            self.left["sum"] = self.left.get("sum", 0) + made
        return (made,) if self.how == "returns more" else made


class Tower(nn.Module):
    """What comes before the blocks."""

    def __init__(self, left: dict[str, Tensor], leaves: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.factor = 1.0
        self.computed = 0
        self.left, self.leaves = left, leaves

    def forward(self, given: Tensor) -> dict[str, Tensor]:
        self.computed += 1
        made = nn.functional.linear(given, self.layer.weight * self.factor)
        if self.leaves:
            self.left["tower"] = made
        return {"made": made}


class Chain(nn.Module):
    """A tower or none, blocks one after the other, and a head."""

    def __init__(self, blocks: int, how: str = "", tower: bool = False) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.left: dict[str, Tensor] = {}
        self.how = how
        self.tower = Tower(self.left, how == "tower leaves something") if tower else None
        self.layers = nn.ModuleList(Block(how, place, self.left) for place in range(blocks))
        self.head = nn.Linear(4, 3)
        names = [*(["tower.layer"] if tower else []), *(f"layers.{i}.layer" for i in range(blocks))]
        self.groups = {name: (name,) for name in names}

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    @property
    def parts(self) -> list[Any]:
        return [*([self.tower] if self.tower else []), *self.layers]

    def choose(self, formats: dict[str, str]) -> None:
        for part, name in zip(self.parts, formats.values(), strict=True):
            part.factor = FACTORS[name]

    @property
    def computed(self) -> int:
        return sum(part.computed for part in self.parts)

    def forward(self, given: Tensor) -> Tensor:
        for each in [name for name in self.left if name != "tower"]:
            del self.left[each]
        hidden, first = given, None
        if self.tower:
            of_tower = self.tower(given)
            hidden = of_tower["made"]
            of_tower["made"] = hidden[:1]  # as transformers does with what towers return
        for index, block in enumerate(self.layers):
            hidden = block(hidden)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            first = hidden if index == 0 else first
            if self.how == "writes between":
                hidden.add_(0.5)
            if self.how == "adds between" and index == 2:
                hidden = hidden + first
        if self.how == "adds in the end":
            hidden = hidden + first
        return self.head(hidden + self.left.get("sum", 0) + self.left.get("tower", 0))


def run(chain: Chain, plans: list[str], memory: int = 1 << 20) -> tuple[list[Tensor], list[int]]:
    """Returns logits of two batches under each plan, a letter a group, and blocks computed."""
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
    assert not any("forward" in vars(part) for part in chain.parts)
    return results, counts


def same(found: list[Tensor], chain: Chain, plans: list[str]) -> bool:
    """Returns whether logits are those of a chain without anything left out."""
    expected, _ = run(chain, plans, memory=0)
    return all(map(same_bits, found, expected)) and len(found) == len(expected)


def test_a_plan_that_changes_one_group_is_computed_from_there():
    plans = ["AAAAA", *("A" * at + "B" + "A" * (4 - at) for at in range(5)), "AAAAA", "AAAAC"]
    found, counts = run(Chain(5), plans)
    # Two batches. The first time that something is left out, they are computed in full as well,
    # and in a trial, which computes each block three times.
    assert counts == [10, 10, 2 * (4 + 5 + 15), 6, 4, 2, 0, 2]
    assert same(found, Chain(5), plans)


def test_no_pass_is_made_shorter_before_that_is_worth_a_trial(monkeypatch):
    monkeypatch.setattr(reused, "WORTH_IT", 3)
    plans = ["AAAA", *["AAAB", "AAAC"] * 4]
    found, counts = run(Chain(4), plans)
    assert counts == [8, 8, 8, 8, 2 * (0 + 4 + 12), 0, 0, 0, 0]
    assert same(found, Chain(4), plans)


@pytest.mark.parametrize("how", CHAIN)
@pytest.mark.parametrize("tower", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_random_plans_say_what_they_say_in_full(how, tower, seed):
    chance = random.Random(seed)
    groups = 6 + tower
    plans = ["".join(chance.choices("ABC", k=groups)) for _ in range(4)]
    for _ in range(30):
        at = chance.randrange(groups)
        plan = chance.choice(plans)
        plans.append(plan[:at] + chance.choice("ABC") + plan[at + 1 :])
    memory = chance.choice([1 << 20, 8000, 6000])
    found, counts = run(Chain(6, how, tower), plans, memory)
    assert same(found, Chain(6, how, tower), plans)
    assert sum(counts[-10:]) < 10 * 2 * groups


def test_with_less_memory_fewer_plans_are_kept():
    plans = ["AAAAAA", "AAAAAB", "CAAAAA", "AAAAAC"]
    of_a_plan = 6 * 8 * 5 * 4  # blocks, and numbers of both batches in bytes
    checked = 2 * (1 + 6 + 18)
    assert run(Chain(6), plans, 4 * of_a_plan)[1] == [12, checked, 12, 2]
    assert run(Chain(6), plans, 3 * of_a_plan)[1] == [12, checked, 12, 12]
    assert run(Chain(6), plans, 3 * of_a_plan - 1)[1] == [12] * 4


SECOND = ["AAAAAA", "AAAAAB", "AABAAA", "ABAAAA", "BAAAAA"]


@pytest.mark.parametrize("how", NO_CHAIN)
@pytest.mark.parametrize("second", SECOND)
def test_a_model_that_is_no_chain_of_blocks_is_computed_in_full(how, second):
    plans = ["AAAAAA", second, "AAABBA", "AABBBA", "AAAAAB", "AAAAAC"]
    found, counts = run(Chain(6, how), plans)
    assert same(found, Chain(6, how), plans)
    assert counts[-1] == 12


@pytest.mark.parametrize("second", ["A" + each for each in SECOND])
def test_a_tower_that_leaves_something_elsewhere_is_not_left_out(second):
    plans = ["AAAAAAA", second, "BAAAAAA", "AAAAAAA", "AAAAAAB"]
    chain = Chain(6, "tower leaves something", tower=True)
    found, _ = run(chain, plans)
    assert same(found, Chain(6, "tower leaves something", tower=True), plans)


@pytest.mark.parametrize("at", range(2, 40))
def test_a_pass_that_fails_is_made_again_in_full_and_nothing_more_is_left_out(at):
    """Memory that is short in the middle of any pass, be it of a trial."""
    chain, calls = Chain(4), []
    original = Chain.forward

    def fails_once(self: Chain, given: Tensor) -> Tensor:
        calls.append(None)
        found = original(self, given)
        if len(calls) == at:
            raise torch.OutOfMemoryError
        return found

    plans = ["AAAA", "AAAB", "AABB", "AAAC", "ABAC"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chain, "forward", fails_once)
        found, _ = run(chain, plans)
    assert same(found, Chain(4), plans)


def test_a_plan_of_nan_changes_nothing_for_others():
    plans = ["AAAA", "AAAC", "AAAB", "AABB", "AAAB"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FACTORS, "C", float("nan"))
        found, counts = run(Chain(4), plans)
        assert same(found, Chain(4), plans)
    assert counts[-1] == 0


def test_another_forward_of_a_module_is_there_again_afterwards():
    chain = Chain(3)
    hooked = chain.layers[1].forward
    chain.layers[1].forward = lambda given: hooked(given) * 2
    mine = chain.layers[1].forward
    reused = ReusedBlocks(chain, chain.groups)
    reused.allow(1, 1 << 20)
    assert chain.layers[1].forward is not mine
    reused.remove()
    assert chain.layers[1].forward is mine
