"""Op calibration_sample: a reproducible sample of COCO captions, as a database and as text.

Inputs `annotations_train` and `annotations_val`: COCO caption annotation files. The population is
the train captions in file order, then the val captions in file order, without those whose image
has no entry. `random.Random(seed).sample(range(n), min(samples, n))` draws the sample (`samples`
<= 0: all), and its rows stand in draw order. Subsets of it are made by `calibration_subset`.

Output `database`: SQLite, table `vlm_calib_samples` (one row a caption, ids from 1 in draw order)
and table `meta`. Output `captions`: one caption a line, its newlines made spaces, then trimmed.

Errors: gate_failed `no_captions`, `repeated_caption`, `empty_caption`; bad_request
`unreadable_annotations`, `output_exists`.
"""

import json
import random
from typing import Any

from aqm_runner.calibration.sample_writing import SampleRow, write_samples
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the population's size and the number of samples."""
    context.phase("read", None)
    train = inputs["annotations_train"]
    population = read_population(train, "train2017")
    population += read_population(inputs["annotations_val"], "val2017")
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
    return {"population": len(population), "samples": len(rows)}


def draw_indices(population: int, samples: int, seed: int) -> list[int]:
    """Returns indices into the population in draw order, without repetition."""
    count = population if samples <= 0 else min(samples, population)
    return random.Random(seed).sample(range(population), count)


def read_population(place: Place, split: str) -> list[SampleRow]:
    """Returns a split's captions in file order, without those whose image has no entry."""
    try:
        document = json.loads(place.path.read_bytes())
        files = {image["id"]: image["file_name"] for image in document["images"]}
        return [
            SampleRow(
                split,
                f"{split}/{files[entry['image_id']]}",
                entry["image_id"],
                entry["id"],
                entry["caption"],
            )
            for entry in document["annotations"]
            if entry["image_id"] in files
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(
            "unreadable_annotations",
            f"{place.name} is not a COCO caption annotation file "
            f"({type(error).__name__}: {error}).",
            file=place.name,
            next_step="Use captions_train2017.json and captions_val2017.json as COCO ships them.",
        ) from error
