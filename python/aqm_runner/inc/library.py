"""Which INC there is, and the settings with which it gives the same numbers on every machine."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

import torch

from aqm_runner.runner.failures import unsupported_here

# What the workarounds of docs/inc.md were written for.
KNOWN = "2.6"
# Of torch's engines of INT8 products, the one that every x86 processor has.
QUANTIZED_ENGINE = "fbgemm"


def require_inc(device: str) -> None:
    """Refuses what INC does not run on.

    Args:
        device: "cpu" or "cuda".

    Raises:
        RunnerError: unsupported_here `no_inc` without INC, `unknown_inc` for a version not known
            here, `cpu_only` for a GPU, `no_int8_engine` for a processor without fbgemm.
    """
    if find_spec("neural_compressor") is None:
        raise unsupported_here(
            "no_inc",
            "This Python has no Intel Neural Compressor.",
            next_step="Let aqm make the environment inc, or name an interpreter that has it.",
        )
    found = version()
    if found != KNOWN:
        raise unsupported_here(
            "unknown_inc",
            f"Intel Neural Compressor {found} is installed; its insides are known for {KNOWN}.",
            next_step="Let aqm make the environment inc from python/inc.lock.",
        )
    if device != "cpu":
        raise unsupported_here(
            "cpu_only",
            f"Intel Neural Compressor {KNOWN} quantizes PyTorch models on a CPU alone, and this "
            f"job is for {device}.",
            next_step='Set the device of the model to "cpu".',
        )
    if QUANTIZED_ENGINE not in torch.backends.quantized.supported_engines:
        raise unsupported_here(
            "no_int8_engine",
            f"PyTorch has no {QUANTIZED_ENGINE} on this processor, which INT8 products need.",
            next_step="Run INC on an x86 processor.",
        )


def version() -> str:
    """Returns the version of the installed INC."""
    return metadata.version("neural-compressor")


def settled_versions() -> dict[str, str]:
    """Returns what decides the bits of INC's numbers besides torch and transformers, by name."""
    return {
        "neural-compressor": version(),
        "quantized_engine": QUANTIZED_ENGINE,
        "reduce_range": "true",
    }


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Lets INC and torch compute the same on every x86 processor, and INC speak of errors only.

    INC gives activations 7 bits where the processor lacks VNNI, since fbgemm's sums of products
    then overflow with 8 (`REDUCE_RANGE`); here they have 7 bits everywhere. torch would also choose
    its INT8 engine by the processor.
    """
    import neural_compressor.adaptor.pytorch as adaptor

    logger = logging.getLogger("neural_compressor")
    before = adaptor.REDUCE_RANGE, torch.backends.quantized.engine, logger.level
    adaptor.REDUCE_RANGE = True
    torch.backends.quantized.engine = QUANTIZED_ENGINE
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch calls all of FX quantization deprecated; INC has nothing else.
            warnings.simplefilter("ignore")
            yield
    finally:
        adaptor.REDUCE_RANGE, torch.backends.quantized.engine = before[:2]
        logger.setLevel(before[2])
