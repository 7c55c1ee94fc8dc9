"""Small annotation files of COCO's form."""

import json
from pathlib import Path


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
