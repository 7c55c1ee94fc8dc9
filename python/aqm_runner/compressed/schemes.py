"""Forms as the library compressed-tensors writes them: scheme, scales, tensors, config."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import (
    QuantizationArgs,
    QuantizationConfig,
    QuantizationScheme,
    QuantizationStatus,
)
from torch import Tensor

from aqm_runner.export.forms import (
    FP4_BLOCK,
    FP4_LARGEST,
    FP8_LARGEST,
    INT8_LARGEST,
    EightBits,
    Form,
    Fp4Blocks,
    PackedIntegers,
)
from aqm_runner.export.planned import Planned
from aqm_runner.export.simulated import Simulated

# Below this ModelOpt takes a range for zero: FP8 is then computed with the range 1, and integers
# are all zero, with any scale.
NO_RANGE = 2.0**-24


def config_of(planned: Planned, names: Mapping[str, str]) -> dict[str, Any]:
    """Returns `quantization_config`: a group for each form, with the exact names of its layers.

    Args:
        planned: The plan.
        names: Path of a layer to its name in the folder, where that is another one.
    """
    groups: dict[Form, list[str]] = {}
    for layer, each in planned.quantized.items():
        groups.setdefault(each.form, []).append(names.get(layer, layer))
    labels = {form.label for form in groups}
    config = QuantizationConfig(
        config_groups={
            f"group_{index}": _scheme(form, layers)
            for index, (form, layers) in enumerate(groups.items())
        },
        format=next(iter(labels)) if len(labels) == 1 else "mixed-precision",
        quantization_status=QuantizationStatus.COMPRESSED,
        ignore=[],
    )
    return config.model_dump(mode="json") | {"version": metadata.version("compressed-tensors")}


def stored_tensors(layer: str, form: Form, simulated: Simulated) -> dict[str, Tensor]:
    """Returns the tensors of a layer by the last part of their names, on the model's device.

    The library gets the weight as the simulation computes with it, so that each code is the one of
    the simulation and none depends on how a tie is rounded.

    Args:
        layer: Its path.
        form: How it is stored.
        simulated: The model that was measured.
    """
    if isinstance(form, Fp4Blocks):
        return _fp4(layer, form, simulated)
    weights = simulated.weight_range(layer)
    given: dict[str, Tensor] = {"weight": simulated.weight(layer).float()}
    if isinstance(form, PackedIntegers):
        largest = 2 ** (form.bits - 1) - 1
        given["weight_scale"] = _integer_scale(weights, largest).to(torch.bfloat16)
    elif isinstance(form, EightBits):
        scale = _fp8_scale if form.codes == "F8_E4M3" else _int8_scale
        given["weight_scale"] = scale(weights).reshape(1 if form.one_scale else (-1, 1))
        inputs = simulated.input_range(layer)
        if inputs is not None:
            given["input_scale"] = scale(inputs).reshape(1)
    compressor: Any = BaseCompressor.get_value_from_registry(form.label)
    return dict(compressor.compress(given, _scheme(form, [layer])))


def _fp8_scale(range_: Tensor) -> Tensor:
    """Returns 1 / (448 / amax), as ModelOpt computes it; amax / 448 may be one bit away.

    Its CUDA kernel divides; in Python torch multiplies 448 by the reciprocal of a tensor.
    """
    range_ = torch.where(range_ <= NO_RANGE, 1.0, range_)
    largest = torch.full_like(range_, FP8_LARGEST)
    inverse = largest / range_ if range_.is_cuda else FP8_LARGEST * range_.reciprocal()
    return inverse.reciprocal()


def _int8_scale(range_: Tensor) -> Tensor:
    return _integer_scale(range_, INT8_LARGEST)


def _integer_scale(range_: Tensor, largest: float) -> Tensor:
    return torch.where(range_ < NO_RANGE, 1.0, range_ / largest)


def _fp4(layer: str, form: Fp4Blocks, simulated: Simulated) -> dict[str, Tensor]:
    """Returns ModelOpt's own bytes under the names of compressed-tensors."""
    codes, of_block, of_all = simulated.fp4_codes(layer)
    found = {
        form.packed: codes,
        "weight_scale": of_block,
        form.of_blocks: (1 / of_all.float()).reshape(1),
    }
    inputs = simulated.input_range(layer)
    if form.of_input is not None and inputs is not None:
        found[form.of_input] = (FP4_LARGEST * FP8_LARGEST / inputs).reshape(1)
    return found


def _scheme(form: Form, layers: list[str]) -> QuantizationScheme:
    weights, inputs = _arguments(form)
    return QuantizationScheme(
        targets=layers,
        weights=QuantizationArgs(**weights),
        input_activations=None if inputs is None else QuantizationArgs(**inputs),
        format=form.label,
    )


def _arguments(form: Form) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Returns the library's arguments for weights and inputs."""
    fixed = {"symmetric": True, "dynamic": False}
    if isinstance(form, Fp4Blocks):
        fp4 = fixed | {
            "num_bits": 4,
            "type": "float",
            "strategy": "tensor_group",
            "group_size": FP4_BLOCK,
            "scale_dtype": torch.float8_e4m3fn,
            "zp_dtype": torch.float8_e4m3fn,
        }
        return fp4, fp4 | {"dynamic": "local"} if form.of_input else None
    if isinstance(form, PackedIntegers):
        cut = {"strategy": "group", "group_size": form.group} if form.group else {}
        return fixed | {"num_bits": form.bits, "type": "int", "strategy": "channel"} | cut, None
    assert isinstance(form, EightBits)
    type_ = "float" if form.codes == "F8_E4M3" else "int"
    weights = fixed | {"num_bits": 8, "type": type_}
    strategy = "tensor" if form.one_scale else "channel"
    return (
        weights | {"strategy": strategy},
        weights | {"strategy": "tensor"} if form.inputs else None,
    )
