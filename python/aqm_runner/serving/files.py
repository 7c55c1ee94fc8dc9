"""The tensors of an exported folder, read from its safetensors files by themselves."""

from pathlib import Path

import torch
from safetensors import safe_open

from aqm_runner.serving.parameters import Stored


def tensors_of(folder: Path) -> dict[str, Stored]:
    """Returns name to tensor of all `*.safetensors` files of a folder; values are not read yet.

    Raises:
        SafetensorError: A file is none, or is cut off.
    """
    found: dict[str, Stored] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118, it is no mapping
                part = opened.get_slice(name)
                dtype = _DTYPES[part.get_dtype()]
                found[name] = Stored(dtype, tuple(part.get_shape()), _reader(path, name))
    return found


def _reader(path: Path, name: str):
    def read() -> torch.Tensor:
        with safe_open(path, framework="pt") as opened:
            return opened.get_tensor(name)

    return read


_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
