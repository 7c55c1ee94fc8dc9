"""What calibration finds out for a recipe, small enough to keep, and a model put into that state.

A recipe of ModelOpt 0.47.0 changes a model by three things: a scale for each input feature of a
layer (SmoothQuant, AWQ), by whose inverse the weight is multiplied; the range of inputs; the range
of weights. Only the first two need data. They are kept, and the weights are scaled and looked at
again by the functions that ModelOpt uses, so that the model has the same bits.

ModelOpt keeps a scale in the model's type, but scales the weight in float32: the scales are heard
when they are applied.
"""

import base64
import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import modelopt.torch.quantization as mtq
import torch
from modelopt.torch.quantization import model_calib
from modelopt.torch.quantization.nn import QuantModule
from torch import Tensor, nn

DTYPES = {str(each).removeprefix("torch."): each for each in (torch.float32, torch.bfloat16)}


class HeardScales:
    """Hears with which scales ModelOpt smooths layers."""

    def __init__(self) -> None:
        self._scales: dict[nn.Module, Tensor] = {}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Stands between ModelOpt's calibration and what it calls for each layer."""
        apply = model_calib.apply_pre_quant_scale_and_smooth

        def heard(linear: nn.Module, pre_quant_scale: Tensor | None = None) -> None:
            if pre_quant_scale is not None:
                self._scales[linear] = pre_quant_scale.detach().float().cpu()
            apply(linear, pre_quant_scale)

        model_calib.apply_pre_quant_scale_and_smooth = heard
        try:
            yield
        finally:
            model_calib.apply_pre_quant_scale_and_smooth = apply

    def state(self, model: nn.Module) -> dict[str, Any]:
        """Returns what calibration found out, as JSON: layer → `scale` and `input`, as text."""
        found = {}
        for path, module in model.named_modules():
            quantizer = getattr(module, "input_quantizer", None)
            if not isinstance(module, QuantModule) or quantizer is None:
                continue
            entry = {
                name: _text(tensor)
                for name, tensor in (
                    ("scale", self._scales.get(module)),
                    ("input", getattr(quantizer, "_amax", None)),
                )
                if tensor is not None
            }
            if entry:
                found[path] = entry
        return found


@torch.no_grad()
def restore(model: nn.Module, config: dict[str, Any], state: dict[str, Any]) -> None:
    """Puts a fresh model into the state in which calibration left another one, to the same bits.

    Args:
        model: As it was loaded.
        config: That of the recipe; its algorithm is not run.
        state: As `HeardScales.state` returned it.
    """
    with warnings.catch_warnings():
        # The ranges of inputs are put in below.
        warnings.filterwarnings("ignore", message=".*forward_loop.*|.*not calibrated.*")
        mtq.quantize(model, config | {"algorithm": "max"})
    for path, entry in state.items():
        module = model.get_submodule(path)
        if "scale" in entry:
            scale = _tensor(entry["scale"]).to(module.weight.device)
            model_calib.apply_pre_quant_scale_and_smooth(module, scale)
        if "input" in entry:
            module.input_quantizer.amax = _tensor(entry["input"]).to(module.weight.device)


def _text(tensor: Tensor) -> dict[str, Any]:
    data = tensor.detach().cpu().contiguous()
    return {
        "dtype": str(data.dtype).removeprefix("torch."),
        "shape": list(data.shape),
        "data": base64.b64encode(data.reshape(-1).view(torch.uint8).numpy().tobytes()).decode(),
    }


def _tensor(said: dict[str, Any]) -> Tensor:
    data = bytearray(base64.b64decode(said["data"]))
    return torch.frombuffer(data, dtype=DTYPES[said["dtype"]]).reshape(said["shape"])
