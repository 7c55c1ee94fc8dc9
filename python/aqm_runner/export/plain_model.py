"""The model of an exported folder, computed by the formulas of this room alone.

Weights are dequantized once; the inputs of layers are rounded at each call. transformers loads
ModelOpt's format without its scales and says nothing, so that a folder can be judged this way only.
"""

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig
from transformers.initialization import no_init_weights

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import (
    FEATURE_SCALES,
    FP4,
    FP4_BLOCK,
    FP4_LARGEST,
    FP8_LARGEST,
    EightBits,
    Form,
    Fp4Blocks,
)
from aqm_runner.export.gates import config_differs
from aqm_runner.export.scaled import plain_form
from aqm_runner.model.architectures import attention_of, auto_class
from aqm_runner.model.checkpoint import OURS
from aqm_runner.model.stacked_experts import (
    PRODUCTS,
    ExpertLayer,
    expert_layers,
    on_inputs,
    stacked_modules,
)

CONFIG = "config.json"


def load_plain(
    folder: ExportedFolder, forms: Mapping[str, Form], dtype: torch.dtype, device: str
) -> nn.Module:
    """Returns the model in evaluation mode.

    Args:
        folder: What was written.
        forms: How each quantized layer is stored, by what the folder's config says.
        dtype: In which it computes; weights are dequantized in float32 and then cast.
        device: "cpu" or "cuda".

    Raises:
        RunnerError: gate_failed `config_and_files` where the model of config.json has no place for
            a tensor, or no tensor for a place.
    """
    config = AutoConfig.from_pretrained(folder.place.path, **OURS)
    config.quantization_config = None
    with no_init_weights():
        model: Any = auto_class(config).from_config(
            config, dtype=dtype, attn_implementation=attention_of(config)
        )
    model.to(device)
    model.tie_weights()  # without it a head that shares the embedding's weight is left as it was
    model.set_experts_implementation("eager")  # one expert at a time, so that inputs can be rounded
    expert = expert_layers(model)
    places = _places(model, expert)
    missing = set(places)
    experts: dict[str, dict[str, _Rounding]] = {}
    with torch.no_grad():
        for layer, form in forms.items():
            tensors = folder.tensors_of(layer, device)
            _fill(folder, places, f"{layer}.weight", form.dequantize(tensors), missing)
            rounding = _Rounding(form, tensors)
            if layer in expert:
                # All experts of a block have one scale of their inputs: a gate holds it.
                where = experts.setdefault(expert[layer].module, {})
                where.setdefault(expert[layer].product, rounding)
            else:
                model.get_submodule(layer).register_forward_pre_hook(rounding)
        for name in folder.headers:
            layer, _, part = name.rpartition(".")
            if layer not in forms or part == "bias":
                _fill(folder, places, name, folder.tensor(name, device), missing)
    for name, roundings in experts.items():
        on_inputs(model.get_submodule(name), functools.partial(_rounded, roundings))
    tied = {f"{alias}" for alias in (model.all_tied_weights_keys or {})}
    if missing - tied:
        raise config_differs(
            folder, CONFIG, f"describes a model whose {min(missing - tied)} the folder lacks"
        )
    return model.eval()


def _places(model: nn.Module, expert: Mapping[str, ExpertLayer]) -> dict[str, Tensor]:
    """Returns where each tensor of a folder goes; layers of experts are parts of larger tensors."""
    places = dict(model.state_dict(keep_vars=True))
    for name in stacked_modules(model):
        for product in PRODUCTS:
            del places[f"{name}.{product}"]
    for path, layer in expert.items():
        places[f"{path}.weight"] = layer.weight(model.get_submodule(layer.module))
    return places


def _rounded(roundings: Mapping[str, "_Rounding"], product: str, given: Tensor) -> Tensor:
    """Returns the input of a product of experts as their scales say."""
    return roundings[product].round(given) if product in roundings else given


def _fill(
    folder: ExportedFolder,
    places: Mapping[str, Tensor],
    name: str,
    value: Tensor,
    missing: set[str],
) -> None:
    place = places.get(name)
    if place is None or place.shape != value.shape:
        raise config_differs(folder, CONFIG, f"describes a model without a place for {name}")
    place.copy_(value)
    missing.discard(name)


class _Rounding:
    """Scales the input of a layer and rounds it, as the scales of the folder say.

    Args:
        form: How the layer is stored.
        tensors: Its tensors, by the last parts of their names.
    """

    def __init__(self, form: Form, tensors: Mapping[str, Tensor]) -> None:
        self._form = plain_form(form)
        self._range = form.input_range(tensors)
        self._scales = tensors.get(FEATURE_SCALES)

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self.round(inputs[0]), *inputs[1:])

    def round(self, given: Tensor) -> Tensor:
        """Returns the input of the layer as it is multiplied with the weight."""
        if self._scales is not None:
            given = given * self._scales.to(given.dtype)
        if self._range is None:
            return given
        return rounded_input(self._form, given.float(), self._range).to(given.dtype)


def rounded_input(form: Form, values: Tensor, range_: Tensor) -> Tensor:
    """Returns inputs as a server rounds them.

    FP8: the nearest E4M3 number of x / s, times s, with s = range / 448. INT8: the nearest integer
    from -128 to 127 of x / s, times s, with s = range / 127. NVFP4: blocks of 16 with the scale
    t = E4M3(largest of the block / 6 / s) * s, with s = range / 2688, and the nearest FP4 number of
    x / t, times t; ties to the code with an even last bit.

    Args:
        form: How the layer is stored.
        values: float32, (..., K).
        range_: The largest magnitude that the scale stands for, float32, one number.
    """
    if isinstance(form, Fp4Blocks):
        return _fp4_rounded(values, range_ / (FP4_LARGEST * FP8_LARGEST))
    assert isinstance(form, EightBits)
    if form.codes == "F8_E4M3":
        scale = range_ / FP8_LARGEST
        return _e4m3(values / scale) * scale
    scale = range_ / 127
    return (values / scale).round().clamp(-128, 127) * scale


def _e4m3(values: Tensor) -> Tensor:
    limited = values.clamp(-FP8_LARGEST, FP8_LARGEST)
    return limited.to(torch.float8_e4m3fn).float()


def _fp4_rounded(values: Tensor, of_all: Tensor) -> Tensor:
    blocks = values.reshape(*values.shape[:-1], -1, FP4_BLOCK)
    largest = blocks.abs().amax(-1, keepdim=True)
    scale = _e4m3(largest / FP4_LARGEST / of_all) * of_all
    scaled = torch.where(scale > 0, blocks / scale, 0.0)
    numbers = torch.tensor(FP4, device=values.device)
    middles = (numbers[1:] + numbers[:-1]) / 2
    magnitudes = scaled.abs()
    low = torch.bucketize(magnitudes, middles)  # a tie goes to the lower code
    high = torch.bucketize(magnitudes, middles, right=True)  # and here to the higher one
    codes = torch.where(low % 2 == 0, low, high)
    return (numbers[codes] * scaled.sign() * scale).reshape(values.shape)
