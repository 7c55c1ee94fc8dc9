"""Where a model's layers lie: on the one device, or shared out among all that a job was given.

A layer computes on one device whatever lies on the others, so its numbers keep their bits. What is
refused here is refused before weights are read: on a GPU that is too small a load would take
minutes and then end in the middle.
"""

import gc
import importlib.util
from collections.abc import Iterable
from typing import Any

import torch

from aqm_runner.model.checkpoint_files import FLOATS
from aqm_runner.model.weight_files import Tensor
from aqm_runner.runner.failures import OUT_OF_MEMORY, RunnerError, unsupported_here
from aqm_runner.runner.places import Place

GIB = 2**30
SEVERAL = 2


def release_memory(device: str) -> None:
    """Gives back what dropped models held; libraries leave cycles that only the collector frees."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def free_memory(device: str) -> list[int]:
    """Returns the free bytes of each device that this process sees; nothing of a CPU."""
    if device != "cuda":
        return []
    return [torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())]


def check_room(place: Place, tensors: Iterable[Tensor], dtype: str, free: list[int]) -> None:
    """Raises out_of_memory `model_too_large` if the weights alone are more than the devices hold.

    Args:
        place: The checkpoint, for messages.
        tensors: Headers of all weights.
        dtype: Numbers of the loaded model, "float32" or "bfloat16".
        free: Free bytes of each device; none where memory is not counted.
    """
    if not free:
        return
    size = getattr(torch, dtype).itemsize
    needed = sum(torch.Size(each.shape).numel() * size for each in tensors if each.dtype in FLOATS)
    if needed <= sum(free):
        return
    count = f"{len(free)} GPUs" if len(free) > 1 else "1 GPU"
    raise RunnerError(
        OUT_OF_MEMORY,
        "model_too_large",
        f"The weights of {place.name} need {needed / GIB:.1f} GiB in {dtype}, and {count} of this "
        f"job {'have' if len(free) > 1 else 'has'} {sum(free) / GIB:.1f} GiB free.",
        file=place.name,
        next_step="Use a GPU with more memory, or free the memory: nvidia-smi shows who has it. "
        f"Scoring and measuring share layers out among GPUs: set gpus: {len(free) + 1} or more in "
        "the model's config (conf/model).",
    )


def shared_out(free: list[int]) -> dict[str, str]:
    """Returns what transformers needs to share a model out among devices; nothing for one device.

    Args:
        free: Free bytes of each device.

    Raises:
        RunnerError: unsupported_here `no_accelerate`.
    """
    if len(free) < SEVERAL:
        return {}
    if importlib.util.find_spec("accelerate") is None:
        raise unsupported_here(
            "no_accelerate",
            "Layers of a model are shared out among GPUs by accelerate, which the environment of "
            "this engine lacks.",
            next_step="Set gpus: 1 in the model's config (conf/model) for this engine.",
        )
    return {"device_map": "balanced"}


def check_shared_out(place: Place, model: Any, free: list[int]) -> None:
    """Raises out_of_memory `model_too_large` if a layer was left in the host's memory.

    There it would be computed all the same, a hundred times slower.
    """
    outside = [name for name, where in model.hf_device_map.items() if where in ("cpu", "disk")]
    if outside:
        raise RunnerError(
            OUT_OF_MEMORY,
            "model_too_large",
            f"{outside[0]} of {place.name} finds no room on {len(free)} GPUs with "
            f"{', '.join(f'{each / GIB:.1f}' for each in free)} GiB free.",
            file=place.name,
            next_step=f"Set gpus: {len(free) + 1} or more in the model's config (conf/model), or "
            "free the memory: nvidia-smi shows who has it.",
        )
