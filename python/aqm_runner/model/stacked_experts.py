"""Experts that transformers holds in two tensors, taken apart into the layers that files have.

transformers 5 keeps the experts of a block as one module with the weights `gate_up_proj`
(experts, 2 x inner, outer) and `down_proj` (experts, outer, inner), which `F.linear` multiplies one
expert at a time: first gate and up together, then down. Files on the hub, ModelOpt's export and
servers have three layers an expert, here called `<module>.<number>.gate_proj`, `.up_proj` and
`.down_proj`. Experts of another layout (transposed, with biases, without a gate) are none of these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

FIRST, SECOND = "gate_up_proj", "down_proj"
PRODUCTS = (FIRST, SECOND)


@dataclass(frozen=True)
class ExpertLayer:
    """A layer of one expert.

    Attributes:
        module: Path of the module that holds all experts of the block.
        product: Name of its weight that this layer is a part of.
        number: Of the expert.
        rows: Where the layer's rows begin and end in the expert's part of that weight.
    """

    module: str
    product: str
    number: int
    rows: tuple[int, int]

    def part(self, tensor: Tensor) -> Tensor:
        """Returns the layer's part (N, K) of the whole weight (experts, rows, columns)."""
        return tensor[self.number][slice(*self.rows)]

    def weight(self, module: nn.Module) -> Tensor:
        """Returns the layer's weight (N, K), a view; `module` is the one that holds all experts."""
        return self.part(getattr(module, self.product))


def is_stacked(module: nn.Module) -> bool:
    """Returns whether a module holds experts in the layout that can be taken apart."""
    own = {name: tuple(each.shape) for name, each in module.named_parameters(recurse=False)}
    if set(own) != set(PRODUCTS) or any(len(shape) != 3 for shape in own.values()):
        return False
    experts, twice_inner, outer = own[FIRST]
    concatenated = getattr(module, "is_concatenated", True)
    return own[SECOND] == (experts, outer, twice_inner // 2) and bool(concatenated)


def stacked_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Returns path and module of the experts of each block, in module order."""
    return {name: module for name, module in model.named_modules() if is_stacked(module)}


def expert_layers(model: nn.Module) -> dict[str, ExpertLayer]:
    """Returns path and place of every layer of every expert, expert by expert."""
    found: dict[str, ExpertLayer] = {}
    for name, module in stacked_modules(model).items():
        experts, outer, inner = getattr(module, SECOND).shape
        for number in range(experts):
            for role, product, rows in (
                ("gate_proj", FIRST, (0, inner)),
                ("up_proj", FIRST, (inner, 2 * inner)),
                ("down_proj", SECOND, (0, outer)),
            ):
                found[f"{name}.{number}.{role}"] = ExpertLayer(name, product, number, rows)
    return found


def on_inputs(module: nn.Module, change: Callable[[str, Tensor], Tensor]) -> Callable[[], None]:
    """Has a function see, and change, what each product of the experts of a block is given.

    Args:
        module: As `stacked_modules` returns it; it must run its experts one at a time.
        change: Gets the name of the weight and the input (tokens, K), returns the input to use.

    Returns:
        What takes the function away again.
    """
    modes: list[_Products] = []

    def begin(_module: nn.Module, _args: Any) -> None:
        modes.append(_Products(module, change))
        modes[-1].__enter__()

    def end(_module: nn.Module, _args: Any, _output: Any) -> None:
        modes.pop().__exit__(None, None, None)

    before = module.register_forward_pre_hook(begin)
    # Also where the module raises: the mode must not stay.
    after = module.register_forward_hook(end, always_call=True)

    def remove() -> None:
        before.remove()
        after.remove()

    return remove


class _Products(TorchFunctionMode):
    """Hands the input of every product with a weight of the module to a function first."""

    def __init__(self, module: nn.Module, change: Callable[[str, Tensor], Tensor]) -> None:
        super().__init__()
        self._change = change
        # Where each weight begins and ends in memory.
        self._places = [
            (name, weight.data_ptr(), weight.data_ptr() + weight.nbytes)
            for name in PRODUCTS
            for weight in [getattr(module, name)]
        ]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Calls a function of torch, with a changed input where it is such a product."""
        if func is torch.nn.functional.linear:
            address = args[1].data_ptr()
            for name, begin, end in self._places:
                if begin <= address < end:
                    args = (self._change(name, args[0]), *args[1:])
        return func(*args, **(kwargs or {}))
