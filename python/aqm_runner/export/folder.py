"""An exported folder read back: headers, and bytes where a tensor is asked for.

The reading is our own, so that an error of the library that wrote the folder does not cancel out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aqm_runner.export.forms import Stored
from aqm_runner.model.weight_files import HEADER_LENGTH_BYTES, read_weight_headers
from aqm_runner.runner.documents import DocumentError, parse_document, read_document
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "I8": torch.int8,
    "U8": torch.uint8,
    "I32": torch.int32,
    "I64": torch.int64,
    "BOOL": torch.bool,
}


class ExportedFolder:
    """Reads what an exporter wrote.

    Args:
        place: The folder.
        names: Path of a module → its name in the folder, where that is another one.

    Attributes:
        place: As given.
        headers: Dtype and shape of each tensor by its path in the model, in the order of paths.

    Raises:
        RunnerError: gate_failed of `read_weight_headers`.
    """

    def __init__(self, place: Place, names: Mapping[str, str] | None = None) -> None:
        self.place = place
        self._names = names or {}
        paths = {name: path for path, name in self._names.items()}
        read = {_path(paths, name): tensor for name, tensor in read_weight_headers(place).items()}
        self.headers = {name: Stored(read[name].dtype, read[name].shape) for name in sorted(read)}
        self._files = {name: tensor.file for name, tensor in read.items()}
        self._starts: dict[str, dict[str, tuple[int, int]]] = {
            file: {_path(paths, name): where for name, where in _places(place.path / file).items()}
            for file in set(self._files.values())
        }

    def name_of(self, layer: str) -> str:
        """Returns what a layer is called in the folder."""
        return self._names.get(layer, layer)

    def config(self, name: str = "config.json") -> dict[str, Any]:
        """Returns a JSON file of the folder; raises gate_failed `config_and_files`."""
        try:
            found = read_document(self.place.path / name)
            if not isinstance(found, dict):
                raise DocumentError("it is no object")
        except DocumentError as error:
            raise gate_failed(
                "config_and_files",
                f"{self.place.name}/{name} cannot be read: {error}.",
                file=f"{self.place.name}/{name}",
                next_step="Report it: the exporter did not write it whole.",
            ) from error
        return found

    def parts_of(self, layer: str) -> list[str]:
        """Returns the last parts of the names of all tensors of a layer, in the order of names."""
        prefix = f"{layer}."
        return [
            name.removeprefix(prefix)
            for name in self.headers
            if name.startswith(prefix) and "." not in name.removeprefix(prefix)
        ]

    def bytes_of(self, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Returns the bytes of a tensor, mapped from its file."""
        file = self._files[name]
        begin, end = self._starts[file][name]
        if begin == end:
            return np.empty(0, np.uint8)
        return np.memmap(self.place.path / file, np.uint8, "c", begin, (end - begin,))

    def tensor(self, name: str, device: str = "cpu") -> Tensor:
        """Returns a tensor; on a CPU it is mapped from its file and not to be written to."""
        header = self.headers[name]
        data = torch.from_numpy(self.bytes_of(name))
        return data.view(DTYPES[header.dtype]).reshape(header.shape).to(device)

    def tensors_of(self, layer: str, device: str = "cpu") -> dict[str, Tensor]:
        """Returns all tensors of a layer by the last part of their names."""
        return {part: self.tensor(f"{layer}.{part}", device) for part in self.parts_of(layer)}

    def digest(self, names: Iterator[tuple[str, str]]) -> str:
        """Returns the hexadecimal SHA-256 of tensors: what each is called, its header, its bytes.

        Args:
            names: What a tensor is called in the digest, and its name in the folder.
        """
        hasher = hashlib.sha256()
        for called, name in names:
            header = self.headers[name]
            data = self.bytes_of(name)
            about = [called, header.dtype, list(header.shape), int(data.nbytes)]
            hasher.update(json.dumps(about).encode() + b"\n")
            hasher.update(data)
        return hasher.hexdigest()

    def layer_digest(self, layer: str) -> str:
        """Returns the digest of a layer, in which its own name has no part."""
        return self.digest((part, f"{layer}.{part}") for part in self.parts_of(layer))

    def size(self) -> int:
        """Returns the bytes of all files."""
        return sum(path.stat().st_size for path in self.place.path.rglob("*") if path.is_file())

    def weight_bytes(self) -> int:
        """Returns the bytes of all tensors."""
        return sum(
            end - begin for tensors in self._starts.values() for begin, end in tensors.values()
        )


def _path(paths: Mapping[str, str], name: str) -> str:
    """Returns the path of a tensor, given the path of each module by its name in the folder."""
    layer, dot, part = name.rpartition(".")
    return f"{paths.get(layer, layer)}{dot}{part}"


def _places(path: Path) -> dict[str, tuple[int, int]]:
    """Returns where the bytes of each tensor of a safetensors file begin and end in it."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(HEADER_LENGTH_BYTES), "little")
        header = parse_document(stream.read(length))
    first = HEADER_LENGTH_BYTES + length
    return {
        name: (first + entry["data_offsets"][0], first + entry["data_offsets"][1])
        for name, entry in header.items()
        if name != "__metadata__"
    }
