"""The folder, layer by layer: codes of one are on the device, tensors of one file in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from aqm_runner.compressed.schemes import config_of, stored_tensors
from aqm_runner.export.copying import (
    CONFIG,
    WEIGHTS,
    copy_other_files,
    naming_full_disk,
    untied,
    write_json,
)
from aqm_runner.export.forms import Stored
from aqm_runner.export.names import expert_names
from aqm_runner.export.planned import Planned
from aqm_runner.export.simulated import Simulated
from aqm_runner.model.checkpoint_files import read_config
from aqm_runner.model.weight_files import INDEX, SINGLE
from aqm_runner.runner.places import Place

# Of one file, in bytes, as transformers has it.
FILE_SIZE = 5 * 10**9
BITS = {"F32": 32, "BF16": 16, "F16": 16, "F8_E4M3": 8, "I8": 8, "U8": 8, "I32": 32, "I64": 64}


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
    with naming_full_disk(output, checkpoint):
        copy_other_files(checkpoint, folder)
        head = "lm_head" in planned.quantized
        names = expert_names(simulated.model)
        quantization = config_of(planned, names)
        config = read_config(checkpoint, CONFIG) | {"quantization_config": quantization}
        write_json(folder / CONFIG, untied(config) if head else config)
        _write_weights(context, folder, planned, simulated, kept, names, file_size)
    return simulated


def _write_weights(
    context: Any,
    folder: Path,
    planned: Planned,
    simulated: Simulated,
    kept: Mapping[str, Tensor],
    names: Mapping[str, str],
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
    for number, inside in enumerate(files, start=1):
        tensors: dict[str, Tensor] = {}
        for name in inside:
            if name in kept:
                layer, dot, part = name.rpartition(".")
                called = f"{names.get(layer, layer)}{dot}{part}"
                tensors[called] = kept[name].contiguous().cpu()
            else:
                form = planned.quantized[name].form
                tensors |= {
                    f"{names.get(name, name)}.{part}": tensor.contiguous().cpu()
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
        write_json(folder / INDEX, {"metadata": total, "weight_map": dict(sorted(where.items()))})


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
