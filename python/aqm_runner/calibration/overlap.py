"""The gates that keep held-out data apart from calibration data, or say that it is not."""

from aqm_runner.calibration.same_caption import caption_key
from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

SHOWN = 120
BECAUSE = "Figures on held-out data must not depend on what calibration has seen."


def refuse_overlap(held_out: Place, other: Place, because: str = BECAUSE) -> None:
    """Raises if two databases share an image or a caption.

    An image is shared if its split and id are, or the name of its file. A caption is shared if the
    two differ in case or white space alone.

    Args:
        held_out: SQLite database as `held_out_sample` writes it.
        other: SQLite database as `calibration_sample`, `calibration_subset` and `held_out_sample`
            write it.
        because: A sentence that says why they may not.

    Raises:
        RunnerError: gate_failed `held_out_overlaps`, and what `read_rows` raises for either file.
    """
    rows, meta = read_rows(held_out)
    known = read_rows(other)[0]
    # Of a sample without an image, `image_relpath` is the place of its text.
    what = "text" if (meta or {}).get("images") == "none" else "image"
    ids = {(row.split, row.image_id) for row in known}
    files = {row.image_relpath for row in known}
    captions = {caption_key(row.caption) for row in known}
    images = [row for row in rows if (row.split, row.image_id) in ids or row.image_relpath in files]
    repeated = [row for row in rows if caption_key(row.caption) in captions]
    if not images and not repeated:
        return
    shared = [
        *_counted({row.image_relpath for row in images}, what, images, "image_relpath"),
        *_counted({caption_key(row.caption) for row in repeated}, "caption", repeated, "caption"),
    ]
    raise gate_failed(
        "held_out_overlaps",
        f"{held_out.name} and {other.name} share {' and '.join(shared)}. {because}",
        file=held_out.name,
        next_step="Build both databases again; held_out_sample leaves out what the full "
        "calibration sample and the other held-out sets have. If one was put there by hand, draw "
        "it from other images.",
    )


def require_leaked(leaked: Place, calibration: Place) -> None:
    """Raises if a sample that is said to be in the calibration data is not in it.

    Figures on such data are marked. A mark on data that nothing leaked into would be as wrong as
    none on data that calibration has seen.

    Args:
        leaked: SQLite database as `calibration_subset` writes it.
        calibration: SQLite database of which it is a part.

    Raises:
        RunnerError: gate_failed `not_leaked`, and what `read_rows` raises for either file.
    """
    known = set(read_rows(calibration)[0])
    apart = [row for row in read_rows(leaked)[0] if row not in known]
    if apart:
        first = _counted({apart[0].caption}, "caption", apart, "caption")[0]
        raise gate_failed(
            "not_leaked",
            f"{leaked.name} is to be measured as leaked, and {len(apart)} of its samples are not "
            f"in {calibration.name} ({first}).",
            file=leaked.name,
            next_step="Measure it without the param leaked, or take rows of the calibration "
            "sample.",
        )


def _counted(distinct: set[str], what: str, rows: list[SampleRow], column: str) -> list[str]:
    if not rows:
        return []
    first = ascii(getattr(rows[0], column))
    shown = first if len(first) <= SHOWN else f"{first[:SHOWN]}..."
    count = len(distinct)
    return [f"{count} {what}{'' if count == 1 else 's'} (the first is {shown})"]
