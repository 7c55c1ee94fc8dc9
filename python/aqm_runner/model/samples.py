"""Calibration samples: reading them back, with the checks that make them trustworthy."""

from dataclasses import dataclass
from typing import Any

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


@dataclass(frozen=True)
class Sample:
    """A caption and the path of its image relative to the images' root."""

    image_relpath: str
    caption: str


def read_captions(place: Place, limit: int | None) -> list[str]:
    """Returns the first `limit` non-blank lines of a captions file (None: all).

    A line ends at a newline alone, as `write_samples` writes it: a carriage return, U+2028 and the
    like are part of a caption. Raises gate_failed `unreadable_captions`, `too_few_samples`.
    """
    try:
        text = place.path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise gate_failed(
            "unreadable_captions",
            f"{place.name} is no text in UTF-8: {error}.",
            file=place.name,
            next_step="Build the calibration subset again.",
        ) from error
    captions = [line.strip() for line in text.split("\n") if line.strip()]
    return _first(captions, limit, place)


def read_samples(context: Any, place: Place, limit: int | None) -> list[Sample]:
    """Returns the first `limit` rows of a calibration database by id (None: all).

    Raises gate_failed as `read_rows` does. The published subsets have no meta table; that is only
    warned of.
    """
    rows, meta = read_rows(place)
    if meta is None or "num_samples" not in meta:
        context.warning(
            "no_row_count",
            f"{place.name} does not say how many samples it should have; {len(rows)} are there.",
        )
    return _first([Sample(row.image_relpath, row.caption) for row in rows], limit, place)


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
