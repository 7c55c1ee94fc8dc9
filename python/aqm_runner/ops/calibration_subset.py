"""Op calibration_subset: a reproducible sample of COCO captions, as a database and as text.

Inputs `annotations_train` and `annotations_val`: COCO caption annotation files. The population is
the train captions in file order, then the val captions in file order, without those whose image
has no entry. `random.Random(seed).sample(range(n), min(full_samples, n))` draws the full sample
(`full_samples` <= 0: all); the first `samples` of it, in draw order, are this subset, so subsets of
one seed and full size are prefixes of each other.

Output `database`: SQLite, table `vlm_calib_samples` (one row a caption, ids from 1 in draw order)
and table `meta`. Output `captions`: one caption a line, its newlines made spaces, then trimmed.

Errors: gate_failed `too_few_captions`, `empty_caption`; bad_request `unreadable_annotations`,
`output_exists`.
"""

import json
import random
from typing import Any

from aqm_runner.failures import bad_request, gate_failed
from aqm_runner.places import Place
from aqm_runner.sample_writing import SampleRow, write_database

VERSION = 1
USES_DEVICE = False
TOOLS: tuple[str, ...] = ()
INPUTS = {"annotations_train": "file", "annotations_val": "file"}
OUTPUTS = {"database": "file", "captions": "file"}
PARAMS_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["full_samples", "samples", "seed", "coco_root_relative"],
    "properties": {
        "full_samples": {"description": "<= 0 means all captions.", "type": "integer"},
        "samples": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer"},
        "coco_root_relative": {
            "description": "From the database's folder to the images' root; only recorded.",
            "type": "string",
        },
    },
}


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the population's size and the number of samples."""
    context.phase("read", None)
    population = read_population(inputs["annotations_train"], "train2017")
    population += read_population(inputs["annotations_val"], "val2017")
    drawn = draw_indices(len(population), params["full_samples"], params["seed"])
    if len(drawn) < params["samples"]:
        raise gate_failed(
            "too_few_captions",
            f"{params['samples']} captions were asked for, but the full sample has only "
            f"{len(drawn)} (population: {len(population)}).",
            file=inputs["annotations_train"].name,
            next_step="Ask for fewer samples, or give annotation files with more captions.",
        )
    context.phase("write", None)
    rows = [population[index] for index in drawn[: params["samples"]]]
    lines = [row.caption.replace("\n", " ").strip() for row in rows]
    if "" in lines:
        raise gate_failed(
            "empty_caption",
            f"Caption {rows[lines.index('')].caption_id} of the sample is blank, so the text file "
            "would have fewer samples than the database.",
            file=inputs["annotations_train"].name,
            next_step="Remove blank captions from the annotation files.",
        )
    meta = {
        "source_dataset": "coco2017_captions",
        "coco_root_relative": params["coco_root_relative"],
        "num_samples": str(len(rows)),
        "random_seed": str(params["seed"]),
    }
    write_database(outputs["database"].create(), rows, meta)
    text = "".join(f"{line}\n" for line in lines)
    outputs["captions"].create().write_bytes(text.encode())
    return {"population": len(population), "samples": len(rows)}


def draw_indices(population: int, full_samples: int, seed: int) -> list[int]:
    """Returns indices into the population in draw order, without repetition."""
    count = population if full_samples <= 0 else min(full_samples, population)
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
