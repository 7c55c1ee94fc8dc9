"""The databases of a drawn source: full sample, subsets and held-out sets."""

from collections.abc import Iterable
from typing import Any

from aqm_runner.calibration.drawing import PARTS, Asked, Drawn, draw, require_enough
from aqm_runner.calibration.found import Found
from aqm_runner.calibration.sample_writing import SampleRow, write_database
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place

SUBSETS = ("small", "medium", "large")
# In the place of COCO's split, which says no more than that ids are of one source.
SPLIT = "all"


def write_sets(
    context: Any,
    params: dict[str, Any],
    samples: Iterable[Found],
    source: Place,
    outputs: dict[str, Place],
) -> dict[str, Any]:
    """Draws from a source and writes seven databases; returns counts as facts.

    A row of a database has the sample's text as `caption` (chat messages as JSON), its number in
    the source as `caption_id`, and as `image_id` 63 bits of the SHA-256 of its image, else of its
    text. `image_relpath` is the image's path; of a sample without one, the place of its text in the
    source ("texts.txt:3"). The meta table says `form` ("text" or "messages"), `rows` ("one" or
    "packed"), by which batches are made of them, and `images` ("none" or "all"). Held-out sets are
    never packed, since intervals run over samples.

    Args:
        context: Told of phases, and warned of what was left out.
        params: `samples`, `seed`, `sizes`, `held_out` with `seed` and `sizes`, `rows`, `content`
            and `empty_rows`, as the ops declare them.
        samples: Of the source.
        source: For messages.
        outputs: `calibration`, `small`, `medium`, `large`, `search`, `confirm` and `report`.

    Raises:
        RunnerError: bad_request `sizes`; gate_failed `too_few_samples`, `unreadable_sample`.
    """
    full, sizes, held_out = params["samples"], params["sizes"], params["held_out"]
    for name in SUBSETS:
        if sizes[name] > full:
            raise bad_request(
                "sizes",
                f"The subset {name} has {sizes[name]} samples, more than the {full} that are "
                "drawn for calibration.",
                next_step="Raise full_samples or lower sizes in the config in conf/dataset/.",
            )
    context.phase("read", None)
    asked = Asked(full, params["seed"], held_out["sizes"], held_out["seed"])
    drawn = draw(samples, asked, source.name, skip=params["empty_rows"] == "skip")
    require_enough(drawn, asked, source.name)
    _warn(context, drawn, source)
    context.phase("write", None)
    meta = {
        "form": "messages" if "messages" in (params["content"] or {}) else "text",
        "rows": params["rows"],
        "images": "none" if drawn.calibration[0][1].image is None else "all",
        "random_seed": str(params["seed"]),
    }
    rows = [_row(*numbered) for numbered in drawn.calibration]
    _write(outputs["calibration"], rows, meta)
    for name in SUBSETS:
        _write(outputs[name], rows[: sizes[name]], meta)
    for part in PARTS:
        own = {"rows": "one", "random_seed": str(held_out["seed"]), "held_out_part": part}
        _write(outputs[part], [_row(*numbered) for numbered in drawn.held_out[part]], meta | own)
    counts = drawn.counts
    return {
        "rows": counts.read,
        "blank": counts.blank,
        "repeated": counts.repeated,
        "distinct": counts.distinct,
        "samples": len(rows),
    }


def _warn(context: Any, drawn: Drawn, source: Place) -> None:
    counts = drawn.counts
    if counts.repeated:
        context.warning(
            "repeated_samples",
            f"{counts.repeated} of {counts.read} rows of {source.name} are left out, since their "
            "text, in any case and spacing, or their image is there before.",
        )
    if counts.blank:
        context.warning(
            "blank_samples",
            f"{counts.blank} of {counts.read} rows of {source.name} are left out, since they have "
            "no text.",
        )


def _row(number: int, sample: Found) -> SampleRow:
    return SampleRow(SPLIT, sample.image or sample.where, sample.number, number, sample.text)


def _write(place: Place, rows: list[SampleRow], meta: dict[str, str]) -> None:
    write_database(place.create(), rows, meta | {"num_samples": str(len(rows))})
