"""Ranges that do not depend on the format are found once for all formats of a batch.

With the algorithm `max` a range is the largest absolute value of a tensor, of its channels or of
its blocks. It is collected while nothing is quantized, so it depends on how a quantizer cuts the
tensor up and not on its number format. ModelOpt 0.47.0 walks all data once for every format, and
looks at all weights in every step. Here the first format that needs ranges of activations
walks the data, and weights are looked at once for each way to cut them up. What was found is put
into the calibrators of the other formats, so that all else goes ModelOpt's own way.

Other algorithms, and quantizers with anything unusual about them, are left alone.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from modelopt.torch.quantization import model_calib, model_quant
from modelopt.torch.quantization.calib import MaxCalibrator
from modelopt.torch.quantization.nn import QuantModule, TensorQuantizer
from torch import nn

from aqm_runner.modelopt.deferred_checks import checked_once
from aqm_runner.modelopt.formats import MAX

# Where a range belongs: the quantizer's path and how it cuts its tensor up.
Slot = tuple[str, str]
# None: no data reached the quantizer.
Ranges = dict[Slot, torch.Tensor | None]
ForwardLoop = Callable[[nn.Module], Any]


class SharedCalibration:
    """Ranges of one checkpoint on one set of batches; may serve several models loaded from it.

    Args:
        merged: Returns the ranges of all batches from those of the batches that this process
            walks, where others walk the rest.

    Attributes:
        walks: How often calibration walked the data.
    """

    def __init__(self, merged: Callable[[Ranges], Ranges] | None = None) -> None:
        self.walks = 0
        self._merged = merged
        self._weights: Ranges = {}
        # By the layout of weights in the forward pass; see `_layout`.
        self._activations: dict[tuple[Slot, ...], Ranges] = {}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Wraps ModelOpt's `calibrate` for a while."""
        original = model_quant.calibrate

        def calibrate(
            model: nn.Module, algorithm: Any = "max", forward_loop: ForwardLoop | None = None
        ) -> nn.Module:
            if algorithm not in MAX or not _is_plain(model):
                if self._merged is not None and algorithm is not None:
                    raise RuntimeError("ranges of another algorithm than max cannot be merged")
                self.walks += algorithm is not None
                return original(model, algorithm, forward_loop)
            with self._weights_once():
                return original(model, algorithm, self._activations_once(model, forward_loop))

        model_quant.calibrate = calibrate
        try:
            yield
        finally:
            model_quant.calibrate = original

    def _activations_once(
        self, model: nn.Module, forward_loop: ForwardLoop | None
    ) -> ForwardLoop | None:
        """Returns the loop that finds or recalls ranges; None if the format needs none."""
        slots = {
            (name, _cut(quantizer)): quantizer
            for name, quantizer in model.named_modules()
            if isinstance(quantizer, TensorQuantizer)
            and not is_of_weight(name)
            and _needs_range(quantizer)
        }
        if not slots or forward_loop is None:
            return None
        known = self._activations.setdefault(_layout(model), {})
        if slots.keys() <= known.keys():

            def recall(_model: nn.Module) -> None:
                for slot, quantizer in slots.items():
                    quantizer._calibrator._calib_amax = known[slot]

            return recall
        self.walks += 1

        def learn(model: nn.Module) -> None:
            with checked_once():
                forward_loop(model)
            found = {slot: each._calibrator.compute_amax() for slot, each in slots.items()}
            if self._merged is not None:
                found = self._merged(found)
                for slot, quantizer in slots.items():
                    quantizer._calibrator._calib_amax = found[slot]
            known.update(found)

        return learn

    @contextlib.contextmanager
    def _weights_once(self) -> Iterator[None]:
        original = model_calib.weight_only_quantize
        model_calib.weight_only_quantize = self._collect_weights
        try:
            yield
        finally:
            model_calib.weight_only_quantize = original

    def _collect_weights(self, model: nn.Module) -> None:
        """Stands for ModelOpt's function of that name; afterwards weights are not looked at."""
        modules = dict(model.named_modules())
        for name, module in modules.items():
            if not isinstance(module, QuantModule):
                continue
            with model_calib.enable_weight_access_and_writeback(module, model, modules):
                for index, (weight, quantizer) in enumerate(module.iter_weights_for_calibration()):
                    if isinstance(quantizer, TensorQuantizer) and quantizer.is_enabled:
                        self._collect_weight(f"{name}.{index}", weight, quantizer)
                    else:
                        quantizer(weight)

    def _collect_weight(self, name: str, weight: torch.Tensor, quantizer: TensorQuantizer) -> None:
        slot = (name, _cut(quantizer))
        calibrator = quantizer._calibrator
        if slot in self._weights:
            known = self._weights[slot]

            def collect(_blocks: torch.Tensor) -> None:
                calibrator._calib_amax = known

            # Called all the same: it sets up the shapes of blocks.
            quantizer.collect = collect
            try:
                quantizer(weight)
            finally:
                del quantizer.collect
        else:
            quantizer(weight)
            self._weights[slot] = calibrator.compute_amax()
        quantizer.disable_calib()  # a weight's range is the same in every step of the data


def is_of_weight(name: str) -> bool:
    """Returns whether a quantizer's path, or the last part of it, is that of a weight."""
    # `weight_quantizer.0` is one of a sequence, `down_proj_weight_quantizers.0` that of an expert.
    return any(part.endswith(("weight_quantizer", "weight_quantizers")) for part in name.split("."))


def _needs_range(quantizer: TensorQuantizer) -> bool:
    return quantizer.is_enabled and not quantizer._dynamic and not quantizer.is_mx_format


def _cut(quantizer: TensorQuantizer) -> str:
    """Returns all that a range depends on besides the tensor: blocks of a fixed place, or axes."""
    blocks = quantizer.block_sizes
    sizes = [size for key, size in (blocks or {}).items() if isinstance(key, int)]
    dynamic = blocks is not None and blocks.get("type") == "dynamic" and all(sizes)
    # Blocks that are cut when quantizing leave calibration with the whole tensor.
    return repr((quantizer.axis, None if dynamic else blocks, quantizer._dynamic))


def _is_plain(model: nn.Module) -> bool:
    return all(
        type(quantizer) is TensorQuantizer
        and type(quantizer._calibrator) is MaxCalibrator
        and not quantizer._calibrator._track_amax
        and quantizer.fake_quant
        and quantizer.pre_quant_scale is None
        and quantizer.bias is None
        and quantizer.backend is None
        and not quantizer.rotate_is_enabled
        and not quantizer._use_constant_amax
        and quantizer._constant_amax is None
        for quantizer in model.modules()
        if isinstance(quantizer, TensorQuantizer) and quantizer.is_enabled
    )


def _layout(model: nn.Module) -> tuple[Slot, ...]:
    """Returns the weights that a format hands to the layers in another memory layout.

    Weights in blocks are padded to whole blocks and cut back, which leaves a view with gaps; a
    matrix product of such a view may round in another way, and activations behind it with it.
    """
    return tuple(
        (f"{name}.{index}", _cut(quantizer))
        for name, module in model.named_modules()
        if isinstance(module, QuantModule)
        for index, (weight, quantizer) in enumerate(module.iter_weights_for_calibration())
        if isinstance(quantizer, TensorQuantizer)
        and quantizer.is_enabled
        and quantizer.is_static_block_quant
        and not keeps_layout(weight, quantizer.block_sizes)
    )


def keeps_layout(weight: torch.Tensor, blocks: dict[Any, Any]) -> bool:
    """Returns whether blocks (sizes by axis) need no padding, so that a weight stays in place."""
    return weight.is_contiguous() and all(
        weight.shape[axis] % size == 0
        for axis, size in blocks.items()
        if isinstance(axis, int) and size
    )
