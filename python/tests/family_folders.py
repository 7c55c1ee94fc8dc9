"""Exports of every family, for the tests that show them to the real vLLM: `family_folders.py OUT`.

Runs in the environment modelopt. Each folder is a plan of a tiny checkpoint that aqm's own ops
wrote, `<family>-<plan>-<format>`; docs/families.md has what vLLM says of each.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from family_plans import family_export
from harness import run_op
from material import COCO, SAMPLE, SUBSET

FAMILIES = ("llama", "mistral", "qwen3", "gemma3_text", "phi3", "qwen3_moe", "mixtral")
WITH_IMAGES = ("llava", "gemma3")
# Formats of layer groups in turn, by the name of the plan.
PLANS = {"fp8": ("FP8",), "int4": ("INT4_IN_32",), "fp8_int4": ("FP8", "INT4_IN_32", "NONE")}
EXPORTS = {"modelopt": "modelopt_export", "compressed-tensors": "compressed_tensors_export"}


def main(out: Path) -> None:
    """Writes all folders into a new one."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        run_op("synthetic_coco", COCO, {}, base / "coco")
        annotations = {
            role: base / "coco" / role for role in ("annotations_train", "annotations_val")
        }
        run_op("calibration_sample", SAMPLE, annotations, base / "sample")
        run_op(
            "calibration_subset", SUBSET, {"database": base / "sample/database"}, base / "subset"
        )
        data = {"database": base / "subset/database"}
        for family in (*FAMILIES, *WITH_IMAGES):
            run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, base / family)
            scope = "all_layers" if family in WITH_IMAGES else "lm"
            more = {"images": base / "coco/images"} if family in WITH_IMAGES else {}
            given = data | more | {"checkpoint": base / family / "checkpoint"}
            for plan, formats in PLANS.items():
                for format_, op in EXPORTS.items():
                    if format_ == "modelopt" and plan != "fp8":
                        continue  # vLLM takes no integers in it (docs/export.md)
                    done = base / f"{family}-{plan}-{format_}"
                    family_export(op, given, scope, formats, done)
                    shutil.move(done / "checkpoint", out / done.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
