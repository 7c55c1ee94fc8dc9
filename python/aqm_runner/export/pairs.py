"""Which form a candidate has in each export format, by the config of its quantizers.

A form is given where the format can say what the simulation does. Whether a server then runs it is
for the serving check to find out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aqm_runner.export.forms import EightBits, Form, Fp4Blocks, PackedIntegers, PackedPairsOfRows

COMPRESSED_TENSORS = "compressed_tensors"
MODELOPT = "modelopt"
INTEGER_GROUPS = (32, 64, 128)

# One quantizer of a candidate: what it makes of numbers, and what has a scale of its own.
FP8, INT8, NVFP4 = "fp8, one scale", "int8, one scale", "nvfp4"


@dataclass(frozen=True)
class Integers:
    """Integer weights with a scale a block of `group` columns; None: a scale a row."""

    bits: int
    group: int | None


def form_of(config: Mapping[str, Any], export: str) -> Form | str:
    """Returns the form of a candidate, or the reason why the export format has none.

    Args:
        config: ModelOpt's list style, as in the params of an op.
        export: COMPRESSED_TENSORS or MODELOPT.
    """
    weight = _kind(_quantizer(config, "*weight_quantizer"))
    given = _quantizer(config, "*input_quantizer")
    inputs = _kind(given)
    if weight is None:
        return "its weights are cut up in a way, or have a number of bits, that no server reads"
    if given is not None and inputs not in (FP8, INT8, NVFP4):
        return "its inputs are quantized in a way for which there is no tested formula"
    forms = _COMPRESSED_TENSORS if export == COMPRESSED_TENSORS else _MODELOPT
    found = forms.get((weight, inputs))
    if found is None:
        return f"{export} has no label for such weights with such inputs"
    return found


def modelopt_forms() -> Collection[Form]:
    """Returns all forms that folders of ModelOpt may have; each has a label of its own."""
    return _MODELOPT.values()


def ranges_needed(config: Mapping[str, Any]) -> bool:
    """Returns whether the inputs are quantized with a range that calibration finds."""
    given = _quantizer(config, "*input_quantizer")
    return given is not None and given.get("type", "static") == "static"


def _quantizer(config: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Returns the attributes of a quantizer; the last rule for it counts."""
    found = None
    for rule in config["quant_cfg"]:
        if rule["quantizer_name"] == name:
            found = rule.get("cfg") if rule.get("enable", True) else None
    return found


def _kind(cfg: Mapping[str, Any] | None) -> str | Integers | None:
    if cfg is None or not {*cfg} <= {"num_bits", "axis", "block_sizes", "type", "effective_bits"}:
        return None
    if cfg.get("type", "static") != "static":
        return None
    bits, axis, blocks = cfg["num_bits"], cfg.get("axis"), cfg.get("block_sizes")
    if blocks is None:
        if bits in ([4, 3], (4, 3)) and axis is None:
            return FP8
        if bits == 8 and axis is None:
            return INT8
        return Integers(bits, None) if bits in (4, 8) and axis == 0 else None
    if axis is not None:
        return None
    size = blocks.get("-1", blocks.get(-1))
    if bits in (4, 8):
        plain = {str(key) for key in blocks} <= {"-1", "type"} and blocks.get("type") == "static"
        return Integers(bits, size) if plain and size in INTEGER_GROUPS else None
    fp4 = bits in ([2, 1], (2, 1)) and blocks.get("scale_bits") in ([4, 3], (4, 3))
    return NVFP4 if fp4 and size == 16 and blocks.get("type") == "dynamic" else None


def _fp4(label: str, *, inputs: bool, compressed: bool) -> Fp4Blocks:
    if compressed:
        of_input = "input_global_scale" if inputs else None
        return Fp4Blocks(label, "weight_packed", "weight_global_scale", of_input, True, (1,))
    of_input = "input_scale" if inputs else None
    return Fp4Blocks(label, "weight", "weight_scale_2", of_input, False, ())


ROW8 = Integers(8, None)
Forms = dict[tuple[str | Integers, str | Integers | None], Form]

_COMPRESSED_TENSORS: Forms = {
    (FP8, FP8): EightBits("float-quantized", "F8_E4M3", True, (1,), True, True, True),
    (FP8, None): EightBits("naive-quantized", "F8_E4M3", True, (1,), True, False, True),
    (ROW8, INT8): EightBits("int-quantized", "I8", False, (1,), True, True, False),
    (NVFP4, NVFP4): _fp4("nvfp4-pack-quantized", inputs=True, compressed=True),
    (NVFP4, None): _fp4("nvfp4-pack-quantized", inputs=False, compressed=True),
} | {
    (Integers(bits, group), None): PackedIntegers("pack-quantized", bits, group)
    for bits in (4, 8)
    for group in (None, *INTEGER_GROUPS)
}

# ModelOpt writes amax / 448 for FP8, which is one unit in the last place away from the simulation.
_MODELOPT: Forms = {
    (FP8, FP8): EightBits("FP8", "F8_E4M3", True, (), False, True, False),
    (ROW8, INT8): EightBits("W8A8_SQ_PER_CHANNEL", "I8", False, (), False, True, False),
    (ROW8, None): EightBits("W8A16", "I8", False, (), False, False, False),
    (Integers(4, 128), None): PackedPairsOfRows("W4A16_AWQ", 128),
    (NVFP4, NVFP4): _fp4("NVFP4", inputs=True, compressed=False),
    (NVFP4, None): _fp4("W4A16_NVFP4", inputs=False, compressed=False),
}
