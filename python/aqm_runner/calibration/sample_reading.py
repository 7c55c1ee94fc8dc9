"""Reading a calibration database back, with the check that makes its rows trustworthy."""

import contextlib
import sqlite3
from typing import Any

from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.documents import DocumentError
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.inside import inside
from aqm_runner.runner.places import Place

# A query may be without end: a file can hold views that make up rows. A sound database of n bytes
# has at most n rows, and reading a row takes some dozen steps of SQLite's machine.
STEPS_AT_LEAST = 2_000_000
STEPS_A_BYTE = 100
STEPS_BETWEEN_LOOKS = 10_000


def read_rows(place: Place) -> tuple[list[SampleRow], dict[str, str] | None]:
    """Returns the rows in the order of their ids, and the meta table (None if there is none).

    Raises gate_failed `unreadable_database` (also where a value is not of its column's type),
    `unsafe_path` if an image's path leads out of the images' folder, and `row_count_mismatch` if
    the number of rows is not what the meta table says or if a caption is there twice: the published
    full database holds its 4096 rows two times over, because the script that made it appends.
    """
    uri = f"file:{_quoted(str(place.path))}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            _bound(connection, place.path.stat().st_size)
            connection.execute("PRAGMA trusted_schema = OFF")
            rows = [
                _row(number, row)
                for number, *row in connection.execute(
                    "SELECT id, split, image_relpath, image_id, caption_id, caption"
                    " FROM vlm_calib_samples ORDER BY id"
                )
            ]
            has_meta = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'"
            ).fetchone()[0]
            meta = dict(connection.execute("SELECT key, value FROM meta")) if has_meta else None
    except (sqlite3.Error, DocumentError, UnicodeError, OSError) as error:
        raise gate_failed(
            "unreadable_database",
            f"{place.name} is not a calibration database: {error}.",
            file=place.name,
            next_step="Build the database again.",
        ) from error
    for row in rows:
        inside(place.path.parent, row.image_relpath, place.name)
    _check_count(place, rows, (meta or {}).get("num_samples"))
    return rows, meta


def _bound(connection: sqlite3.Connection, size: int) -> None:
    """Ends queries that take more steps than any could on a sound database of `size` bytes."""
    looks = (STEPS_AT_LEAST + STEPS_A_BYTE * size) // STEPS_BETWEEN_LOOKS
    seen = 0

    def look() -> bool:
        nonlocal seen
        seen += 1
        return seen > looks

    connection.set_progress_handler(look, STEPS_BETWEEN_LOOKS)


def _row(number: Any, values: list[Any]) -> SampleRow:
    row = SampleRow(*values)
    for name, type_ in SampleRow.__annotations__.items():
        if type(getattr(row, name)) is not type_:
            raise DocumentError(
                f"{name} of row {number} is of the type {type(getattr(row, name)).__name__}, not "
                f"{type_.__name__}"
            )
    return row


def _check_count(place: Place, rows: list[SampleRow], declared: str | None) -> None:
    distinct = len({(row.split, row.caption_id) for row in rows})
    if distinct == len(rows) and declared in (None, str(len(rows))):
        return
    half = len(rows) // 2
    twice = distinct == half and rows[:half] == rows[half:]
    raise gate_failed(
        "row_count_mismatch",
        f"{place.name} has {len(rows)} rows, {distinct} of them distinct; its meta table says "
        f"{declared or 'nothing'}."
        + (f" Rows {half + 1} to {len(rows)} repeat rows 1 to {half}." if twice else ""),
        file=place.name,
        next_step="Build the database again; "
        + (
            "its maker was run twice and appended its rows."
            if twice
            else "it was appended to or cut off."
        ),
    )


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
