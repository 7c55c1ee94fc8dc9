"""MSE_V2 by INC itself: its function that measures ops one at a time, sub-graph by sub-graph.

INC copies the model for each op, replaces each part that FX can trace by a graph, and sums the
squared differences of one module's outputs over all positions. Each distance is calibrated on the
very batch that it is measured on. What had to be worked around is named in docs/inc.md.
"""

import builtins
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from aqm_runner.inc.configurations import FP32, STATIC, adaptor, int8
from aqm_runner.model.batches import Batch
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.partials import Partials

HEAD = "lm_head"
# INC's name of an op that it wrapped to make it a graph.
WRAPPED = ".module"


class Subgraphs:
    """Measures ops with INC's `get_mse_order_per_int8`; the same results as those of `Loop`.

    Args:
        context: Gets phases and steps.
        model: In float32 on a CPU, with an output head at the path lm_head.
        batches: What distances are measured on.
        partials: Keeps the distance of each op on each batch.

    Raises:
        RunnerError: bad_request `padded_batch`; gate_failed `no_head`.
    """

    def __init__(
        self, context: Any, model: nn.Module, batches: list[Batch], partials: Partials
    ) -> None:
        if any(batch.unpadded != batch.labels.numel() for batch in batches):
            raise bad_request(
                "padded_batch",
                "INC's own path sums over pads as well, and a batch has some.",
                next_step='Set batch_size to 1 and padding to "longest", or path to "loop".',
            )
        self._context = context
        self._model = model
        self._batches = batches
        self._partials = partials
        from neural_compressor.model.torch_model import PyTorchFXModel

        self._adaptor = adaptor()
        able = self._adaptor.query_fw_capability(PyTorchFXModel(model))
        self._ops = {name.removesuffix(WRAPPED): (name, type_) for name, type_ in able["opwise"]}
        if HEAD not in self._ops:
            raise gate_failed(
                "no_head",
                f"The model has no output head at the path {HEAD}, where distances are measured.",
                next_step='Set path to "loop".',
            )

    @staticmethod
    def takes(layer: nn.Module) -> bool:
        """Returns whether INC's graphs can hold a layer.

        A convolution of patches is asked for the type of its weight, which an INT8 one has not.
        """
        return isinstance(layer, nn.Linear)

    @torch.no_grad()
    def measure(self, ops: dict[str, nn.Module]) -> dict[str, tuple[list[float], int]]:
        """Returns of each op its distance on each batch, and how often it was called."""
        self._context.phase("score", len(ops))
        found: dict[str, tuple[list[float], int]] = {}
        for name in ops:
            distances = [
                self._partials.measure(
                    f"batch {index}, op {name}",
                    lambda name=name, batch=batch: self._one(name, batch),
                )
                for index, batch in enumerate(self._batches)
            ]
            found[name] = (distances, len(distances))
            self._context.step(len(found))
        return found

    def _one(self, name: str, batch: Batch) -> float:
        from neural_compressor.adaptor.pytorch import _cfg_to_qconfig
        from neural_compressor.adaptor.torch_utils import util

        op, head = self._ops[name], self._ops[HEAD]
        # The distance is taken at the last op, and only ops with a kept configuration are measured.
        tuned = {"op": dict.fromkeys((op, head) if op != head else (head,), FP32)}
        util.op_cfg_mapping.clear()
        util.op_cfg_mapping[op[0]] = _cfg_to_qconfig({"op": {op: int8(op[1])}}, STATIC)[op[0]]
        with _distances_of(util) as found, _without_new_hooks(self._model.get_submodule(HEAD)):
            util.get_mse_order_per_int8(
                self._adaptor, self._model, batch.inputs, {**tuned, "approach": STATIC}
            )
        return float(found[op])


@contextlib.contextmanager
def _distances_of(util: Any) -> Iterator[dict[Any, torch.Tensor]]:
    """Collects the distances that INC sorts ops by: its function returns their order alone."""
    found: dict[Any, torch.Tensor] = {}

    def collect(ops: Any, key: Callable[[Any], Any], **more: Any) -> list[Any]:
        ops = list(ops)
        found.update({op: key(op) for op in ops})
        return builtins.sorted(ops, key=key, **more)

    util.sorted = collect
    try:
        yield found
    finally:
        del util.sorted


@contextlib.contextmanager
def _without_new_hooks(module: nn.Module) -> Iterator[None]:
    """Removes the hook that INC leaves on the model's last op."""
    before = dict(module._forward_hooks)
    try:
        yield
    finally:
        module._forward_hooks.clear()
        module._forward_hooks.update(before)
