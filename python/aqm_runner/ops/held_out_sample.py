"""Op held_out_sample: one of three sets of image-text pairs that calibration has not seen.

Inputs `annotations_train` and `annotations_val`: COCO caption annotation files, those that
`calibration` was drawn from. Input `calibration`: the database of the full calibration sample, of
which all subsets are prefixes.

The images that no row of the calibration sample has are walked in the order that
`random.Random(seed)` gives them. An image is passed over if one of its captions, in any case and
spacing, is in the calibration sample or in a set already: two pictures of one scene would otherwise
be on both sides. Every other image is dealt, with one of its captions drawn by the same source, to
`search`, `confirm`, `report`, `search` and so on. So the three sets share no image and no caption,
and the number of samples of one changes nothing in the others.

Outputs as those of `calibration_sample`; the meta table has `held_out_part` too.

Errors: gate_failed `too_few_held_out_images`, `repeated_caption`, `empty_caption`, those of
`read_rows`; bad_request `unreadable_annotations`, `output_exists`.
"""

import random
from collections.abc import Iterator
from typing import Any

from aqm_runner.calibration.annotations import read_population
from aqm_runner.calibration.same_caption import caption_key
from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import SampleRow, write_samples
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

PARTS = ("search", "confirm", "report")


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the numbers of images, of eligible ones and of samples."""
    context.phase("read", None)
    train = inputs["annotations_train"]
    calibration = inputs["calibration"]
    population = read_population(context, train, inputs["annotations_val"]).rows
    used = read_rows(calibration)[0]
    images = group_by_image(population)
    eligible = without_images_of(images, used)
    context.phase("deal", None)
    dealt = list(deal(eligible, {caption_key(row.caption) for row in used}, params["seed"]))
    rows = dealt[PARTS.index(params["part"]) :: len(PARTS)]
    samples = params["samples"]
    if len(rows) < samples:
        raise gate_failed(
            "too_few_held_out_images",
            f"{samples} images were asked for as held-out set {params['part']}, but only "
            f"{len(rows)} are left for it: of {len(images)} images {len(eligible)} are not in the "
            f"calibration sample {calibration.name}, {len(dealt)} of these share no caption with "
            "it or with each other, and each of the three sets has a third.",
            file=calibration.name,
            next_step="Lower held_out.sizes or full_samples in the config in conf/dataset/, or "
            "give annotation files with more images.",
        )
    rows = rows[:samples]
    if len({(row.split, row.caption_id) for row in rows}) != len(rows):
        raise gate_failed(
            "repeated_caption",
            "Two images have captions of the same id in the annotation files.",
            file=train.name,
            next_step="Use captions_train2017.json and captions_val2017.json as COCO ships them.",
        )
    context.phase("write", None)
    meta = {
        "source_dataset": "coco2017_captions",
        "coco_root_relative": params["coco_root_relative"],
        "num_samples": "",
        "random_seed": str(params["seed"]),
        "held_out_part": params["part"],
    }
    write_samples(outputs, rows, meta, train)
    return {"images": len(images), "eligible_images": len(eligible), "samples": len(rows)}


def group_by_image(population: list[SampleRow]) -> list[list[SampleRow]]:
    """Returns the captions of each image file, files in the order of their first captions."""
    images: dict[str, list[SampleRow]] = {}
    for row in population:
        images.setdefault(row.image_relpath, []).append(row)
    return list(images.values())


def without_images_of(
    images: list[list[SampleRow]], used: list[SampleRow]
) -> list[list[SampleRow]]:
    """Returns the images that no used row has, neither by split and id nor by the file's name."""
    ids = {(row.split, row.image_id) for row in used}
    files = {row.image_relpath for row in used}
    return [
        rows
        for rows in images
        if rows[0].image_relpath not in files
        and ids.isdisjoint((row.split, row.image_id) for row in rows)
    ]


def deal(images: list[list[SampleRow]], known: set[str], seed: int) -> Iterator[SampleRow]:
    """Yields one row of each image that is not passed over, in the order of dealing."""
    seen = set(known)
    source = random.Random(seed)
    for rows in source.sample(images, len(images)):
        row = rows[source.randrange(len(rows))]
        if seen.isdisjoint(caption_key(other.caption) for other in rows):
            seen.add(caption_key(row.caption))
            yield row
