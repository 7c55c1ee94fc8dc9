"""The folder, layer by layer: codes of one are on the device, tensors of one file in memory."""

import errno
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from aqm_runner.compressed.schemes import config_of, stored_tensors
from aqm_runner.export.forms import Stored
from aqm_runner.export.planned import Planned
from aqm_runner.export.simulated import Simulated
from aqm_runner.model.checkpoint_files import read_config
from aqm_runner.model.weight_files import INDEX, SINGLE
from aqm_runner.runner.failures import RunnerError, unsupported_here
from aqm_runner.runner.places import Place

CONFIG = "config.json"
WEIGHTS = ".safetensors"
# Of one file, in bytes, as transformers has it.
FILE_SIZE = 5 * 10**9
BITS = {"F32": 32, "BF16": 16, "F16": 16, "F8_E4M3": 8, "I8": 8, "U8": 8, "I32": 32, "I64": 64}
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_folder(
    context: Any,
    output: Place,
    checkpoint: Place,
    planned: Planned,
    simulated: Simulated,
    kept: Mapping[str, Tensor],
    file_size: int = FILE_SIZE,
) -> Simulated:
    """Writes weights, config, and every other file of the checkpoint as it is; returns the model.

    Args:
        context: Gets the phase `write` and its steps.
        output: The folder, which is made here.
        checkpoint: What the plan is of.
        planned: The plan.
        simulated: The model that was measured.
        kept: Tensors that stay as they are, by name.
        file_size: Most bytes of tensors in a file, as far as one tensor does not have more.

    Raises:
        RunnerError: unsupported_here `disk_full`.
    """
    folder = output.create()
    try:
        _copy(checkpoint, folder)
        head = "lm_head" in planned.quantized
        config = read_config(checkpoint, CONFIG) | {"quantization_config": config_of(planned)}
        _write_json(folder / CONFIG, _untied(config) if head else config)
        _write_weights(context, folder, planned, simulated, kept, file_size)
    except (OSError, SafetensorError) as error:
        full = isinstance(error, OSError) and error.errno in NO_SPACE
        if not full and "no space left" not in str(error).lower():
            raise
        raise _disk_full(output, checkpoint) from error
    return simulated


def _copy(checkpoint: Place, folder: Path) -> None:
    for name, path in checkpoint.files():
        if not name.endswith(WEIGHTS) and name not in (CONFIG, INDEX):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _untied(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the config of a model whose head has a weight of its own, beside the embedding's."""
    parts = {
        key: value | {"tie_word_embeddings": False}
        for key, value in config.items()
        if isinstance(value, dict) and "tie_word_embeddings" in value
    }
    return config | parts | {"tie_word_embeddings": False}


def _write_weights(
    context: Any,
    folder: Path,
    planned: Planned,
    simulated: Simulated,
    kept: Mapping[str, Tensor],
    file_size: int,
) -> None:
    sizes = {name: tensor.nbytes for name, tensor in kept.items()}
    for layer, each in planned.quantized.items():
        rows, columns = simulated.shape(layer)
        stored = each.form.tensors((rows, columns)).values()
        sizes[layer] = sum(_bytes(tensor) for tensor in stored)
    files = _share_out(sizes, file_size)
    context.phase("write", len(sizes))
    done = 0
    where: dict[str, str] = {}
    for number, names in enumerate(files, start=1):
        tensors: dict[str, Tensor] = {}
        for name in names:
            if name in kept:
                tensors[name] = kept[name].contiguous().cpu()
            else:
                form = planned.quantized[name].form
                tensors |= {
                    f"{name}.{part}": tensor.contiguous().cpu()
                    for part, tensor in stored_tensors(name, form, simulated).items()
                }
            done += 1
            context.step(done)
        many = f"model-{number:05d}-of-{len(files):05d}{WEIGHTS}"
        file = SINGLE if len(files) == 1 else many
        save_file(tensors, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(tensors, file)
    if len(files) > 1:
        total = {"total_size": sum(sizes.values())}
        _write_json(folder / INDEX, {"metadata": total, "weight_map": dict(sorted(where.items()))})


def _share_out(sizes: Mapping[str, int], file_size: int) -> list[list[str]]:
    files: list[list[str]] = [[]]
    used = 0
    for name, size in sizes.items():
        if files[-1] and used + size > file_size:
            files.append([])
            used = 0
        files[-1].append(name)
        used += size
    return files


def _bytes(tensor: Stored) -> int:
    numbers = 1
    for size in tensor.shape:
        numbers *= size
    return numbers * BITS[tensor.dtype] // 8


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _disk_full(output: Place, checkpoint: Place) -> RunnerError:
    size = sum(path.stat().st_size for _, path in checkpoint.files())
    return unsupported_here(
        "disk_full",
        f"There is no room left on the disk for {output.name}; the checkpoint that it is made from "
        f"has {size / 1e9:.3g} GB.",
        file=output.name,
        next_step="Free space, and build it again; nothing was kept of this try.",
    )
