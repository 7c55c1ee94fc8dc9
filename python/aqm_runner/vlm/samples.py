"""Calibration samples: reading them back, with the checks that make them trustworthy."""

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from aqm_runner.failures import gate_failed
from aqm_runner.places import Place


@dataclass(frozen=True)
class Sample:
    """A caption and the path of its image relative to the images' root."""

    image_relpath: str
    caption: str


def read_captions(place: Place, limit: int | None) -> list[str]:
    """Returns the first `limit` non-blank lines of a captions file (None: all)."""
    text = place.path.read_text(encoding="utf-8")
    captions = [line.strip() for line in text.split("\n") if line.strip()]
    return _first(captions, limit, place)


def read_samples(context: Any, place: Place, limit: int | None) -> list[Sample]:
    """Returns the first `limit` rows of a calibration database by id (None: all).

    Raises gate_failed `row_count_mismatch` if the number of rows is not what the database's meta
    table says, or if a caption is there twice: the published full database holds its 4096 rows two
    times over. The published subsets have no meta table; that is only warned of.
    """
    uri = f"file:{_quoted(str(place.path))}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute(
                "SELECT image_relpath, caption, split, caption_id FROM vlm_calib_samples"
                " ORDER BY id"
            ).fetchall()
            has_meta = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'"
            ).fetchone()[0]
            declared = (
                connection.execute("SELECT value FROM meta WHERE key = 'num_samples'").fetchone()
                if has_meta
                else None
            )
    except sqlite3.Error as error:
        raise gate_failed(
            "unreadable_database",
            f"{place.name} is not a calibration database: {error}.",
            file=place.name,
            next_step="Build the database again.",
        ) from error
    if declared is None:
        context.warning(
            "no_row_count",
            f"{place.name} does not say how many samples it should have; {len(rows)} are there.",
        )
    distinct = len({(split, caption_id) for _, _, split, caption_id in rows})
    if distinct != len(rows) or (declared is not None and declared[0] != str(len(rows))):
        said = "nothing" if declared is None else declared[0]
        raise gate_failed(
            "row_count_mismatch",
            f"{place.name} has {len(rows)} rows, {distinct} of them distinct; its meta table says "
            f"{said}.",
            file=place.name,
            next_step="Build the database again; it was appended to or cut off.",
        )
    return _first([Sample(image, caption) for image, caption, _, _ in rows], limit, place)


def _first(items: list[Any], limit: int | None, place: Place) -> list[Any]:
    if not items or (limit is not None and limit > len(items)):
        raise gate_failed(
            "too_few_samples",
            f"{place.name} has {len(items)} samples; {'some' if limit is None else limit} are "
            "needed.",
            file=place.name,
            next_step="Use a larger calibration subset, or ask for fewer samples.",
        )
    return items[:limit]


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
