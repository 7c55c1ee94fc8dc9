"""What every exporter does besides weights: the other files of a checkpoint, and a full disk."""

import contextlib
import errno
import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from aqm_runner.model.weight_files import INDEX
from aqm_runner.runner.failures import RunnerError, unsupported_here
from aqm_runner.runner.places import Place

CONFIG = "config.json"
WEIGHTS = ".safetensors"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def copy_other_files(checkpoint: Place, folder: Path, own: Collection[str] = (CONFIG,)) -> None:
    """Copies tokenizer, processor, chat template and all else but weights and `own` files."""
    for name, path in checkpoint.files():
        if not name.endswith(WEIGHTS) and name not in (*own, INDEX):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def untied(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the config of a model whose head has a weight of its own, beside the embedding's."""
    parts = {
        key: value | {"tie_word_embeddings": False}
        for key, value in config.items()
        if isinstance(value, dict) and "tie_word_embeddings" in value
    }
    return config | parts | {"tie_word_embeddings": False}


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file as the libraries of Hugging Face do."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextlib.contextmanager
def naming_full_disk(output: Place, checkpoint: Place) -> Iterator[None]:
    """Raises unsupported_here `disk_full` where what is inside finds no room.

    Args:
        output: What is written.
        checkpoint: What it is made from.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors tells the number in its text alone.
        said = re.search(r"\(os error (\d+)\)", str(error))
        number = int(said[1]) if said else getattr(error, "errno", None)
        if number not in NO_SPACE:
            raise
        raise _disk_full(output, checkpoint) from error


def _disk_full(output: Place, checkpoint: Place) -> RunnerError:
    size = sum(path.stat().st_size for _, path in checkpoint.files())
    return unsupported_here(
        "disk_full",
        f"There is no room left on the disk for {output.name}; the checkpoint that it is made from "
        f"has {size / 1e9:.3g} GB.",
        file=output.name,
        next_step="Free space, and build it again; nothing was kept of this try.",
    )
