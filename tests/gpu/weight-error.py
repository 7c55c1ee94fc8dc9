"""The engine weight_error on a GPU: the same bits twice, how far from a CPU, time and memory.

    python tests/gpu/random_checkpoint.py
    python tests/gpu/weight-error.py

Run in the workspace, in the environment torch. The first line makes the full-size checkpoint.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python/tests")]

from harness import FakeContext, run_op  # noqa: E402
from material import COCO, SAMPLE, WEIGHTS, squared_error  # noqa: E402
from random_checkpoint import CHECKPOINT  # noqa: E402

FULL_SIZE = {
    "dtype": "bfloat16",
    "batch_size": 8,
    "sequence_length": 512,
    "include_lm_head": True,
    "calibration_samples": 128,
}


def scores(params: dict, inputs: dict[str, Path], folder: Path, device: str) -> bytes:
    """Returns the score document of one format."""
    run_op("weight_error_scores", params, inputs, folder, FakeContext(device))
    return (folder / "scores").read_bytes()


def distance(one: bytes, other: bytes) -> float:
    """Returns the largest relative difference of a group's score."""
    pairs = zip(json.loads(one)["groups"], json.loads(other)["groups"], strict=True)
    return max(abs(a["score"] - b["score"]) / a["score"] for a, b in pairs if a["enabled"])


def main() -> None:
    """Prints what comes out."""
    work = Path(tempfile.mkdtemp())
    run_op("synthetic_coco", COCO | {"train_images": 200}, {}, work / "coco")
    annotations = {
        f"annotations_{part}": work / f"coco/annotations_{part}" for part in ("train", "val")
    }
    sample = work / "sample"
    run_op("calibration_sample", SAMPLE | {"samples": 256}, annotations, sample)
    captions = {"captions": sample / "captions"}
    pictures = {"database": sample / "database", "images": work / "coco/images"}
    run_op("tiny_checkpoint", {"family": "qwen3_vl", "seed": 0}, {}, work / "tiny")
    tiny = {"checkpoint": work / "tiny/checkpoint"}
    for scope, inputs in (("lm", captions), ("all_layers", pictures)):
        for name in WEIGHTS:
            params = squared_error(scope, name, calibration_samples=16)
            cpu, first, second = (
                scores(params, tiny | inputs, work / scope / name / str(index), device)
                for index, device in enumerate(("cpu", "cuda", "cuda"))
            )
            print(
                f"tiny {scope} {name}: twice the same {first == second}, from CPU {distance(cpu, first):.1e}"
            )
    full = {"checkpoint": CHECKPOINT}
    if not CHECKPOINT.exists():
        return
    for scope, inputs in (("lm", captions), ("all_layers", pictures)):
        changes = (
            FULL_SIZE if scope == "lm" else FULL_SIZE | {"batch_size": 1, "calibration_samples": 16}
        )
        texts = []
        for turn in ("first", "second"):
            torch.cuda.reset_peak_memory_stats()
            begin = time.monotonic()
            params = squared_error(scope, "INT4_WEIGHTS", **changes)
            texts.append(scores(params, full | inputs, work / "full" / scope / turn, "cuda"))
            peak = torch.cuda.max_memory_allocated() / 1e9
            print(f"full size {scope} {turn}: {time.monotonic() - begin:.1f} s, {peak:.1f} GB")
        groups = sum(group["enabled"] for group in json.loads(texts[0])["groups"])
        print(f"full size {scope}: {groups} groups, twice the same {texts[0] == texts[1]}")


main()
