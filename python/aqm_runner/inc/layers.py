"""One layer of a model in INT8, in the place of the original and without a copy of the model."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn


class Stand(nn.Module):
    """Stands in a layer's place; other modules may ask it for weight, bias and sizes.

    Args:
        graph: What is called instead.
        layer: The original. It is no child, so that the model's parameters stay as they are.

    Attributes:
        calls: Forward calls so far.
    """

    def __init__(self, graph: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.graph = graph
        self.calls = 0
        self.__dict__["layer"] = layer

    def __getattr__(self, name: str) -> Any:
        """Returns what the layer has, where a stand has nothing of that name."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["layer"], name)

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        """Returns what the graph makes of a layer's input; shapes as those of the layer."""
        self.calls += 1
        return self.graph(tensor)


def observed(layer: nn.Module, qconfig: Any) -> nn.Module:
    """Returns a graph that computes what the layer does and watches its inputs and outputs.

    The graph and the layer share weights. The steps are INC's for a single module
    (`PyTorch_FXAdaptor.prepare_sub_graph`).
    """
    from torch.ao.quantization import QConfigMapping, QuantWrapper
    from torch.ao.quantization.quantize_fx import prepare_fx

    mapping = QConfigMapping().set_global(None).set_module_name("module", qconfig)
    # torch marks what it prepares; the marks go to a copy that has the same tensors.
    marked = copy.copy(layer)
    marked._parameters = dict(layer._parameters)
    return prepare_fx(QuantWrapper(marked), mapping, example_inputs=None)


def converted(graph: nn.Module) -> nn.Module:
    """Returns the layer of an observed graph in INT8, with inputs and outputs in float32."""
    from torch.ao.quantization.quantize_fx import convert_fx

    return convert_fx(graph)


@contextlib.contextmanager
def in_place(model: nn.Module, stands: dict[str, Stand]) -> Iterator[None]:
    """Puts stands at their paths in the model; afterwards the originals are there again."""
    originals = {name: model.get_submodule(name) for name in stands}
    try:
        for name, stand in stands.items():
            model.set_submodule(name, stand)
        yield
    finally:
        for name, layer in originals.items():
            model.set_submodule(name, layer)
