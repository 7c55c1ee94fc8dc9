"""A model that is larger than one GPU: its layers on two, with the bits of one.

    PYTHONPATH=python python tests/gpu/spread.py

Run in the workspace, by hand, on a machine with two GPUs, with the checkpoint that
`tests/gpu/random_checkpoint.py` makes. Each run is a process of its own:

- `one`: all on one GPU. Scores by gradient of five formats, two batches, and the loss.
- `capped`: the same with an allocator that may take CAP GB of the one GPU; it has to end for lack of
  memory.
- `two`: under the same cap on each of two GPUs; the scores must have the bits of `one`.
- `refused`: with most of both GPUs taken by this process itself; nothing may be loaded.

Exits with 1 where one of them ends otherwise.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / "python"),
    str(ROOT / "python/tests"),
    str(ROOT / "tests/gpu"),
]
# Weights are 8.9 GB, and scoring with the head takes 17.9; half of the layers lie elsewhere.
CAP = 14.5e9
PLANS = {
    "one": ("0", None),
    "capped": ("0", CAP),
    "two": ("0,1", CAP),
    "refused": ("0,1", None),
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", choices=PLANS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        return score(arguments.run, arguments.out)
    found = {}
    for name, (devices, _) in PLANS.items():
        out = Path(f"/tmp/spread-{name}.json")
        out.unlink(missing_ok=True)
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, __file__, "--run", name, "--out", str(out)],
            env=os.environ | {"CUDA_VISIBLE_DEVICES": devices},
            check=False,
        )
        found[name] = (
            json.loads(out.read_text()) if out.exists() else {"error": "no answer"}
        )
        print(
            f"{name:8} {time.monotonic() - begun:5.1f} s",
            found[name].get("error", "scored"),
        )
    equal = (
        found["one"].get("scores") == found["two"].get("scores")
        and "scores" in found["one"]
    )
    print("the bits of one GPU:", "equal" if equal else "DIFFERENT")
    for name in ("one", "two"):
        print(name, "peak GB by device:", found[name].get("peaks"))
    capped = "out_of_memory" in found["capped"].get("error", "")
    refused = "model_too_large" in found["refused"].get("error", "")
    return 0 if equal and capped and refused else 1


def score(name: str, out: Path) -> int:
    import torch
    from harness import FakeContext, place
    from material import FORMATS
    from random_checkpoint import CHECKPOINT

    from aqm_runner.model.batches import Loader, caption_batches
    from aqm_runner.model.checkpoint import load_model
    from aqm_runner.model.determinism import make_deterministic
    from aqm_runner.modelopt.groups import score_in_groups
    from aqm_runner.modelopt.recipes import as_format
    from aqm_runner.modelopt.scoring import Scorer, Setting
    from aqm_runner.runner.classify import classify

    make_deterministic("cuda")
    devices = range(torch.cuda.device_count())
    cap = PLANS[name][1]
    taken = []
    for device in devices:
        free, total = torch.cuda.mem_get_info(device)
        if cap is not None:
            torch.cuda.set_per_process_memory_fraction(cap / total, device)
        if name == "refused":
            taken.append(torch.empty(int(free - 4e9), dtype=torch.uint8, device=device))
    folder = place(CHECKPOINT, "folder")
    captions = [
        f"a photo of {n} things on table {n % 7} beside a dog" for n in range(16)
    ]
    batches = caption_batches(folder, captions, 8, 512, "max_length")
    formats = [as_format(each, FORMATS[each]) for each in FORMATS]
    scorer = Scorer(
        FakeContext("cuda"), Setting("lm", "batch_mean", True, len(batches))
    )
    scores: dict[str, list[float]] = {}
    answer: dict[str, object] = {}
    try:
        for scored, _ in score_in_groups(
            scorer,
            formats,
            lambda: load_model(folder, "bfloat16", "cuda"),
            Loader(batches, "cuda"),
        ):
            for index, table in scored:
                scores[formats[index].name] = [group.score for group in table.groups]
        answer["scores"] = {each: scores[each] for each in sorted(scores)}
    except Exception as error:
        problem = classify(error)
        answer["error"] = f"{problem.class_} {problem.reason}: {problem.message}"
    answer["peaks"] = [
        round(torch.cuda.max_memory_allocated(each) / 1e9, 1) for each in devices
    ]
    out.write_text(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
