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

EXPERTS = ("qwen3_moe", "mixtral")
FAMILIES = ("llama", "mistral", "qwen3", "gemma3_text", "phi3", *EXPERTS)
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
        for family in FAMILIES:
            run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, base / family)
            given = data | {"checkpoint": base / family / "checkpoint"}
            for plan, formats in PLANS.items():
                for format_, op in EXPORTS.items():
                    # vLLM takes no integers in ModelOpt's format, and those of experts on a GPU.
                    if plan != "fp8" and (format_ == "modelopt" or family in EXPERTS):
                        continue
                    done = base / f"{family}-{plan}-{format_}"
                    family_export(op, given, "lm", formats, done)
                    shutil.move(done / "checkpoint", out / done.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
