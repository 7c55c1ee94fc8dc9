"""What scripts for a GPU read: samples of the synthetic images, and the pairs of formats."""

import json
from pathlib import Path
from typing import Any

import yaml
from aqm_runner.calibration.sample_writing import SampleRow
from material import config

ROOT = Path(__file__).parents[2]


def samples_of(annotations: Path, numbered: bool = False) -> list[SampleRow]:
    """Returns a sample of each image, with the first caption of the image.

    Args:
        annotations: `captions_train2017.json`, as synthetic_coco writes the file.
        numbered: Whether a caption ends in a number of its own. Synthetic captions repeat.
    """
    document = json.loads(annotations.read_text(encoding="utf-8"))
    files = {image["id"]: image["file_name"] for image in document["images"]}
    rows: dict[int, SampleRow] = {}
    for number, note in enumerate(document["annotations"]):
        image = note["image_id"]
        caption = f"{note['caption']} {number}" if numbered else note["caption"]
        path = f"train2017/{files[image]}"
        rows.setdefault(image, SampleRow("train2017", path, image, note["id"], caption))
    return list(rows.values())


def quant_pairs() -> dict[str, dict[str, Any]]:
    """Returns name to config of all pairs of conf/quant_pair, in the form of a request."""
    pairs = [
        yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "conf/quant_pair").glob("*.yaml"))
    ]
    return {
        each["name"]: config(each["quantizers"]["weight"], each["quantizers"]["input"])
        | {"algorithm": each["algorithm"]}
        for each in pairs
    }
