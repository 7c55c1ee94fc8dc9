"""Op calibration_sample: a reproducible sample of COCO captions, as a database and as text.

Inputs `annotations_train` and `annotations_val`: COCO caption annotation files. The population is
the train captions in file order, then the val captions in file order, without those whose image
has no entry; a warning and the fact `without_image` count these.
`random.Random(seed).sample(range(n), min(samples, n))` draws the sample (`samples` <= 0: all), and
its rows stand in draw order. Subsets are made by `calibration_subset`.

Output `database`: SQLite, table `vlm_calib_samples` (one row a caption, ids from 1 in draw order)
and table `meta`. Output `captions`: one caption a line, its newlines made spaces, then trimmed.

Errors: gate_failed `no_captions`, `repeated_caption`, `empty_caption`; bad_request
`unreadable_annotations`, `output_exists`.
"""

import random
from typing import Any

from aqm_runner.calibration.annotations import read_population
from aqm_runner.calibration.sample_writing import write_samples
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the sizes of population and sample, and what was left out."""
    context.phase("read", None)
    train = inputs["annotations_train"]
    captions = read_population(context, train, inputs["annotations_val"])
    population, without_image = captions.rows, captions.without_image
    drawn = draw_indices(len(population), params["samples"], params["seed"])
    rows = [population[index] for index in drawn]
    if not rows:
        raise gate_failed(
            "no_captions",
            "The annotation files hold no caption of an image that they list.",
            file=train.name,
            next_step="Use captions_train2017.json and captions_val2017.json as COCO ships them.",
        )
    if len({(row.split, row.caption_id) for row in rows}) != len(rows):
        raise gate_failed(
            "repeated_caption",
            "A caption is in the annotation files more than once, so it would be sampled twice.",
            file=train.name,
            next_step="Use captions_train2017.json and captions_val2017.json as COCO ships them.",
        )
    context.phase("write", None)
    meta = {
        "source_dataset": "coco2017_captions",
        "coco_root_relative": params["coco_root_relative"],
        "num_samples": "",
        "random_seed": str(params["seed"]),
    }
    write_samples(outputs, rows, meta, train)
    facts = {"population": len(population), "samples": len(rows)}
    return facts | ({"without_image": without_image} if without_image else {})


def draw_indices(population: int, samples: int, seed: int) -> list[int]:
    """Returns indices into the population in draw order, without repetition."""
    count = population if samples <= 0 else min(samples, population)
    return random.Random(seed).sample(range(population), count)
