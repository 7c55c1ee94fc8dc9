"""Samples: reading them back, with the checks that make them trustworthy."""

from dataclasses import dataclass
from typing import Any

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

# What a file of SQLite begins with.
DATABASE = b"SQLite format 3\0"
FORMS, ROWS = ("text", "messages"), ("one", "packed")


@dataclass(frozen=True)
class Sample:
    """A caption and the path of its image relative to the images' root."""

    image_relpath: str
    caption: str


@dataclass(frozen=True)
class Texts:
    """Samples without their images.

    Attributes:
        samples: Texts, or chats as JSON (see `calibration/messages.py`).
        places: Where each stands in the data that it was drawn from; None: COCO's captions.
        form: "text" or "messages".
        rows: "one": each is a row of a batch; "packed": all of them are cut into rows.
    """

    samples: list[str]
    places: list[str] | None = None
    form: str = "text"
    rows: str = "one"


def read_texts(context: Any, place: Place, limit: int | None) -> Texts:
    """Returns the first `limit` samples (None: all) of a captions file or of a database.

    COCO's captions are the same from either: a newline in one is a space. Texts of other data are
    as they were. Raises gate_failed as `read_captions` and `read_rows` do.
    """
    with place.path.open("rb") as file:
        if file.read(len(DATABASE)) != DATABASE:
            return Texts(read_captions(place, limit))
    rows, meta = _read(context, place)
    chosen = _first(rows, limit, place)
    texts = [row.caption for row in chosen]
    if "form" not in meta:
        return Texts([text.replace("\n", " ").strip() for text in texts])
    form, rows_are = meta["form"], meta.get("rows", "")
    if form not in FORMS or rows_are not in ROWS:
        raise gate_failed(
            "unreadable_database",
            f"{place.name} has samples of the form {form!r} in rows {rows_are!r}, which this "
            "version of aqm does not know.",
            file=place.name,
            next_step="Build the samples again.",
        )
    places = [row.image_relpath for row in chosen]
    return Texts(texts, places, form, rows_are)


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
    rows, meta = _read(context, place)
    if meta.get("images") == "none":
        raise gate_failed(
            "no_images",
            f"{place.name} has texts alone, and images are needed.",
            file=place.name,
            next_step="Take data with images, or the scope lm.",
        )
    return _first([Sample(row.image_relpath, row.caption) for row in rows], limit, place)


def _read(context: Any, place: Place) -> tuple[list[SampleRow], dict[str, str]]:
    rows, meta = read_rows(place)
    if meta is None or "num_samples" not in meta:
        context.warning(
            "no_row_count",
            f"{place.name} does not say how many samples it should have; {len(rows)} are there.",
        )
    return rows, meta or {}


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
