"""Processes that score one set of batches together, each on a device of its own.

Each has a copy of the model and a share of the batches, in their order: the first process the first
ones. Ranges by `max` are merged by their maximum, which is exact in any order. The first process
adds the scores of the other batches to the sum over its own, one batch after the other in float32,
as it would have done with all batches. So the bits are those of one process.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization.algorithms import QuantRecipe, QuantRecipeHparam
from torch import nn

from aqm_runner.modelopt.shared_calibration import Ranges
from aqm_runner.modelopt.shared_scoring import Add, in_sum

# Forward calls of each scored module, by its identity.
Calls = Counter[tuple[int, Any]]
# Where the scores of a format are kept, and one of its modules.
Kept = tuple[dict[nn.Module, torch.Tensor | None], nn.Module]


class Peers(Protocol):
    """The other processes, as one of them sees them.

    Attributes:
        add: How this process keeps the scores of its batches.
    """

    add: Add

    def merged(self, own: Ranges) -> Ranges:
        """Returns the ranges over the batches of all, from those of this process."""
        ...

    def complete(self, model: nn.Module, recipes: list[QuantRecipe], calls: Calls) -> None:
        """Puts scores and calls of all batches in the place of those of this process.

        Args:
            model: In which this process has just scored its batches.
            recipes: The formats.
            calls: As counted here.
        """
        ...


def largest(ranges: list[Ranges]) -> Ranges:
    """Returns the maximum of each range. Raises RuntimeError if their shapes differ."""
    return {slot: _largest([each[slot] for each in ranges]) for slot in ranges[0]}


def _largest(values: list[torch.Tensor | None]) -> torch.Tensor | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if any(value.shape != known[0].shape for value in known):
        raise RuntimeError("amax shape changed!")  # as ModelOpt says of two batches
    result = known[0]
    for value in known[1:]:
        result = torch.maximum(result, value)
    return result


def on_device(ranges: Ranges, device: str) -> Ranges:
    """Returns ranges on a device."""
    return {slot: None if each is None else each.to(device) for slot, each in ranges.items()}


def rows_of(model: nn.Module, recipes: list[QuantRecipe]) -> list[torch.Tensor | None]:
    """Takes the scores of each format and module (batches,) out of a model, to the host."""
    rows = []
    for scores, module in _places(model, recipes):
        row, scores[module] = scores[module], None
        rows.append(None if row is None else row.cpu())
    return rows


def add_rows(
    model: nn.Module, recipes: list[QuantRecipe], shares: list[list[torch.Tensor | None]]
) -> None:
    """Adds what `rows_of` returned in other processes, in their order, to the scores of a model."""
    for (scores, module), *rows in zip(_places(model, recipes), *shares, strict=True):
        known = scores[module]
        total = None if known is None else known.cpu()
        for score in (score for row in rows if row is not None for score in row):
            total = in_sum(total, score)
        scores[module] = total


def calls_of(model: nn.Module, calls: Calls) -> list[int]:
    """Returns the forward calls of each scored module, in module order."""
    return [calls[id(module), None] for module in _scored(model)]


def add_calls(model: nn.Module, calls: Calls, shares: list[list[int]]) -> None:
    """Adds what `calls_of` returned in other processes."""
    for module, *more in zip(_scored(model), *shares, strict=True):
        calls[id(module), None] += sum(more)


def _scored(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if hasattr(module, "_hparams_for_scoring")]


def _places(model: nn.Module, recipes: list[QuantRecipe]) -> Iterator[Kept]:
    """Yields where the scores are, in an order that is the same in all processes."""
    order = {id(module): index for index, module in enumerate(model.modules())}
    for _, hparam in named_hparams(model, unique=True):
        if not isinstance(hparam, QuantRecipeHparam):
            continue
        # Two formats that are equal have one place.
        for recipe in dict.fromkeys(recipes):
            scores = hparam._importance_dict.get(recipe, {})
            for module in sorted(scores, key=lambda module: order[id(module)]):
                yield scores, module
