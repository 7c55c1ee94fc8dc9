"""What a folder in ModelOpt's format says of each layer.

Read as a server reads it: with one algorithm, every linear layer has it that no pattern of `ignore`
fits; with several (MIXED_PRECISION), a layer has the format that its name is given, or none. The
same must stand in config.json and in hf_quant_config.json, since servers read either.
"""

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import FEATURE_SCALES, Form
from aqm_runner.export.gates import config_differs
from aqm_runner.export.pairs import modelopt_forms
from aqm_runner.export.scaled import ScaledInputs

CONFIG, QUANTIZATION = "config.json", "hf_quant_config.json"
MIXED = "MIXED_PRECISION"
# Of a layer in MIXED_PRECISION, or of the whole, besides the algorithm.
GROUP = "group_size"


def declared_forms(folder: ExportedFolder, layers: Collection[str]) -> dict[str, Form]:
    """Returns the form of each layer that the configs say is quantized.

    Args:
        folder: What was written.
        layers: Paths of all linear layers of the model.

    Raises:
        RunnerError: gate_failed `config_and_files` for a config that says something else than
            ModelOpt does, or two configs that say different things.
    """
    config = folder.config(CONFIG).get("quantization_config")
    if not isinstance(config, dict) or config.get("quant_method") != "modelopt":
        raise config_differs(folder, CONFIG, "has no quantization_config of ModelOpt")
    found = _forms(folder, CONFIG, config, config.get("ignore"), layers)
    beside = folder.config(QUANTIZATION).get("quantization")
    if not isinstance(beside, dict):
        raise config_differs(folder, QUANTIZATION, "says nothing of the quantization")
    other = _forms(folder, QUANTIZATION, beside, beside.get("exclude_modules"), layers)
    if found != other:
        layer = next(name for name in {**found, **other} if found.get(name) != other.get(name))
        raise config_differs(folder, QUANTIZATION, f"says something else of {layer} than {CONFIG}")
    return found


def _forms(
    folder: ExportedFolder,
    file: str,
    config: Mapping[str, Any],
    ignored: Any,
    layers: Collection[str],
) -> dict[str, Form]:
    if config.get("kv_cache_quant_algo") or config.get("kv_cache_scheme"):
        raise config_differs(folder, file, "quantizes caches")
    if config.get("quant_algo") != MIXED:
        form = _form(folder, file, config)
        patterns = [str(each) for each in ignored or []]
        return {
            layer: _with_scales(folder, layer, form)
            for layer in layers
            if not any(fnmatchcase(folder.name_of(layer), pattern) for pattern in patterns)
        }
    paths = {folder.name_of(layer): layer for layer in layers}
    found = {}
    for name, said in (config.get("quantized_layers") or {}).items():
        inside = [paths[name]] if name in paths else _experts(name, paths)
        if not inside:
            raise config_differs(folder, file, f"names {name}, which is no linear layer")
        form = _form(folder, file, said)
        found |= {layer: _with_scales(folder, layer, form) for layer in inside}
    return found


def _experts(name: str, paths: Mapping[str, str]) -> list[str]:
    """Returns the layers of all experts of a block, where a name is that of the block's experts."""
    inside = re.compile(rf"{re.escape(name)}\.\d+\.[^.]+")
    return [path for called, path in paths.items() if inside.fullmatch(called)]


def _with_scales(folder: ExportedFolder, layer: str, form: Form) -> Form:
    """Adds the scales of input features where a layer has them, which no config says by layer."""
    header = folder.headers.get(f"{layer}.{FEATURE_SCALES}")
    return ScaledInputs(form, header.dtype) if header else form


def _form(folder: ExportedFolder, file: str, said: Mapping[str, Any]) -> Form:
    for form in modelopt_forms():
        if form.label == said.get("quant_algo"):
            group = said.get(GROUP) or form.block
            if group == form.block:
                return form
    raise config_differs(
        folder,
        file,
        f"names the algorithm {said.get('quant_algo')} with blocks of "
        f"{said.get(GROUP)}, which aqm does not write",
    )
