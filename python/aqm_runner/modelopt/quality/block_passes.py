"""Forward passes of a model as a chain: towers first, then blocks, some of them left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

# A block as a function of what it is given; all else that it gets stays.
Block = Callable[[Any], Any]


@dataclass(frozen=True)
class KeptPass:
    """What is kept of a pass.

    Attributes:
        towers: What each tower returned.
        given: What each block was given.
        outputs: What each block returned.
    """

    towers: list[Any]
    given: list[Tensor]
    outputs: list[Tensor]


class Pass:
    """One forward pass.

    Args:
        kept: A former pass of the same batch, from which all is taken that need not be computed.
        agreed: Stages that have the formats of the former pass: towers, then blocks.
        towers: How many towers there are.
        blocks: How many blocks there are.

    Attributes:
        sound: Whether towers came before blocks, all once and in their order, each block returned
            one tensor of the shape of what it was given, and the first one that was computed was
            given what it was given in the former pass.
    """

    def __init__(self, kept: KeptPass | None, agreed: int, towers: int, blocks: int) -> None:
        self._kept = kept
        self._count = (towers, blocks)
        # The first block that is computed.
        self._first = 0 if kept is None else max(agreed - 1, 0)
        self._towers: list[Any] = []
        self._given: list[Tensor] = []
        self._outputs: list[Tensor] = []
        self.sound = True

    @property
    def left_out(self) -> tuple[bool, bool]:
        """Whether towers are not computed, and whether blocks are not."""
        return self._kept is not None and bool(self._kept.towers), self._first > 0

    def tower(self, index: int, compute: Callable[[], Any]) -> Any:
        """Returns what a tower returns."""
        self.sound &= index == len(self._towers) and not self._outputs
        made = compute() if self._kept is None else self._kept.towers[index]
        self._towers.append(_copied(made))
        return _copied(made)

    def block(self, index: int, given: Any, compute: Block) -> Any:
        """Returns what a block returns; of one that is left out, what it was given."""
        self.sound &= index == len(self._outputs)
        if index < self._first:
            assert self._kept is not None
            kept = self._kept.outputs[index]
            self._given.append(self._kept.given[index])
            self._outputs.append(kept)
            return given if index + 1 < self._first else kept
        if index == self._first > 0:
            assert self._kept is not None
            before = self._kept.given[index]
            self.sound &= before is given or torch.equal(before, given)
        made = compute(given)
        alike = isinstance(made, Tensor) and isinstance(given, Tensor) and made.shape == given.shape
        self.sound &= alike
        self._given.append(given)
        self._outputs.append(made)
        return made

    def end(self) -> None:
        """Says that the pass is over."""
        self.sound &= (len(self._towers), len(self._outputs)) == self._count

    def kept(self) -> KeptPass:
        """Returns what is kept of it."""
        return KeptPass(self._towers, self._given, self._outputs)


class Trial(Pass):
    """A pass that shows whether each block depends on nothing but what it is given.

    Each block is computed from what it was given in a former pass, and must make of it what it
    made then. Then it is computed from something else, of which all that comes after gets what it
    may get beside: attributes of modules, shared keys and values, sums of earlier outputs. The last
    block returns what it should.

    Args:
        kept: A former pass of the batch under the same formats, with all blocks in it.
    """

    def __init__(self, kept: KeptPass) -> None:
        super().__init__(kept, 0, len(kept.towers), len(kept.outputs))

    def block(self, index: int, _given: Any, compute: Block) -> Any:
        """Returns something else than the block does, unless it is the last one."""
        assert self._kept is not None
        before, output = self._kept.given[index], self._kept.outputs[index]
        self.sound &= index == len(self._outputs)
        self._outputs.append(output)
        made = compute(before.clone())
        self.sound &= torch.equal(made, output)
        other = compute(before.roll(1, -1))
        return made if index + 1 == len(self._kept.outputs) else other


def _copied(output: Any) -> Any:
    """Returns the same tensors in containers of their own: models put other things into those."""
    return tree_map(lambda each: each, output)
