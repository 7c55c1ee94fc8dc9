"""Forward passes of a model as a chain: towers first, then blocks, some of them left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

# A module as a function of the tensors that it is given: each is put through what it gets.
Compute = Callable[[Callable[[Any], Any]], Any]


@dataclass(frozen=True)
class KeptPass:
    """What is kept of a pass: what towers and blocks returned, in their order."""

    towers: list[Any]
    blocks: list[Tensor]

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return sum(
            each.nbytes for each in tree_leaves([self.towers, self.blocks]) if _is_tensor(each)
        )


class Pass:
    """One forward pass.

    A tower or block that is left out returns what it returned in a former pass, so that all that is
    computed between them is as in a full pass. Copies are kept: models write to what they are
    given.

    Args:
        kept: A former pass of the same batch, from which all is taken that need not be computed.
        agreed: Stages that have the formats of the former pass: towers, then blocks.
        towers: How many towers there are.
        blocks: How many blocks there are.

    Attributes:
        sound: Whether towers came before blocks, all once and in their order, and each block
            returned one tensor of the shape of what it was given.
    """

    def __init__(self, kept: KeptPass | None, agreed: int, towers: int, blocks: int) -> None:
        self._kept = kept if agreed else None
        self._count = (towers, blocks)
        # The first block that is computed.
        self._first = max(agreed - 1, 0) if kept else 0
        self._towers: list[Any] = []
        self._blocks: list[Tensor] = []
        self.sound = True

    @property
    def leaves_out(self) -> bool:
        """Whether anything is not computed."""
        return self._kept is not None and (bool(self._kept.towers) or self._first > 0)

    def tower(self, index: int, compute: Compute) -> Any:
        """Returns what a tower returns."""
        self.sound &= index == len(self._towers) and not self._blocks
        if self._kept is None:
            made = compute(as_it_is)
            self._towers.append(_copied(made))
            return made
        self._towers.append(self._kept.towers[index])
        return _copied(self._kept.towers[index])

    def block(self, index: int, given: Any, compute: Compute) -> Any:
        """Returns what a block returns."""
        self.sound &= index == len(self._blocks)
        if self._kept is not None and index < self._first:
            self._blocks.append(self._kept.blocks[index])
            return self._kept.blocks[index].clone()
        made = compute(as_it_is)
        if _is_tensor(made) and _is_tensor(given) and made.shape == given.shape:
            self._blocks.append(made.clone())
        else:
            self.sound = False
        return made

    def end(self) -> None:
        """Says that the pass is over."""
        self.sound &= (len(self._towers), len(self._blocks)) == self._count

    def kept(self) -> KeptPass:
        """Returns what is kept of it."""
        return KeptPass(self._towers, self._blocks)


class Trial(Pass):
    """A pass that shows whether anything depends on a tower or block but through what it returns.

    Each is also computed from something else, before and after it is computed as it should be, so
    that whatever it leaves elsewhere is wrong: attributes of modules, shared keys and values. Each
    returns what it should, and so should the model then.

    Args:
        kept: A former pass of the batch under the same formats, with nothing left out.
    """

    def __init__(self, kept: KeptPass) -> None:
        super().__init__(None, 0, len(kept.towers), len(kept.blocks))
        self._right = kept

    def tower(self, index: int, compute: Compute) -> Any:
        """Returns what a tower returned, and computes it from something else."""
        self.sound &= index == len(self._towers) and not self._blocks
        compute(_changed)
        self._towers.append(self._right.towers[index])
        return _copied(self._right.towers[index])

    def block(self, index: int, _given: Any, compute: Compute) -> Any:
        """Returns what a block returned, which it must still do."""
        self.sound &= index == len(self._blocks)
        right = self._right.blocks[index]
        compute(_changed)
        made = compute(torch.clone)
        self.sound &= same_bits(made, right)
        compute(_changed)
        self._blocks.append(right)
        return made


def as_it_is(given: Any) -> Any:
    """Returns what it is given."""
    return given


def same_bits(first: Any, second: Any) -> bool:
    """Returns whether two tensors are equal in each bit, those of NaN included."""
    if not (_is_tensor(first) and _is_tensor(second)) or first.dtype != second.dtype:
        return False
    first, second = (each.contiguous().view(torch.uint8) for each in (first, second))
    return torch.equal(first, second)


def _changed(given: Any) -> Any:
    """Returns other numbers of the same shape, of another range as well; no tensor stays itself."""
    if not _is_tensor(given) or not given.is_floating_point():
        return given
    return given.roll(1, -1) * -1.75 + 0.5


def _copied(output: Any) -> Any:
    """Returns copies of tensors in containers of their own: models put other things into those."""
    return tree_map(lambda each: each.clone() if _is_tensor(each) else each, output)


def _is_tensor(each: Any) -> bool:
    return isinstance(each, Tensor)
