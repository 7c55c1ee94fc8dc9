"""Samples in files of text: lines, JSON lines, and captions beside images.

A file is UTF-8, with or without a byte order mark. A line ends at a newline, or at a carriage
return with one. Nothing is skipped in silence: blank lines are counted, all else is a sample or a
failure that names file and line.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aqm_runner.calibration.found import Found, checked_text, shown, unreadable
from aqm_runner.calibration.messages import messages_text
from aqm_runner.runner.documents import DocumentError, parse_document
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.inside import inside
from aqm_runner.runner.places import Place

METADATA = "metadata.jsonl"
MARK = b"\xef\xbb\xbf"
READ_AT_ONCE = 1 << 20


def files_of(place: Place) -> list[tuple[str, str, Path]]:
    """Returns the files of a source, in the order of their names.

    Returns:
        Of each the name that places are said by, the workspace-relative name, and the path.

    Raises:
        RunnerError: gate_failed `unsafe_path` for a name that no sample can carry.
    """
    if place.kind == "file":
        name = Path(place.name).name
        inside(place.path.parent, f"{name}:1", place.name)
        return [(name, place.name, place.path)]
    found = []
    for name, path in place.files():
        check_link(place, name)
        inside(place.path, f"{name}:1", place.name)
        found.append((name, f"{place.name}/{name}", path))
    return found


def check_link(place: Place, name: str) -> None:
    """Refuses a link in a folder of data that leads out of it.

    Who made the data would choose which of your files become samples. Links of a cache of the hub
    lead to the blobs beside its snapshots and are followed; the folder itself may be a link.

    Raises:
        RunnerError: gate_failed `unsafe_path` naming the link.
    """
    real, folder = (place.path / name).resolve(), place.path.resolve()
    allowed = (folder, folder.parent.parent / "blobs")
    if not any(real.is_relative_to(each) for each in allowed):
        raise gate_failed(
            "unsafe_path",
            f"{place.name}/{name} is a link that leads out of {place.name}; it was not read.",
            file=f"{place.name}/{name}",
            next_step="Put the file itself there, if it is yours, or take the link away.",
        )


def lines_of(place: Place) -> Iterator[Found]:
    """Yields each line of a text file, or of the *.txt files of a folder, blank ones included."""
    for name, file, path in files_of(place):
        for number, line in _lines(path, file):
            yield Found(f"{name}:{number}", line)


def json_lines_of(place: Place, content: dict[str, str]) -> Iterator[Found]:
    """Yields what each line of JSON has in a field.

    A blank line is a blank sample. Raises gate_failed `unreadable_sample` naming file and line.

    Args:
        place: A file, or a folder of *.jsonl files.
        content: `field` with the name of a text, or `messages` with that of a chat.
    """
    read = reader_of(content)
    for name, file, path in files_of(place):
        for number, line in _lines(path, file):
            text = read(_object(line, file, number), file, f"line {number}") if line.strip() else ""
            yield Found(f"{name}:{number}", text)


def reader_of(content: dict[str, str]) -> Callable[[dict[str, Any], str, str], str]:
    """Returns what takes a sample's text from a record, its file and its place there.

    A field without a value (null) is a blank sample.
    """

    def read(record: dict[str, Any], file: str, where: str) -> str:
        field = content.get("messages", content.get("field", ""))
        if field not in record:
            there = ", ".join(shown(key) for key in list(record)[:10])
            raise unreadable(
                file,
                where,
                f"has no field {shown(field)}; it has {there or 'none'}",
                "Name the field in the config in conf/dataset/ (field, or messages of a chat).",
            )
        if record[field] is None:
            return ""
        if "messages" in content:
            return messages_text(record[field], file, where, field)
        return checked_text(record[field], file, where, f"its field {field}")

    return read


def captions_of(place: Place, field: str) -> Iterator[Found]:
    """Yields the images of a folder with their captions.

    With a metadata.jsonl in the folder, as the `imagefolder` of the library datasets has it, each
    of its lines names an image (`file_name`) and a caption. Without one, an image `a/b.jpg` has the
    caption in `a/b.txt`.

    Args:
        place: The folder.
        field: Field of a caption in metadata.jsonl.

    Raises:
        RunnerError: gate_failed `unreadable_sample` naming the file and line, for an image that is
            missing or has no caption too; `unsafe_path` and `file_not_taken`.
    """
    named = place.path / METADATA
    yield from _listed(place, named, field) if named.is_file() else _beside(place)


def _listed(place: Place, named: Path, field: str) -> Iterator[Found]:
    file = f"{place.name}/{METADATA}"
    check_link(place, METADATA)
    read = reader_of({"field": field})
    listed = set()
    for number, line in _lines(named, file):
        if not line.strip():
            yield Found(f"{METADATA}:{number}", "")
            continue
        where = f"line {number}"
        record = _object(line, file, number)
        caption = read(record, file, where)
        name = checked_text(record.get("file_name"), file, where, "its field file_name")
        path = place.file(name, f"{file}, {where},")
        check_link(place, name)
        if not path.is_file():
            raise unreadable(
                file,
                where,
                f"names the image {shown(name)}, which is not in {place.name}",
                "Complete the folder, or take the line out.",
            )
        listed.add(name)
        yield Found(f"{METADATA}:{number}", caption, name, _digest(path))
    for name, _ in place.files():
        check_link(place, name)
        if name not in listed and not name.endswith((".txt", ".jsonl")):
            raise unreadable(
                f"{place.name}/{name}",
                "",
                f"has no line in {METADATA}",
                "Add its line with a caption, or take the image out of the folder.",
            )


def _beside(place: Place) -> Iterator[Found]:
    names = dict(place.files())
    for name in names:
        check_link(place, name)
    texts = {name.removesuffix(".txt"): path for name, path in names.items() if _is_text(name)}
    for name, path in names.items():
        if _is_text(name):
            continue
        file, stem = f"{place.name}/{name}", name.rpartition(".")[0]
        beside = texts.get(stem)
        if beside is None:
            raise unreadable(
                file,
                "",
                f"has no caption: there is neither {stem}.txt nor {METADATA}",
                "Write its caption beside it, or take the image out of the folder.",
            )
        lines = [line for _, line in _lines(beside, f"{place.name}/{stem}.txt")]
        yield Found(f"{stem}.txt:1", "\n".join(lines).strip(), name, _digest(path))
    stems = {name.rpartition(".")[0] for name in names if not _is_text(name)}
    for stem in texts:
        if stem not in stems:
            raise unreadable(
                f"{place.name}/{stem}.txt",
                "",
                "is the caption of an image that is not there",
                "Complete the folder, or take the caption out of it.",
            )


def _is_text(name: str) -> bool:
    return name.endswith(".txt")


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(READ_AT_ONCE):
            digest.update(part)
    return digest.digest()


def _object(line: str, file: str, number: int) -> dict[str, Any]:
    try:
        record = parse_document(line.encode())
    except DocumentError as error:
        raise _no_json(file, number, str(error)) from error
    if not isinstance(record, dict):
        raise _no_json(file, number, f"it is {shown(record)} and no object")
    return record


def _no_json(file: str, number: int, problem: str) -> RunnerError:
    return unreadable(
        file,
        f"line {number}",
        f"is no JSON object on a line of its own: {problem}",
        "Correct that line; each line of the file has to be an object in JSON.",
    )


def _lines(path: Path, file: str) -> Iterator[tuple[int, str]]:
    """Yields number and text of each line, without what ends it."""
    with path.open("rb") as opened:
        if opened.read(len(MARK)) != MARK:
            opened.seek(0)
        for number, line in enumerate(opened, start=1):
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise unreadable(
                    file,
                    f"line {number}",
                    f"is no text in UTF-8 (byte {line[error.start]:#04x} at position "
                    f"{error.start + 1}: {error.reason})",
                    "Save the file in UTF-8, or name a file of text.",
                ) from error
            yield number, text.removesuffix("\n").removesuffix("\r")
