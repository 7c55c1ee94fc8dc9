"""Loading a Hugging Face checkpoint folder, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, PreTrainedModel

from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

HEADER_LENGTH_BYTES = 8
HEADER_LIMIT = 100_000_000


def load_model(place: Place, dtype: str, device: str) -> PreTrainedModel:
    """Returns the full vision-language model in evaluation mode.

    Args:
        place: The checkpoint folder.
        dtype: "float32" or "bfloat16".
        device: "cpu" or "cuda".

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint` naming the file; `incomplete_checkpoint` if
            a weight is missing, which transformers would replace by random numbers.
    """
    check_weight_files(place)
    try:
        model, info = AutoModelForImageTextToText.from_pretrained(
            place.path,
            dtype=getattr(torch, dtype),
            attn_implementation="sdpa",
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(place, "", str(error)) from error
    wrong = {
        what: sorted(str(name) for name in info[what])
        for what in ("missing_keys", "mismatched_keys")
        if info[what]
    }
    if wrong:
        what, names = next(iter(wrong.items()))
        raise gate_failed(
            "incomplete_checkpoint",
            f"{place.name} lacks weights of its model ({what}: {', '.join(names[:3])}"
            f"{', ...' if len(names) > 3 else ''}); they would be random.",
            file=place.name,
            next_step="Download the checkpoint again, with all its *.safetensors files.",
        )
    return model.to(device).eval()


def check_weight_files(place: Place) -> None:
    """Checks that every safetensors file is there and as long as its header says.

    Reads headers only. Raises gate_failed `unreadable_checkpoint`.
    """
    index = place.path / "model.safetensors.index.json"
    names = {path.name for path in place.path.glob("*.safetensors")}
    if index.is_file():
        try:
            names |= set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _unreadable(place, index.name, f"not a weight index ({error})") from error
    if not names:
        raise _unreadable(place, "", "it has no *.safetensors file")
    for name in sorted(names):
        path = place.path / name
        problem = _weight_file_problem(path) if path.is_file() else "it is not there"
        if problem:
            raise _unreadable(place, name, problem)


def _weight_file_problem(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(HEADER_LENGTH_BYTES), "little")
        if not 0 < length <= min(HEADER_LIMIT, size - HEADER_LENGTH_BYTES):
            return "its header is damaged or cut off"
        try:
            header: dict[str, Any] = json.loads(stream.read(length))
            ends = [
                entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            return "its header is damaged"
    expected = HEADER_LENGTH_BYTES + length + max(ends, default=0)
    if size != expected:
        return f"it has {size} bytes where its header says {expected}"
    return None


def _unreadable(place: Place, name: str, problem: str) -> RunnerError:
    file = f"{place.name}/{name}" if name else place.name
    return gate_failed(
        "unreadable_checkpoint",
        f"{file} cannot be read: {problem}.",
        file=file,
        next_step="Download or build the checkpoint again and compare its digests.",
    )
