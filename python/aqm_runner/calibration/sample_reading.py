"""Reading a calibration database back, with the check that makes its rows trustworthy."""

import contextlib
import sqlite3

from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def read_rows(place: Place) -> tuple[list[SampleRow], dict[str, str] | None]:
    """Returns the rows in the order of their ids, and the meta table (None if there is none).

    Raises gate_failed `unreadable_database`, and `row_count_mismatch` if the number of rows is not
    what the meta table says or if a caption is there twice: the published full database holds its
    4096 rows two times over, because the script that made it appends.
    """
    uri = f"file:{_quoted(str(place.path))}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = [
                SampleRow(*row)
                for row in connection.execute(
                    "SELECT split, image_relpath, image_id, caption_id, caption"
                    " FROM vlm_calib_samples ORDER BY id"
                )
            ]
            has_meta = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'"
            ).fetchone()[0]
            meta = dict(connection.execute("SELECT key, value FROM meta")) if has_meta else None
    except sqlite3.Error as error:
        raise gate_failed(
            "unreadable_database",
            f"{place.name} is not a calibration database: {error}.",
            file=place.name,
            next_step="Build the database again.",
        ) from error
    _check_count(place, rows, (meta or {}).get("num_samples"))
    return rows, meta


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
            "whatever made it was run twice and appended its rows."
            if twice
            else "it was appended to or cut off."
        ),
    )


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
