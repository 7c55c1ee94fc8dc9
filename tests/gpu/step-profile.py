"""Where a step of scoring spends its time on a real GPU: kernels, calls that wait for them, and the host.

    PYTHONPATH=python python tests/gpu/step-profile.py [lm|all_layers] [--pairs wfp8_afp8,…] [--steps 6]

Run in the workspace, by hand. The model is the Qwen3-VL-4B of the true shapes with random weights
that tests/gpu/random_checkpoint.py makes; `lm` scores batches of 8 captions of 512 tokens,
`all_layers` one image of about 1,200 patches. It scores three times from nothing:

1. as a build does, and prints the seconds of each step;
2. under PyTorch's profiler: seconds and number of kernels by kind, and of the calls of CUDA that
   allocate or wait, all for one step;
3. under Python's profiler, with backward passes in the same thread: the functions in which the host
   spends most, for two steps. The profiler makes Python slower, and leaves the rest as it is.

All three have the same scores, or it exits with 1.
"""

import argparse
import cProfile
import hashlib
import io
import os
import pstats
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

# As rules/modelopt.ts has them.
os.environ |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "HF_HUB_OFFLINE": "1"}

import random_checkpoint
import torch
from random_checkpoint import ROOT
from torch.profiler import ProfilerActivity, profile

sys.path[:0] = [str(ROOT / "python/tests")]

from aqm_runner.calibration.sample_writing import write_database
from aqm_runner.ops.sensitivity_scores import run_batch
from aqm_runner.runner.members import Member
from harness import FakeContext, kinds_of, place
from synthetic import quant_pairs, samples_of

WORK = ROOT / "tmp/step-profile"
PROFILED = (2, 4)  # steps: the first ones load kernels
KINDS = {
    "matrix products": ("gemm", "nvjet", "cutlass", "xmma"),
    "copies": ("memcpy", "memset", "copy", "cat"),
    "attention": ("fmha", "softmax"),
    "sums": ("reduce",),
    "quantizers": ("quant", "fp4", "fp8", "amax"),
    "squares": ("squares",),
    "elementwise": ("elementwise",),
}
WAITS = ("Synchronize", "cudaMalloc", "cudaFree", "cudaMemcpy")


class Stepped(FakeContext):
    """Notes when steps of scoring end, and profiles some of them."""

    def __init__(self, device: str, profiler: Any = None) -> None:
        super().__init__(device)
        self._profiler = profiler
        self._scores = False
        self.ends: list[float] = []

    def phase(self, name: str, total: int | None) -> None:
        self._scores = name == "score"
        if self._scores:
            self._note()

    def step(self, done: int) -> None:
        if not self._scores:
            return
        self._note()
        if self._profiler is not None and done == PROFILED[0]:
            self._profiler.__enter__()
        if self._profiler is not None and done == PROFILED[1]:
            self._profiler.__exit__(None, None, None)

    def _note(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.ends.append(time.monotonic())


def make_inputs(scope: str, samples: int) -> dict[str, Any]:
    """Writes captions, or a database of images."""
    chosen = samples_of(random_checkpoint.COCO / "annotations/captions_train2017.json")[
        :samples
    ]
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "captions.txt").write_text("".join(f"{each.caption}\n" for each in chosen))
    (WORK / "samples.db").unlink(missing_ok=True)
    write_database(WORK / "samples.db", chosen, {"num_samples": str(len(chosen))})
    paths = {"checkpoint": random_checkpoint.CHECKPOINT}
    if scope == "lm":
        paths |= {"captions": WORK / "captions.txt"}
    else:
        paths |= {"database": WORK / "samples.db", "images": random_checkpoint.COCO}
    kinds = kinds_of("sensitivity_scores")
    return {role: place(path, kinds[role]) for role, path in paths.items()}


def score(
    context: Stepped, scope: str, pairs: list[str], steps: int, inputs: Any
) -> str:
    """Scores pairs in one batch from nothing; returns a digest of the documents."""
    lm = scope == "lm"
    batch = 8 if lm else 1
    params = {
        "scope": scope,
        "method": "gradient",
        "dtype": "bfloat16",
        "batch_size": batch,
        "sequence_length": 512 if lm else 2048,
        "score_size": batch * steps,
        "calibration_samples": None if lm else steps,
        "padding": "max_length" if lm else "longest",
        "loss": "batch_mean",
        "include_lm_head": True,
        "attention": "deterministic",
    }
    shutil.rmtree(WORK / "scores", ignore_errors=True)
    configs = quant_pairs()
    members = [
        Member(
            name,
            params | {"format": {"name": name, "config": configs[name]}},
            inputs,
            {"scores": place(WORK / f"scores/{name}.json", "file")},
        )
        for name in pairs
    ]
    for outcomes in run_batch(context, members):
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
    found = sorted((WORK / "scores").glob("*.json"))
    return hashlib.sha256(b"".join(map(Path.read_bytes, found))).hexdigest()[:16]


def show_kernels(made: profile) -> None:
    """Prints what a step has of kernels, and of calls that allocate or wait."""
    steps = PROFILED[1] - PROFILED[0]
    kernels: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    waits: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for event in made.events():
        name = event.name
        if event.device_type == torch.autograd.DeviceType.CUDA:
            kind = next(
                (
                    kind
                    for kind, signs in KINDS.items()
                    if any(sign in name.lower() for sign in signs)
                ),
                "other",
            )
            found = kernels[kind]
            found[0] += event.device_time / 1e6
        elif any(sign in name for sign in WAITS):
            found = waits[name]
            found[0] += event.cpu_time / 1e6
        else:
            continue
        found[1] += 1
    for what, table in (("kernels", kernels), ("calls", waits)):
        seconds, number = (sum(each[at] for each in table.values()) for at in (0, 1))
        print(f"{what} of a step: {seconds / steps:.3f} s, {number // steps}")
        for kind, (took, count) in sorted(table.items(), key=lambda item: -item[1][0]):
            print(f"  {took / steps:.3f} s  {count // steps:6}  {kind}")


def show_host(made: cProfile.Profile) -> None:
    """Prints in which functions the host is longest, themselves and with what they call."""
    for order in ("tottime", "cumtime"):
        text = io.StringIO()
        pstats.Stats(made, stream=text).sort_stats(order).print_stats(30)
        rows = text.getvalue().splitlines()
        print(
            f"two steps of the host, by {order}:",
            *(
                each.replace(str(Path(sys.prefix)), "…")[:150]
                for each in rows[6:]
                if each
            ),
            sep="\n",
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("scope", nargs="?", default="lm", choices=("lm", "all_layers"))
    parser.add_argument(
        "--pairs", type=lambda text: text.split(","), default=["wfp8_afp8"]
    )
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    asked = parser.parse_args()
    if asked.steps < PROFILED[1]:
        parser.error(f"the profiled steps end with step {PROFILED[1]}")
    inputs = make_inputs(asked.scope, asked.steps * (8 if asked.scope == "lm" else 1))
    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    kernels = profile(activities=activities[: 1 + (asked.device == "cuda")])
    host = cProfile.Profile()
    digests = []
    for profiler in (None, kernels, host):
        context = Stepped(asked.device, profiler)
        with torch.autograd.set_multithreading_enabled(profiler is not host):
            digests.append(
                score(context, asked.scope, asked.pairs, asked.steps, inputs)
            )
        took = [
            end - begin
            for begin, end in zip(context.ends, context.ends[1:], strict=False)
        ]
        print(
            f"{asked.scope}, {','.join(asked.pairs)}: steps",
            *(f"{each:.2f}" for each in took),
            f"s, digest {digests[-1]}",
            flush=True,
        )
    show_kernels(kernels)
    show_host(host)
    return 0 if len(set(digests)) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
