"""One scoring job on several GPUs, against the same on one: the bytes must be equal.

    PYTHONPATH=python python tests/gpu/replicas.py 0,1 [--batches 16]

Run in the workspace, by hand, with the checkpoint that `tests/gpu/random_checkpoint.py` makes, or
another (`--checkpoint`). Devices are as CUDA_VISIBLE_DEVICES would name them: `0,0` has two
processes on one GPU, and shows that bytes are equal and not how long it takes; `cpu,cpu` is for
tiny models. This process sees the first device and starts the others as a runner does. Formats are
scored on one device, on all, and on one once more, since the first run finds kernels that later
ones have. Prints seconds and the peak of the fullest device; exits with 1 where bytes differ, or
where one device had to do it all.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / each) for each in ("python", "python/tests", "tests/gpu")]
FORMATS = ["FP8", "INT8", "INT8_WEIGHTS", "INT8_FP8", "INT4_WEIGHTS", "INT4_INT8"]
CHECKPOINT = ROOT / "models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct"
SIZE = 8  # samples a batch


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("devices")
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    arguments = parser.parse_args()
    first, *others = arguments.devices.split(",")
    kind = "cpu" if first == "cpu" else "cuda"
    os.environ["CUDA_VISIBLE_DEVICES"] = first if kind == "cuda" else ""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # as the environment has it

    from aqm_runner.runner.replicas import Replica

    begun = time.monotonic()
    replicas = tuple(Replica("sensitivity_scores", kind, each) for each in others)
    import torch
    from harness import FakeContext, run_together
    from material import scoring

    print(f"imports {time.monotonic() - begun:.1f} s, beside those of the replicas")
    formats = FORMATS if kind == "cpu" else [*FORMATS, "NVFP4"]
    changes = {
        "dtype": "float32" if kind == "cpu" else "bfloat16",
        "batch_size": SIZE,
        "sequence_length": 512,
        "score_size": SIZE * arguments.batches,
        "include_lm_head": True,
    }

    class Peaks(FakeContext):
        """Notes the peak of the fullest device, as the meter of a runner does."""

        peak = 0

        def sample_memory(self) -> None:
            if kind == "cuda":
                self.note_gpu_memory(torch.cuda.max_memory_allocated())

        def note_gpu_memory(self, peak: int | None) -> None:
            self.peak = max(self.peak, peak or 0)

    def scores(what: str, there: tuple[Replica, ...], folder: Path) -> list[bytes]:
        context = Peaks(kind, replicas=there)
        begun = time.monotonic()
        params = [scoring("lm", name, **changes) for name in formats]
        inputs = {
            "checkpoint": arguments.checkpoint,
            "captions": captions(folder.parent, arguments.batches),
        }
        for outcomes in run_together(params, inputs, folder, context):
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error
        context.sample_memory()
        seconds, peak = time.monotonic() - begun, context.peak / 1e9
        print(f"{what:12} {seconds:6.1f} s, {peak:.1f} GB", *context.messages)
        if context.messages:
            raise SystemExit(1)
        return [(folder / name / "scores").read_bytes() for name in formats]

    with tempfile.TemporaryDirectory() as name:
        one = scores("one device", (), Path(name, "one"))
        several = scores("all devices", replicas, Path(name, "several"))
        again = scores("one again", (), Path(name, "again"))
    for replica in replicas:
        replica.end()
    equal = one == several == again
    print(f"{len(formats)} formats, bytes", "equal" if equal else "DIFFERENT")
    return 0 if equal else 1


def captions(folder: Path, batches: int) -> Path:
    lines = [
        f"a photo of {n} things on table {n % 7} beside a dog"
        for n in range(SIZE * batches)
    ]
    file = folder / "captions"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


if __name__ == "__main__":
    sys.exit(main())
