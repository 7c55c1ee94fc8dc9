"""MSE_V2 by our own loop: how far the logits move when one op alone is INT8.

The distance of an op is the sum, over all tokens but pads and over the vocabulary, of the squared
difference of the logits to those of the float32 model. INC calls the same "MSE" and takes no mean.
It is measured at the logits with one op in INT8 and all others in float32, as in INC's pass that
quantizes ops again (`get_mse_order_per_int8`). INC's other pass, one op in float32 and all others
in INT8, hardly tells ops apart (docs/inc.md).
"""

from typing import Any

import torch
from torch import nn

from aqm_runner.inc.layers import Stand, converted, in_place, observed
from aqm_runner.model.batches import Batch, Loader
from aqm_runner.runner.partials import Partials

# A distance of each batch, and how often the op was called in all of them.
Measured = tuple[list[float], int]


class Loop:
    """Measures ops one after the other, with INC's configurations and observers.

    The model is never copied. All ops are observed in one run over the calibration data, which
    changes nothing that they see; then one op at a time is INT8.

    Args:
        context: Gets phases and steps.
        model: In float32 on a CPU.
        loader: All batches, for calibration.
        steps: How many batches distances are measured on, from the first.
        partials: Keeps the distance of each op on each batch.
    """

    def __init__(
        self, context: Any, model: nn.Module, loader: Loader, steps: int, partials: Partials
    ) -> None:
        self._context = context
        self._model = model
        self._loader = loader
        self._batches = loader.batches[:steps]
        self._partials = partials
        self._references: list[torch.Tensor] = []

    @torch.no_grad()
    def measure(self, ops: dict[str, nn.Module], configs: dict[str, Any]) -> dict[str, Measured]:
        """Returns distances and calls of each op, in the order given.

        Args:
            ops: Path and layer.
            configs: torch's QConfig by class name of a layer.

        Returns:
            Without a distance for an op that no calibration data reached.
        """
        kept = {name: self._kept(name) for name in ops}
        missing = {name: ops[name] for name in ops if None in kept[name]}
        stands = self._calibrated(missing, configs)
        self._context.phase("score", len(ops))
        found: dict[str, Measured] = {}
        for name in ops:
            if name not in missing:
                values = kept[name]
            elif stands[name].calls:
                values = self._distances(name, stands.pop(name), kept[name])
            else:
                values = []
            found[name] = (
                [value["distance"] for value in values],
                sum(value["calls"] for value in values),
            )
            self._context.step(len(found))
        return found

    def _kept(self, name: str) -> list[Any]:
        return [self._partials.get(_item(name, index)) for index in range(len(self._batches))]

    def _calibrated(self, ops: dict[str, nn.Module], configs: dict[str, Any]) -> dict[str, Stand]:
        """Returns for each op a stand whose graph has seen all calibration data."""
        if not ops:
            return {}
        stands = {
            name: Stand(observed(layer, configs[type(layer).__name__]), layer)
            for name, layer in ops.items()
        }
        self._context.phase("calibrate", len(self._loader))
        with in_place(self._model, stands):
            for done, batch in enumerate(self._loader, start=1):
                logits(self._model, batch)
                self._context.step(done)
        return stands

    def _distances(self, name: str, stand: Stand, kept: list[Any]) -> list[Any]:
        """Returns the items of an op, of each batch; measures those that are missing."""
        if not self._references:
            self._references = [logits(self._model, batch) for batch in self._batches]
        layer = stand.__dict__["layer"]
        quantized = Stand(converted(stand.graph), layer)
        values = []
        with in_place(self._model, {name: quantized}):
            for index, batch in enumerate(self._batches):
                self._context.check_cancelled()
                value = kept[index]
                if value is None:
                    before = quantized.calls
                    distance = squared(logits(self._model, batch), self._references[index])
                    value = {"distance": distance, "calls": quantized.calls - before}
                    value = self._partials.put(_item(name, index), value)
                values.append(value)
        self._context.sample_memory()
        return values


def logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Returns the logits of all tokens but pads: (tokens, vocabulary), float32."""
    found = model(**batch.inputs, use_cache=False).logits
    mask = batch.inputs.get("attention_mask")
    return found.flatten(0, 1) if mask is None else found[mask.bool()]


def squared(found: torch.Tensor, reference: torch.Tensor) -> float:
    """Returns the sum of squared differences of two tensors of one shape, summed in float64."""
    return float((found - reference).square_().sum(dtype=torch.float64))


def _item(name: str, batch: int) -> str:
    return f"batch {batch}, op {name}"
