"""Small annotation files of COCO's form."""

import json
import random
from pathlib import Path
from typing import Any

from aqm_runner.calibration.scenes import draw_scene


def write_annotations(folder: Path, captions: dict[str, list[str]]) -> dict[str, Path]:
    """Gives image ids from 1; the last caption of a split belongs to an image without entry."""
    paths = {}
    for split, texts in captions.items():
        document = {
            "images": [{"id": i, "file_name": f"{i:012d}.jpg"} for i in range(1, len(texts))],
            "annotations": [
                {"id": 100 + i, "image_id": i, "caption": text}
                for i, text in enumerate(texts, start=1)
            ],
        }
        paths[f"annotations_{split}"] = folder / f"{split}.json"
        paths[f"annotations_{split}"].write_text(json.dumps(document))
    return paths


def write_scene_annotations(folder: Path, train: int, val: int, seed: int) -> dict[str, Path]:
    """Writes what `synthetic_coco` would, without its images: five captions an image."""
    source = random.Random(seed)
    paths = {}
    number = 0
    for split, count in {"train": train, "val": val}.items():
        document: dict[str, list[Any]] = {"images": [], "annotations": []}
        for _ in range(count):
            number += 1
            document["images"].append({"id": number, "file_name": f"{number:012d}.jpg"})
            document["annotations"] += [
                {"id": 10 * number + place, "image_id": number, "caption": caption}
                for place, caption in enumerate(draw_scene(source).captions())
            ]
        paths[f"annotations_{split}"] = folder / f"{split}.json"
        paths[f"annotations_{split}"].write_text(json.dumps(document))
    return paths
