"""What the config of a folder in the format compressed-tensors says of each layer.

Read as a server reads it: groups of exact layer names, each with the arguments of its quantizers.
"""

from collections.abc import Collection
from typing import Any

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import Form
from aqm_runner.export.gates import config_differs
from aqm_runner.export.pairs import COMPRESSED_TENSORS, form_of

FILE = "config.json"
MIXED = "mixed-precision"


def declared_forms(folder: ExportedFolder, layers: Collection[str]) -> dict[str, Form]:
    """Returns the form of each layer that config.json says is quantized.

    Args:
        folder: What was written.
        layers: Paths of all linear layers of the model.

    Raises:
        RunnerError: gate_failed `config_and_files` for a config that says something else than
            layer names and forms that aqm writes.
    """
    paths = {folder.name_of(layer): layer for layer in layers}
    config = folder.config(FILE).get("quantization_config")
    if not isinstance(config, dict) or config.get("quant_method") != "compressed-tensors":
        raise config_differs(folder, FILE, "has no quantization_config of compressed-tensors")
    if config.get("quantization_status") != "compressed":
        raise config_differs(folder, FILE, "does not say that the weights are compressed")
    if config.get("ignore") or config.get("kv_cache_scheme") is not None:
        raise config_differs(folder, FILE, "leaves layers out, or quantizes caches")
    found: dict[str, Form] = {}
    for name, group in (config.get("config_groups") or {}).items():
        form = _form(folder, name, group)
        for target in group["targets"]:
            layer = paths.get(target, target)
            if layer in found:
                raise config_differs(folder, FILE, f"has {layer} in two groups")
            found[layer] = form
    labels = {form.label for form in found.values()}
    wanted = MIXED if len(labels) > 1 else next(iter(labels), None)
    if config.get("format") != wanted:
        raise config_differs(folder, FILE, f"has the format {config.get('format')}, not {wanted}")
    return found


def _form(folder: ExportedFolder, name: str, group: dict[str, Any]) -> Form:
    if group.get("output_activations") is not None:
        raise config_differs(folder, FILE, f"quantizes outputs in {name}")
    rules = []
    for role, key in (("weight", "weights"), ("input", "input_activations")):
        cfg = _quantizer(group.get(key))
        rules.append(
            {"quantizer_name": f"*{role}_quantizer", "enable": cfg is not None, "cfg": cfg}
        )
    form = form_of({"quant_cfg": rules}, COMPRESSED_TENSORS)
    if isinstance(form, str) or form.label != group.get("format"):
        why = form if isinstance(form, str) else f"its format is {group.get('format')}"
        raise config_differs(folder, FILE, f"has a group {name} that aqm does not write: {why}")
    return form


def _quantizer(args: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns the arguments of compressed-tensors as the attributes of a quantizer of ModelOpt."""
    if args is None:
        return None
    plain = args.get("symmetric") and args.get("actorder") is None
    said = (args.get("num_bits"), args.get("type"), args.get("strategy"), args.get("dynamic"))
    match said if plain else None:
        case (8, "float", "tensor", False):
            return {"num_bits": [4, 3], "axis": None}
        case (8, "int", "tensor", False):
            return {"num_bits": 8, "axis": None}
        case (4 | 8 as bits, "int", "channel", False):
            return {"num_bits": bits, "axis": 0}
        case (4 | 8 as bits, "int", "group", False):
            blocks = {"-1": args.get("group_size"), "type": "static"}
            return {"num_bits": bits, "block_sizes": blocks}
        case (4, "float", "tensor_group", False | "local") if args.get("group_size") == 16:
            blocks = {"-1": 16, "type": "dynamic", "scale_bits": [4, 3]}
            return {"num_bits": [2, 1], "block_sizes": blocks}
    return {"num_bits": 0}
