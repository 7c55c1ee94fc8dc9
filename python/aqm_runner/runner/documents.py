"""Reading a JSON document that someone else wrote: within bounds, and without loss.

Python's parser keeps the last of two values of one key, takes NaN, and ends in errors of its own on
deep nesting and on numbers of thousands of digits. Here each of these is a `DocumentError`.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

# COCO's captions are 92 MB, a weight index of the largest models is a few.
LARGEST_BYTES = 1 << 30
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1


class DocumentError(Exception):
    """Says in a few words why a document cannot be used."""


def read_document(path: Path, largest: int = LARGEST_BYTES) -> Any:
    """Returns the value of a JSON file.

    Args:
        path: A file.
        largest: Most bytes that it may have.

    Raises:
        DocumentError: The file is missing, larger, or no JSON in which nothing is said twice.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise DocumentError("it is no file")
        if size > largest:
            raise DocumentError(f"it has {size} bytes, more than the {largest} that are read")
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(error.strerror or "it cannot be opened") from error
    return parse_document(data)


def parse_document(data: bytes) -> Any:
    """Returns the value of JSON in UTF-8; raises as `read_document` does."""
    try:
        return json.loads(
            data, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant
        )
    except DocumentError:
        raise
    except RecursionError as error:
        raise DocumentError("it is nested too deep") from error
    except ValueError as error:
        raise DocumentError(f"it is no JSON ({error})") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DocumentError(f"it has the key {twice[:80]!r} twice in one object")
    return found


def _integer(text: str) -> int:
    # Nothing that is read here needs more, and Python refuses thousands of digits by an error.
    value = int(text) if len(text) <= len(str(SMALLEST_INTEGER)) else LARGEST_INTEGER + 1
    if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise DocumentError(f"the number {text[:40]} does not fit into 64 bits")
    return value


def _constant(text: str) -> NoReturn:
    raise DocumentError(f"it has the number {text}, which JSON does not know")
