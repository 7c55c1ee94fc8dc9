"""Which files hold a checkpoint's weights, and what their headers say: one set, whole, no other.

Reads JSON and safetensors headers only, so that it takes milliseconds for any size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aqm_runner.runner.documents import DocumentError, parse_document, read_document
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEADER_LENGTH_BYTES = 8
HEADER_LIMIT = 100_000_000
INDEX_LIMIT = 100_000_000


@dataclass(frozen=True)
class Tensor:
    """One tensor of a weight file: its type as safetensors names it, its shape, its file."""

    dtype: str
    shape: tuple[int, ...]
    file: str


def read_weight_headers(place: Place) -> dict[str, Tensor]:
    """Returns name to header of every weight of a checkpoint folder.

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint` naming a file that is damaged or not there;
            `ambiguous_weights` where other weights lie beside those that would be read;
            `unsafe_path` and `file_not_taken` for what an index may not name.
    """
    there = {path.name for path in place.path.glob("*.safetensors") if place.takes(path.name)}
    index = place.path / INDEX
    named = _read_index(place) if index.is_file() else dict.fromkeys([SINGLE])
    files = set(named.values()) if index.is_file() else {SINGLE}
    if not there and not index.is_file():
        others = sorted(
            path.name
            for ending in (".bin", ".pt", ".pth", ".gguf", ".ckpt", ".h5", ".msgpack")
            for path in place.path.glob(f"*{ending}")
        )
        found = f"; {', '.join(others[:3])} cannot be used" if others else ""
        raise unreadable(
            place,
            "",
            f"it has no *.safetensors file{found}",
            "Save the model as safetensors (transformers: save_pretrained), and place that."
            if others
            else None,
        )
    for file in sorted(files):
        if not (place.path / file).is_file():
            raise unreadable(place, file, "it is not there")
    for extra in sorted(there - files):
        raise gate_failed(
            "ambiguous_weights",
            f"{place.name}/{extra} lies beside the weights that "
            f"{INDEX if index.is_file() else SINGLE} stands for, and one of the two would be "
            "ignored.",
            file=f"{place.name}/{extra}",
            next_step="Keep one set of weights: remove the older one, or download the checkpoint "
            "again into an empty folder.",
        )
    found: dict[str, Tensor] = {}
    for file in sorted(files):
        for name, tensor in _read_header(place, place.path / file).items():
            if name in found:
                raise unreadable(place, file, f"{found[name].file} has the tensor {name} as well")
            found[name] = tensor
    if index.is_file():
        _check_index(place, named, found)
    return found


def unreadable(place: Place, name: str, problem: str, next_step: str | None = None) -> RunnerError:
    """Returns the failure of the gate `unreadable_checkpoint`, for a file of the folder or ""."""
    file = f"{place.name}/{name}" if name else place.name
    return gate_failed(
        "unreadable_checkpoint",
        f"{file} cannot be read: {problem}.",
        file=file,
        next_step=next_step or "Download or build the checkpoint again and compare its digests.",
    )


def _read_index(place: Place) -> dict[str, str]:
    try:
        document = read_document(place.path / INDEX, INDEX_LIMIT)
    except DocumentError as error:
        raise unreadable(place, INDEX, f"not a weight index ({error})") from error
    named = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(named, dict) or not named:
        raise unreadable(place, INDEX, "not a weight index (it has no weight_map)")
    for file in set(map(str, named.values())):
        place.file(file, f"{place.name}/{INDEX}")
        if not file.endswith(".safetensors") or "/" in file:
            raise unreadable(place, INDEX, f"it names {file!r}, no *.safetensors file beside it")
    return named


def _check_index(place: Place, named: dict[str, str], found: dict[str, Tensor]) -> None:
    for name in sorted(set(named) | set(found)):
        says, has = named.get(name), found[name].file if name in found else None
        if says != has:
            raise unreadable(
                place,
                INDEX,
                f"it says that {name} is in {says or 'no file'}, but it is in {has or 'no file'}",
            )


def _read_header(place: Place, path: Path) -> dict[str, Tensor]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(HEADER_LENGTH_BYTES), "little")
        if not 0 < length <= min(HEADER_LIMIT, size - HEADER_LENGTH_BYTES):
            raise unreadable(place, path.name, "its header is damaged or cut off")
        text = stream.read(length)
    try:
        header = parse_document(text)
        tensors, end = {}, 0
        for name, entry in header.items():
            if name != "__metadata__":
                tensors[name] = Tensor(str(entry["dtype"]), _shape(entry["shape"]), path.name)
                end = max(end, *_shape(entry["data_offsets"]))
    except (DocumentError, KeyError, TypeError, AttributeError) as error:
        lacking = f"an entry has no {error}" if isinstance(error, KeyError) else str(error)
        raise unreadable(place, path.name, f"its header is damaged ({lacking})") from error
    expected = HEADER_LENGTH_BYTES + length + end
    if size != expected:
        problem = f"it has {size} bytes where its header says {expected}"
        raise unreadable(place, path.name, problem)
    return tensors


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and each >= 0 for each in value):
        raise DocumentError(f"{str(value)[:40]!r} is no list of sizes")
    return tuple(value)
