"""Samples in tables: Parquet files, and data sets of Hugging Face, read by pyarrow.

The library is imported late: a Python without it says so.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aqm_runner.calibration.found import Found, shown, unreadable
from aqm_runner.calibration.text_files import check_link, files_of, reader_of
from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import RunnerError, unsupported_here
from aqm_runner.runner.places import Place

ROWS_AT_ONCE = 1024
STATE, SPLITS = "state.json", "dataset_dict.json"
# (name that places are said by, workspace-relative name, path)
File = tuple[str, str, Path]


def samples_of(
    place: Place, kind: str, split: str | None, content: dict[str, str]
) -> Iterator[Found]:
    """Yields what each row of a source has in a column.

    Args:
        place: A Parquet file, a folder of them, or the folder of a data set.
        kind: "parquet" or "hugging_face".
        split: Of a data set; None: it has none.
        content: `field` with the name of a text column, or `messages` with that of a chat.

    Raises:
        RunnerError: gate_failed `unreadable_sample` naming file and row; `unsafe_path`,
            `file_not_taken` for what state.json names; unsupported_here `no_pyarrow`.
    """
    if find_spec("pyarrow") is None:
        raise unsupported_here(
            "no_pyarrow",
            "This Python has no pyarrow, which reads tables.",
            next_step="Let aqm make the environment tables, or name an interpreter that has it.",
        )
    if kind == "parquet":
        files, batches_of = files_of(place), _parquet
    elif _is_saved(place):
        files, batches_of = saved_dataset(place, split), _arrow
    else:
        files, batches_of = cloned_dataset(place, split), _parquet
    if not files:
        raise unreadable(
            place.name,
            "",
            "holds no Parquet file",
            "Place the *.parquet files there, or name another folder in conf/dataset/.",
        )
    for file in files:
        yield from _rows(file, batches_of, content)


def saved_dataset(place: Place, split: str | None) -> list[File]:
    """Returns the Arrow files of a folder as `save_to_disk` of the library datasets writes it.

    A data set has a state.json, which lists them; a dictionary of data sets has
    dataset_dict.json and a folder for each split.
    """
    folder = place.path
    prefix = ""
    if (folder / SPLITS).is_file():
        known = _strings(place, SPLITS, ("splits",))
        if split not in known:
            raise _no_split(place, split, known)
        prefix = f"{split}/"
    elif split is not None:
        raise _no_split(place, split, [])
    state = f"{prefix}{STATE}"
    files = []
    for name in _strings(place, state, ("_data_files", "filename")):
        path = place.file(f"{prefix}{name}", f"{place.name}/{state}")
        check_link(place, f"{prefix}{name}")
        if not path.is_file():
            raise unreadable(
                f"{place.name}/{state}",
                "",
                f"names {shown(name)}, which is not there",
                "Save the data set again; its folder is not complete.",
            )
        files.append((f"{prefix}{name}", f"{place.name}/{prefix}{name}", path))
    return files


def cloned_dataset(place: Place, split: str | None) -> list[File]:
    """Returns the Parquet files of a split in a clone of a data set of the hub.

    Of a split `train` these are `train.parquet`, `train-*.parquet` and `train/*.parquet`, in one
    folder. README.md, which may name files elsewhere, is not read.
    """
    found: dict[str, list[File]] = {}
    splits = set()
    for file in files_of(place):
        folder, _, name = file[0].rpartition("/")
        if not name.endswith(".parquet"):
            continue
        word = name.removesuffix(".parquet").split("-")[0]
        if folder.rpartition("/")[2] == split:
            found.setdefault(folder.rpartition("/")[0], []).append(file)
        elif word == split:
            found.setdefault(folder, []).append(file)
        else:
            splits.add(word)
    if not found:
        raise _no_split(place, split, sorted(splits))
    if len(found) > 1:
        names = ", ".join(f"{place.name}/{folder}" for folder in sorted(found))
        raise unreadable(
            place.name,
            "",
            f"has the split {split} in several folders: {names}",
            "Name one of these folders in the config in conf/dataset/.",
        )
    return next(iter(found.values()))


def _is_saved(place: Place) -> bool:
    return any((place.path / name).is_file() for name in (STATE, SPLITS))


def _no_split(place: Place, split: str | None, known: list[str]) -> RunnerError:
    has = f"its splits are {', '.join(map(shown, known))}" if known else "it has no splits"
    problem = f"has no split {shown(split)}; {has}" if split else f"needs a split; {has}"
    return unreadable(
        place.name, "", problem, "Name a split in the config in conf/dataset/, or leave it out."
    )


def _strings(place: Place, name: str, keys: tuple[str, ...]) -> list[str]:
    """Returns texts of a list in a JSON file: the items, or what each has under a second key."""
    path = place.file(name, f"the layout of {place.name}")
    check_link(place, name)
    try:
        document = read_document(path)
        listed = document.get(keys[0]) if isinstance(document, dict) else None
        items = listed if isinstance(listed, list) else [None]
        for key in keys[1:]:
            items = [item.get(key) if isinstance(item, dict) else None for item in items]
        if not all(isinstance(item, str) for item in items):
            raise DocumentError(f"it has no list {keys[0]} of names")
    except DocumentError as error:
        raise unreadable(
            f"{place.name}/{name}",
            "",
            f"is none that the library datasets wrote: {error}",
            "Save the data set again, or name its Parquet files.",
        ) from error
    return items


def _parquet(path: Path, column: str) -> tuple[Any, Iterator[Any]]:
    from pyarrow import parquet

    file = parquet.ParquetFile(path, memory_map=False)
    names = set(file.schema_arrow.names)
    columns = [column] if column in names else []
    return file.schema_arrow, file.iter_batches(ROWS_AT_ONCE, columns=columns)


def _arrow(path: Path, column: str) -> tuple[Any, Iterator[Any]]:
    from pyarrow import OSFile, ipc

    stream = ipc.open_stream(OSFile(str(path)))
    return stream.schema, (batch.select([column]) for batch in stream)


def _rows(
    file: File,
    batches_of: Callable[[Path, str], tuple[Any, Iterator[Any]]],
    content: dict[str, str],
) -> Iterator[Found]:
    from pyarrow import ArrowException

    name, shown_name, path = file
    column = content.get("messages", content.get("field", ""))
    read = reader_of(content)
    number = 0
    try:
        schema, batches = batches_of(path, column)
        _check_column(schema, content, column, shown_name)
        for batch in batches:
            for value in batch.column(0):
                number += 1
                text = read({column: value.as_py()}, shown_name, f"row {number}")
                yield Found(f"{name}:{number}", text)
    except (ArrowException, UnicodeDecodeError, OSError) as error:
        raise unreadable(
            shown_name,
            f"row {number}" if isinstance(error, UnicodeDecodeError) else "",
            f"cannot be read: {error}",
            "Write the file again, or name files of this kind in the config in conf/dataset/.",
        ) from error


def _check_column(schema: Any, content: dict[str, str], column: str, file: str) -> None:
    """Refuses a table before its rows are read, for what is wrong with all of them."""
    from pyarrow import types

    if column not in schema.names:
        raise unreadable(
            file,
            "",
            f"has no column {shown(column)}; it has {', '.join(map(shown, schema.names[:20]))}",
            "Name the column in the config in conf/dataset/ (field, or messages of a chat).",
        )
    kind = schema.field(column).type
    value = kind.value_type if types.is_dictionary(kind) else kind
    text = any(
        is_text(value) for is_text in (types.is_string, types.is_large_string, types.is_string_view)
    )
    fits = types.is_nested(kind) if "messages" in content else text
    if not fits:
        raise unreadable(
            file,
            "",
            f"has values of the type {kind} in the column {shown(column)}, where "
            f"{'a list of messages' if 'messages' in content else 'text'} is needed",
            "Name another column in the config in conf/dataset/, or write the file with text.",
        )
