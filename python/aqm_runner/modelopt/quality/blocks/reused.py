"""What blocks of a model made of a batch, kept for plans that begin as an earlier plan did.

A block's output depends on the batch, and on the formats of its own layers and of all before it. Of
two plans that agree up to a block, the second is computed from there on. A plan that changes one
group of a plan that is kept costs half of a forward pass, on average.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from aqm_runner.modelopt.quality.blocks.passes import KeptPass, Pass, Trial, same_bits
from aqm_runner.modelopt.quality.blocks.stages import find_stages

# So many plans are kept at most: what many others differ from in a group each, and the last ones.
MOST_PLANS = 4
# While one is made, and while it is compared with a full pass, there are two more.
IN_THE_MAKING = 2
# To make sure takes some four passes of a batch: not before so many passes could be shorter.
WORTH_IT = 6
# A tower's output, with what it hands to several blocks, is as large as so many blocks' outputs.
OF_TOWERS = 4

Formats = tuple[str, ...]


@dataclass
class _Plan:
    """A plan as its stages' formats: of what comes before the blocks, then of each block."""

    stages: tuple[Formats, ...]
    batches: dict[Hashable, KeptPass] = field(default_factory=dict)

    def agrees(self, stages: tuple[Formats, ...]) -> tuple[int, int]:
        """Returns how many stages are alike, from the first, and how many groups in all."""
        alike = [mine == theirs for mine, theirs in zip(self.stages, stages, strict=True)]
        groups = sum(
            mine == theirs
            for ours, others in zip(self.stages, stages, strict=True)
            for mine, theirs in zip(ours, others, strict=True)
        )
        return alike.index(False) if False in alike else len(alike), groups


class ReusedBlocks:
    """Computes forward passes of a model under plans, and of each no more than is new.

    The first time that something is left out of a batch, the batch is computed in full as well, and
    then in a way that shows whether blocks depend on one another in any other way than through what
    they return (`Trial`). Where a bit differs, nothing is left out any more.

    Args:
        model: In evaluation mode.
        groups: Name and modules of the groups that plans choose formats for.
    """

    def __init__(self, model: Any, groups: Mapping[str, tuple[str, ...]]) -> None:
        found = find_stages(model, groups)
        self._blocks = [model.get_submodule(path) for path in found.blocks]
        self._towers = [model.get_submodule(path) for path in found.towers]
        self._stages = found.groups
        # What stood in modules of their own before; a module of its class has none.
        self._originals: dict[nn.Module, Any] = {}
        self._memory = 0
        self._most = 0
        self._plans: list[_Plan] = []
        self._now: _Plan | None = None
        self._could: Counter[Hashable] = Counter()
        self._sure: set[Hashable] = set()
        self._pass: Pass | None = None

    def allow(self, block_bytes: int, memory: int) -> None:
        """Says how much may be kept; nothing is kept before.

        Args:
            block_bytes: Of one block's outputs, for all batches.
            memory: Bytes that may be taken.
        """
        self._memory = memory
        self._most = MOST_PLANS if self._blocks else 0
        self._fit(block_bytes * (len(self._blocks) + OF_TOWERS * bool(self._towers)))
        if self._most > 0:
            self._watch()

    def begin(self, formats: Mapping[str, str]) -> None:
        """Says which format each group is in from now on."""
        if self._plans:
            self._fit(sum(each.bytes for each in self._plans[-1].batches.values()))
        if self._most < 1:
            self._give_up()
            return
        self._plans = self._plans[-self._most :]
        stages = tuple(tuple(formats[name] for name in stage) for stage in self._stages)
        known = [plan for plan in self._plans if plan.stages == stages]
        self._now = known[0] if known else _Plan(stages)

    def compute(self, batch: Hashable, forward: Callable[[], Tensor]) -> Tensor:
        """Returns what `forward` returns, which computes the model on a batch.

        Args:
            batch: What tells the batch from all others.
            forward: Returns logits.
        """
        if self._most < 1 or self._now is None:
            return forward()
        result = self._shorter(batch, forward)
        if result is not None:
            return result
        # No name holds what was kept: there may have been too little memory for it.
        self._give_up()
        return forward()

    def remove(self) -> None:
        """Leaves all modules as they were and lets go of what is kept."""
        self._give_up()
        for module, original in self._originals.items():
            if original is None:
                module.__dict__.pop("forward", None)
            else:
                module.forward = original
        self._originals = {}

    def _shorter(self, batch: Hashable, forward: Callable[[], Tensor]) -> Tensor | None:
        """Returns the logits of a pass that is as short as may be; None: only a full one will do.

        An error means that, too: what is left out may be missed in a way of a model's own. Any
        other comes up again.
        """
        plan, agreed = self._best(batch)
        try:
            done = self._new_pass(None if plan is None else plan.batches[batch], agreed)
            if done.leaves_out and not self._is_worth_it(batch):
                done = self._new_pass(None, 0)
            result = self._with(done, forward)
            if not done.sound:
                return None
            if done.leaves_out and batch not in self._sure:
                if not self._is_right(result, forward):
                    return None
                self._sure.add(batch)
        except Exception:
            return None
        self._keep(batch, done, plan)
        return result

    def _is_worth_it(self, batch: Hashable) -> bool:
        self._could[batch] += 1
        return batch in self._sure or self._could[batch] > WORTH_IT

    def _is_right(self, result: Tensor, forward: Callable[[], Tensor]) -> bool:
        """Returns whether a result is that of a full pass, and of a trial."""
        whole = self._new_pass(None, 0)
        if not (same_bits(self._with(whole, forward), result) and whole.sound):
            return False
        trial = Trial(whole.kept())
        return same_bits(self._with(trial, forward), result) and trial.sound

    def _new_pass(self, kept: KeptPass | None, agreed: int) -> Pass:
        return Pass(kept, agreed, len(self._towers), len(self._blocks))

    def _with(self, begun: Pass, forward: Callable[[], Tensor]) -> Tensor:
        self._pass = begun
        try:
            result = forward()
        finally:
            self._pass = None
        begun.end()
        return result

    def _best(self, batch: Hashable) -> tuple[_Plan | None, int]:
        """Returns the plan that has most in common with the present one, and how many stages."""
        assert self._now is not None
        known = [
            (*plan.agrees(self._now.stages), index)
            for index, plan in enumerate(self._plans)
            if batch in plan.batches
        ]
        # Of several, what plans are variants of: it is to be kept longest.
        agreed, _, index = max(known, default=(0, 0, 0))
        return (self._plans[index], agreed) if agreed else (None, 0)

    def _keep(self, batch: Hashable, done: Pass, used: _Plan | None) -> None:
        assert self._now is not None
        self._now.batches[batch] = done.kept()
        # The present plan last, before it the one that it has most in common with.
        for plan in (used, self._now):
            if plan is not None:
                self._plans = [each for each in self._plans if each is not plan] + [plan]
        # The plans before may still be of use for further batches.
        self._plans = self._plans[-self._most - 1 :]

    def _fit(self, bytes_of_a_plan: int) -> None:
        most = self._memory // max(bytes_of_a_plan, 1) - IN_THE_MAKING
        self._most = min(self._most, most)

    def _give_up(self) -> None:
        self._plans, self._now, self._most = [], None, 0

    def _watch(self) -> None:
        modules = [(self._tower, self._towers), (self._block, self._blocks)]
        for wrapped, each in modules:
            for index, module in enumerate(each):
                self._originals[module] = vars(module).get("forward")
                module.forward = wrapped(index, module.forward)

    def _tower(self, index: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._pass is None:
                return original(*args, **kwargs)

            def compute(change: Callable[[Any], Any]) -> Any:
                given = {name: change(value) for name, value in kwargs.items()}
                return original(*map(change, args), **given)

            return self._pass.tower(index, compute)

        return forward

    def _block(self, index: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._pass is None:
                return original(*args, **kwargs)
            given = args[0] if args else kwargs.get("hidden_states")

            # Only what flows from block to block is another one; all else a block gets stays.
            def compute(change: Callable[[Any], Any]) -> Any:
                if args:
                    return original(change(given), *args[1:], **kwargs)
                return original(**kwargs | {"hidden_states": change(given)})

            return self._pass.block(index, given, compute)

        return forward
