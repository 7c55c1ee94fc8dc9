"""What blocks of a model made of a batch, kept for plans that begin as an earlier plan did.

A block's output depends on the batch, and on the formats of its own layers and of all before it. Of
two plans that agree up to a block, the second is computed from there on. A plan that changes one
group of a plan that is kept costs half of a forward pass, on average.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from aqm_runner.modelopt.quality.block_passes import KeptPass, Pass, Trial
from aqm_runner.modelopt.quality.block_stages import find_stages

# So many plans are kept at most: what many others differ from in a group each, and the last ones.
MOST_PLANS = 4
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

    It leaves out nothing any more as soon as a model turns out not to be a chain of blocks:

    - the first time that something is left out of a batch, towers or blocks, the batch is computed
      in full as well, and each bit compared;
    - the first time of all, each block is computed from what it was given then, after all blocks
      before it were computed from something else (`Trial`);
    - each time, the first block that is computed must be given what it was given before.

    Args:
        model: In evaluation mode.
        groups: Name and modules of the groups that plans choose formats for.
    """

    def __init__(self, model: Any, groups: Mapping[str, tuple[str, ...]]) -> None:
        found = find_stages(model, groups)
        self._blocks = [model.get_submodule(path) for path in found.blocks]
        self._towers = [model.get_submodule(path) for path in found.towers]
        self._stages = found.groups
        self._plans: list[_Plan] = []
        self._now: _Plan | None = None
        self._most = 0
        self._compared: set[Hashable] = set()
        self._tried = False
        self._pass: Pass | None = None

    def allow(self, block_bytes: int, memory: int) -> None:
        """Says how much may be kept; nothing is kept before.

        Args:
            block_bytes: Of one block's outputs, for all batches.
            memory: Bytes that may be taken.
        """
        of_a_plan = block_bytes * (len(self._blocks) + OF_TOWERS * bool(self._towers))
        # One more is made before another goes.
        self._most = min(MOST_PLANS, memory // of_a_plan - 1) if self._blocks else 0
        if self._most > 0:
            self._watch()

    def begin(self, formats: Mapping[str, str]) -> None:
        """Says which format each group is in from now on."""
        if self._most < 1:
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
        plan, agreed = self._best(batch)
        begun = self._new_pass(None if plan is None else plan.batches[batch], agreed)
        if any(begun.left_out):
            result = self._shortened(batch, begun, forward)
        else:
            result = self._with(begun, forward)
        if result is None or not begun.sound:
            self._give_up()
            return forward() if any(begun.left_out) else result
        self._keep(batch, begun, plan)
        return result

    def remove(self) -> None:
        """Leaves all modules as they were and lets go of what is kept."""
        self._give_up()
        for module in [*self._blocks, *self._towers]:
            module.__dict__.pop("forward", None)

    def _shortened(
        self, batch: Hashable, begun: Pass, forward: Callable[[], Tensor]
    ) -> Tensor | None:
        """Returns the logits of a pass that leaves something out; None if it must not."""
        try:
            result = self._with(begun, forward)
            if begun.sound and not self._is_right(result, (batch, *begun.left_out), forward):
                return None
        except Exception:
            # What is left out may be missed in a way of a model's own; else it comes up again.
            return None
        return result

    def _is_right(self, result: Tensor, left_out: Hashable, forward: Callable[[], Tensor]) -> bool:
        """Returns whether a result is that of a full pass, as far as that is not known yet."""
        if left_out in self._compared:
            return True
        self._compared.add(left_out)
        whole = self._new_pass(None, 0)
        if not (torch.equal(result, self._with(whole, forward)) and whole.sound):
            return False
        if self._tried:
            return True
        self._tried = True
        trial = Trial(whole.kept())
        return torch.equal(result, self._with(trial, forward)) and trial.sound

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

    def _give_up(self) -> None:
        self._plans, self._now, self._most = [], None, 0

    def _watch(self) -> None:
        for index, tower in enumerate(self._towers):
            tower.forward = self._tower(index, tower.forward)
        for index, block in enumerate(self._blocks):
            block.forward = self._block(index, block.forward)

    def _tower(self, index: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._pass is None:
                return original(*args, **kwargs)
            return self._pass.tower(index, lambda: original(*args, **kwargs))

        return forward

    def _block(self, index: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._pass is None:
                return original(*args, **kwargs)
            if args:
                return self._pass.block(index, args[0], lambda x: original(x, *args[1:], **kwargs))
            given = kwargs.pop("hidden_states", None)
            return self._pass.block(index, given, lambda x: original(hidden_states=x, **kwargs))

        return forward
