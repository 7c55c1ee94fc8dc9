"""What a checkpoint folder must be before a model is loaded from it, found out in milliseconds.

Scores are of the weights in the key: as they are, all of them, and nothing else. What a library
would drop, replace, dequantize or run on the way is refused here.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aqm_runner.model.weight_files import Tensor, read_weight_headers, unreadable
from aqm_runner.runner.classify import classify
from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import BUG, RunnerError, gate_failed
from aqm_runner.runner.places import Place

CONFIG = "config.json"
CONFIG_LIMIT = 16 << 20
FLOATS = {"F64", "F32", "F16", "BF16"}
# Buffers have these; a weight of them that the model does not know is found when it is loaded.
PLAIN = FLOATS | {"I64", "BOOL"}
# Where quantizers of other tools say what they did: ModelOpt, AutoGPTQ, AutoAWQ.
QUANTIZER_FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
QUANTIZER_KEYS = ("quantization_config", "compression_config")
# Last parts of the names of what lies beside quantized weights: ModelOpt and compressed-tensors,
# fp8 of Hugging Face, GPTQ and AWQ, bitsandbytes.
BESIDE_CODES = {
    "weight_scale", "weight_scale_2", "weight_scale_inv", "weight_global_scale", "weight_packed",
    "weight_shape", "weight_zero_point", "input_scale", "input_global_scale", "k_scale", "v_scale",
    "qweight", "qzeros", "scales", "g_idx", "absmax", "quant_map", "SCB", "weight_format",
}  # fmt: skip
WITH_CODE = (CONFIG, "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")


def check_checkpoint(place: Place) -> dict[str, Tensor]:
    """Returns the headers of all weights of a folder that can be scored as it is.

    Raises:
        RunnerError: gate_failed `unmerged_adapter`, `quantized_checkpoint`, `custom_code`; and what
            `read_weight_headers` raises. Each names the file and, where there is one, the entry.
    """
    _check_adapter(place)
    if not (place.path / CONFIG).is_file():
        raise unreadable(place, CONFIG, "it is not there")
    config = read_config(place, CONFIG)
    _check_quantizers(place, config)
    if config.get("transformers_weights") is not None:
        raise unreadable(
            place,
            CONFIG,
            f"its transformers_weights names {config['transformers_weights']!r} in the place of "
            "the usual weight files",
            "Rename the weights to model.safetensors, or shards with an index, and remove that "
            "entry.",
        )
    check_code(place)
    tensors = read_weight_headers(place)
    for name, tensor in tensors.items():
        if tensor.dtype not in PLAIN or name.rsplit(".", 1)[-1] in BESIDE_CODES:
            raise _quantized(
                place, tensor.file, f"its tensor {name} ({tensor.dtype}) is of a quantized model"
            )
    return tensors


def read_config(place: Place, name: str) -> dict[str, Any]:
    """Returns a JSON object of the folder; {} where the file is not there."""
    path = place.path / name
    if not path.exists():
        return {}
    try:
        document = read_document(path, CONFIG_LIMIT)
    except DocumentError as error:
        raise unreadable(place, name, str(error)) from error
    if not isinstance(document, dict):
        raise unreadable(place, name, "it is no JSON object")
    return document


@contextlib.contextmanager
def loading(place: Place, what: str) -> Iterator[Path]:
    """Gives a folder with links to the files of a checkpoint that are in the key, and no others.

    A library that looks for further files (weights of another kind, tokenizers, templates in
    folders) finds none that no key knows. What it raises is named as `naming_errors` does.

    Args:
        place: The checkpoint folder.
        what: What is loaded, for the message, as "the tokenizer".
    """
    with tempfile.TemporaryDirectory(prefix="aqm-checkpoint-") as folder:
        view = Path(folder)
        for name, path in place.files():
            (view / name).parent.mkdir(parents=True, exist_ok=True)
            (view / name).symlink_to(path.absolute())
        with naming_errors(place, what, shown_as=folder):
            yield view


@contextlib.contextmanager
def naming_errors(place: Place, what: str, shown_as: str | None = None) -> Iterator[None]:
    """Names the checkpoint in what a library raises about its files.

    Args:
        place: The checkpoint folder.
        what: What is made from it, for the message.
        shown_as: The path that the library knows the folder by.

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint` for any failure of the library; failures of
            memory or device as they are.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, RunnerError) or classify(error).class_ != BUG:
            raise
        said = (str(error).strip().splitlines() or ["no message"])[0].removesuffix(".")
        said = said.replace(shown_as, place.name) if shown_as else said
        raise unreadable(
            place,
            "",
            f"{what} cannot be made from it ({type(error).__name__}: {said})",
            "Download the checkpoint again, with all its *.json, *.jinja and *.safetensors "
            "files; compare it with the repository that it is a copy of.",
        ) from error


def _check_adapter(place: Place) -> None:
    for pattern in ("adapter_config.json", "adapter_model*"):
        for path in sorted(place.path.glob(pattern)):
            raise gate_failed(
                "unmerged_adapter",
                f"{place.name}/{path.name} belongs to an adapter (LoRA or alike) that is not "
                "merged into the weights, so the scores would be of the base model alone.",
                file=f"{place.name}/{path.name}",
                next_step="Merge it (peft: merge_and_unload, then save_pretrained) and place the "
                "result, or remove the adapter's files to score the base model.",
            )


def _check_quantizers(place: Place, config: dict[str, Any]) -> None:
    parts = {"": config} | {
        f"{key}.": value for key, value in config.items() if isinstance(value, dict)
    }
    for where, part in parts.items():
        for key in QUANTIZER_KEYS:
            found = part.get(key)
            if found is not None:
                method = found.get("quant_method") if isinstance(found, dict) else None
                by = f" by {method}" if isinstance(method, str) else ""
                raise _quantized(place, CONFIG, f"its {where}{key} says it was quantized{by}")
    for name in QUANTIZER_FILES:
        if (place.path / name).exists():
            raise _quantized(place, name, "it says how the weights were quantized")


def _quantized(place: Place, name: str, problem: str) -> RunnerError:
    return gate_failed(
        "quantized_checkpoint",
        f"{place.name} is quantized already: in {name}, {problem}. Its scores would be of other "
        "weights, with or without their scales.",
        file=f"{place.name}/{name}",
        next_step="Place the checkpoint as it was before quantization, in bfloat16, float16 or "
        "float32.",
    )


def check_code(place: Place) -> None:
    """Refuses code of others; where the rule trusts the folder, code that no key knows."""
    for name in WITH_CODE:
        mapped = read_config(place, name).get("auto_map")
        if not mapped:
            continue
        if not place.trusted:
            raise gate_failed(
                "custom_code",
                f"{place.name}/{name} has an auto_map: the checkpoint brings Python code of its "
                "own, which aqm does not run, and without it the model may be another.",
                file=f"{place.name}/{name}",
                next_step="Use a checkpoint whose classes are in transformers; if this one is the "
                "same without its code, remove auto_map. Where scores and measurements alone are "
                "wanted and you have read its *.py files, trust_remote_code: true in conf/model "
                "lets them run: with all that you may do yourself, your files, credentials and "
                "network included.",
            )
        for reference in _references(mapped):
            named = re.fullmatch(r"(\w+)\.\w+", reference)
            module = f"{named[1]}.py" if named else ""
            if not (place.path / module).is_file() or not place.takes(module):
                raise gate_failed(
                    "custom_code",
                    f"{place.name}/{name} names the class {reference!r}, whose code is no file of "
                    "the checkpoint that the key of this action knows; trust_remote_code runs no "
                    "other.",
                    file=f"{place.name}/{name}",
                    next_step="Place the code beside the weights and name it in auto_map as "
                    "module.Class, without a repository.",
                )


def _references(mapped: Any) -> list[str]:
    """Returns all names of classes in an auto_map, whose values are names, or lists of them."""
    if isinstance(mapped, str):
        return [mapped]
    values = mapped.values() if isinstance(mapped, dict) else mapped
    inner = [_references(each) for each in values] if isinstance(values, Iterable) else []
    return [name for names in inner for name in names]
