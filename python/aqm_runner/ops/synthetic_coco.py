"""Op synthetic_coco: a data set in COCO's layout, made here because none may be downloaded.

Outputs: `annotations_train` and `annotations_val` (JSON), and `images`, a folder that holds
`{train,val}2017/<id>.jpg`, where `<id>` has 12 digits. Images are 64 x 64 RGB pixels of two
shapes; each has 1 to 5 true captions. Image ids count on from train to val and caption ids are
unique over both, as in COCO.

Errors: bad_request `output_exists`.
"""

import json
import random
from pathlib import Path
from typing import Any

from aqm_runner.calibration.painting import SIDE, write_picture
from aqm_runner.calibration.scenes import draw_scene
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the data set; returns the numbers of images and captions."""
    del inputs
    folder = outputs["images"].create()
    source = random.Random(params["seed"])
    counts = {"train": params["train_images"], "val": params["val_images"]}
    per_image = params["captions_per_image"]
    context.phase("draw", sum(counts.values()))
    image_id = caption_id = 0
    for split, count in counts.items():
        (folder / f"{split}2017").mkdir()
        images, annotations = [], []
        for _ in range(count):
            scene = draw_scene(source)
            image_id += 1
            name = f"{image_id:012d}.jpg"
            write_picture(scene, folder / f"{split}2017" / name)
            images.append(
                {"license": 1, "file_name": name, "height": SIDE, "width": SIDE, "id": image_id}
            )
            for caption in scene.captions()[:per_image]:
                caption_id += 1
                annotations.append({"image_id": image_id, "id": caption_id, "caption": caption})
            context.step(image_id)
        path = outputs[f"annotations_{split}"].create()
        _write_annotations(path, images, annotations)
    return {"images": image_id, "captions": caption_id}


def _write_annotations(path: Path, images: list[Any], annotations: list[Any]) -> None:
    document = {
        "info": {"description": "Synthetic scenes in COCO 2017 caption format", "version": "1.0"},
        "licenses": [{"id": 1, "name": "Public domain", "url": ""}],
        "images": images,
        "annotations": annotations,
    }
    path.write_bytes(json.dumps(document).encode())
