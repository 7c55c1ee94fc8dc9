"""Settings under which the same request gives the same bits, also on a GPU."""

import os
import random

import numpy as np
import torch

from aqm_runner.runner.failures import unsupported_here

SEED = 0


def require_device(device: str) -> None:
    """Raises unsupported_here `no_gpu` if CUDA is asked for and not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise unsupported_here(
            "no_gpu",
            "The request asks for CUDA, but torch sees no CUDA device here.",
            next_step="Run it on a machine with a CUDA device, or give the target device cpu.",
        )


def make_deterministic(device: str) -> None:
    """Seeds every generator and turns off kernels whose results vary from run to run.

    Attention keeps only the math kernel: the backward passes of the flash and memory-efficient
    ones are not reproducible, cuDNN's fails on fully masked rows. TF32 is off because its use
    depends on the device. Operations without a deterministic kernel warn; they do not fail. On a
    CPU one thread computes: how a sum is shared out among threads shows in its last bits, and
    machines differ in cores.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    random.seed(SEED)
    np.random.seed(SEED)  # libraries draw from the global generator
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Else each new tensor is filled before the kernel that fills it: a third of all launches.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    torch.backends.cuda.enable_math_sdp(True)
    if device == "cpu":
        torch.set_num_threads(1)


def device_kind(device: str) -> str:
    """Returns e.g. "NVIDIA H200", or "cpu"."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
