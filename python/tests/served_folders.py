"""Small folders for tests of the serving check, written by the library compressed-tensors alone.

Runs in the environment modelopt, which has that library: `served_folders.py BASE OUT [NAME…]`.
Each folder is the trained tiny model with its text layers in one format or in several; scales come
from the largest magnitudes of the weights themselves, since nothing here is measured. `DEFECTS`
spoils such folders as exports have been seen to be spoiled.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import compressed_tensors
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.compressors.format import infer_module_format
from compressed_tensors.quantization import (
    QuantizationArgs,
    QuantizationConfig,
    QuantizationScheme,
    QuantizationStatus,
    QuantizationStrategy,
    QuantizationType,
)
from compressed_tensors.quantization.quant_scheme import preset_name_to_scheme
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
LAYER = "model.language_model.layers."
FIRST = f"{LAYER}0."
LARGEST = {("int", 8): 127.0, ("int", 4): 7.0, ("float", 8): 448.0}
# Nothing is measured here, so every layer is said to see inputs up to this magnitude.
INPUT = 8.0


def arguments(bits: int, kind: str, strategy: str, **more: Any) -> QuantizationArgs:
    """Returns symmetric, static arguments of a quantizer, but for what `more` says."""
    settings = {"symmetric": True, "dynamic": False, **more}
    return QuantizationArgs(num_bits=bits, type=kind, strategy=strategy, **settings)


SCHEMES: dict[str, Callable[[list[str]], QuantizationScheme]] = {
    "int8": lambda names: preset_name_to_scheme("W8A8", names),
    "int8_static": lambda names: QuantizationScheme(
        targets=names,
        weights=arguments(8, "int", "channel"),
        input_activations=arguments(8, "int", "tensor"),
    ),
    "int4": lambda names: QuantizationScheme(
        targets=names, weights=arguments(4, "int", "group", group_size=64)
    ),
    "fp8": lambda names: preset_name_to_scheme("FP8", names),
    "fp8_dynamic": lambda names: preset_name_to_scheme("FP8_DYNAMIC", names),
    "nvfp4": lambda names: preset_name_to_scheme("NVFP4", names),
    "nvfp4a16": lambda names: preset_name_to_scheme("NVFP4A16", names),
}


def _kind(args: QuantizationArgs) -> tuple[str, int]:
    return str(QuantizationType(args.type).value), args.num_bits


def scales(weight: torch.Tensor, scheme: QuantizationScheme) -> Tensors:
    """Returns the scales that the compressor takes, from a float32 weight of [rows, columns]."""
    args, given = scheme.weights, scheme.input_activations
    kind = _kind(args)
    strategy = QuantizationStrategy(args.strategy).value
    found: Tensors = {}
    if strategy == "tensor_group":  # NVFP4: a scale a block in FP8, and one of the tensor over them
        blocks = weight.reshape(weight.shape[0], -1, args.group_size).abs().amax(2)
        found["weight_global_scale"] = (448 * 6 / weight.abs().amax()).reshape(1)
        scaled = found["weight_global_scale"] * blocks / 6
        found["weight_scale"] = scaled.to(torch.float8_e4m3fn).float()
        if given is not None:
            found["input_global_scale"] = torch.tensor([448 * 6 / INPUT])
        return found
    if strategy == "group":
        largest = weight.reshape(weight.shape[0], -1, args.group_size).abs().amax(2)
    elif strategy == "channel":
        largest = weight.abs().amax(1, keepdim=True)
    else:
        largest = weight.abs().amax().reshape(1)
    scale = (largest / LARGEST[kind]).clamp(min=1e-12)
    # vLLM keeps the scales of packed weights in bfloat16.
    found["weight_scale"] = scale.bfloat16() if given is None else scale
    if given is not None and not given.dynamic:
        bound = LARGEST[_kind(given)]
        found["input_scale"] = torch.tensor([INPUT / bound])
    return found


def write(base: Path, folder: Path, plan: dict[str, str]) -> None:
    """Writes a folder with layers in formats (layer to name in SCHEMES), all others as they are."""
    shutil.copytree(base, folder)
    tensors = {
        name: tensor.bfloat16() for name, tensor in load_file(base / "model.safetensors").items()
    }
    groups: dict[str, QuantizationScheme] = {}
    for name in sorted(set(plan.values())):
        layers = [layer for layer, of in plan.items() if of == name]
        scheme = SCHEMES[name](layers)
        scheme.format = infer_module_format(torch.nn.Linear, scheme)
        compressor = BaseCompressor.get_value_from_registry(scheme.format.value)
        groups[f"group_{len(groups)}"] = scheme
        for layer in layers:
            weight = tensors.pop(f"{layer}.weight").float()
            written = compressor.compress({"weight": weight, **scales(weight, scheme)}, scheme)
            tensors |= {f"{layer}.{name}": part for name, part in written.items()}
    formats = {str(scheme.format.value) for scheme in groups.values()}
    config = QuantizationConfig(
        config_groups=groups,
        format=formats.pop() if len(formats) == 1 else "mixed-precision",
        quantization_status=QuantizationStatus.COMPRESSED,
        ignore=["lm_head"],
    ).model_dump(mode="json", exclude={"quant_method"})
    described = {"quant_method": "compressed-tensors", "version": compressed_tensors.__version__}
    store(folder, tensors, lambda whole: whole.update(quantization_config=described | config))


def store(folder: Path, tensors: Tensors, change: Callable[[dict[str, Any]], object]) -> None:
    """Writes tensors and changes config.json in place."""
    parts = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(parts, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def text_layers(base: Path) -> list[str]:
    """Returns the paths of all linear layers of the text model, without lm_head."""
    names = load_file(base / "model.safetensors")
    ends = "_proj.weight"
    return [name[:-7] for name in names if name.startswith(LAYER) and name.endswith(ends)]


def alternating(layers: Iterable[str], *formats: str) -> dict[str, str]:
    """Returns a plan in which decoder layers take the formats in turn."""
    return {layer: formats[int(layer.split(".")[3]) % len(formats)] for layer in layers}


def plans(base: Path) -> dict[str, dict[str, str]]:
    """Returns folder to plan: what is sound."""
    layers = text_layers(base)
    sound = {name: dict.fromkeys(layers, name) for name in SCHEMES}
    return sound | {
        "int8_and_fp8": alternating(layers, "int8", "fp8"),
        "int8_and_fp8_dynamic": alternating(layers, "int8", "fp8_dynamic"),
        "int4_and_int8": alternating(layers, "int4", "int8"),
        "half_fp8": {layer: "fp8" for layer in layers if ".mlp." in layer},
        "q_int8_kv_fp8": {
            layer: "fp8_dynamic" if layer.endswith(("k_proj", "v_proj")) else "int8"
            for layer in layers
        },
    }


def without(name: str) -> Callable[[Tensors, dict[str, Any]], object]:
    return lambda tensors, _: tensors.pop(FIRST + name)


def _swap(_: Tensors, config: dict[str, Any]) -> None:
    one, other = (config["config_groups"][name] for name in ("group_0", "group_1"))
    one["targets"], other["targets"] = other["targets"], one["targets"]


def _int8_codes(tensors: Tensors, _: dict[str, Any]) -> None:
    name = f"{FIRST}mlp.down_proj.weight"
    tensors[name] = torch.arange(tensors[name].numel()).remainder(255).sub(127).to(torch.int8)
    tensors[name] = tensors[name].reshape(tensors[f"{FIRST}mlp.gate_proj.weight"].T.shape)


def _unlisted(_: Tensors, config: dict[str, Any]) -> None:
    config["config_groups"]["group_0"]["targets"].remove(f"{FIRST}self_attn.o_proj")


# Name: the sound folder that is spoiled, and how (tensors and quantization_config, in place).
DEFECTS: dict[str, tuple[str, Callable[[Tensors, dict[str, Any]], object]]] = {
    "missing_scale_of_a_shard": ("int8", without("self_attn.q_proj.weight_scale")),
    "missing_scale": ("int8", without("mlp.down_proj.weight_scale")),
    "missing_input_scale": ("fp8", without("mlp.down_proj.input_scale")),
    "missing_input_scale_of_a_shard": ("int8_static", without("self_attn.q_proj.input_scale")),
    "extra_scale": (
        "int8",
        lambda tensors, _: tensors.update({f"{FIRST}mlp.down_proj.input_scale": torch.ones(1)}),
    ),
    "other_input_scale_of_a_shard": (
        "int8_static",
        lambda tensors, _: tensors[f"{FIRST}self_attn.q_proj.input_scale"].mul_(2),
    ),
    "unlisted_o_proj": ("fp8", _unlisted),
    "groups_swapped": ("int8_and_fp8_dynamic", _swap),
    "int8_codes_in_fp8": ("fp8", _int8_codes),
}


def main(base: Path, out: Path, names: list[str]) -> None:
    """Writes the named sound folders; without names all of them, and the spoilt ones."""
    for name, plan in plans(base).items():
        if not names or name in names:
            write(base, out / name, plan)
    if names:
        return
    for name, (sound, spoil) in DEFECTS.items():
        shutil.copytree(out / sound, out / name)
        tensors = load_file(out / sound / "model.safetensors")
        config = json.loads((out / sound / "config.json").read_text())["quantization_config"]
        spoil(tensors, config)
        store(out / name, tensors, lambda whole, q=config: whole.update(quantization_config=q))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
