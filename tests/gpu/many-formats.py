"""Many formats in one call, at full size on a real GPU: the same bits, how long, how much memory.

    PYTHONPATH=python python tests/gpu/many-formats.py

Run in the workspace, by hand. On a Qwen3-VL-4B of the true shapes with random weights (made where
tests/gpu/random_checkpoint.py puts it, unless it is there) it

1. scores INT8, FP8, NVFP4, MXFP4 and INT4 each alone, by `mtq.auto_quantize` as it is, and then
   with all pairs of conf/quant_pair in one batch of aqm's; counts the groups that have equal bits;
2. times all pairs in one batch with 8 and with 128 samples a batch.

`--pairs FILE` takes the pairs from JSON, {name: config in the request's form}, instead of YAML.
Exits with 1 where a bit differs.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import modelopt.torch.quantization as mtq
import torch
from random_checkpoint import CHECKPOINT, ROOT, make_checkpoint

sys.path[:0] = [str(ROOT / "python/tests")]

from harness import FakeContext, place  # noqa: E402
from material import NVFP4, config  # noqa: E402
from synthetic import quant_pairs  # noqa: E402

from aqm_runner.model.batches import Loader, caption_batches  # noqa: E402
from aqm_runner.model.checkpoint import load_model  # noqa: E402
from aqm_runner.model.determinism import make_deterministic  # noqa: E402
from aqm_runner.model.placement import release_memory  # noqa: E402
from aqm_runner.modelopt.groups import score_in_groups  # noqa: E402
from aqm_runner.model.loss import batch_mean  # noqa: E402
from aqm_runner.modelopt.recipes import Format, as_format  # noqa: E402
from aqm_runner.modelopt.scoring import Scorer, Setting  # noqa: E402

MX = {
    "num_bits": [2, 1],
    "block_sizes": {"-1": 32, "type": "dynamic", "scale_bits": [8, 0]},
}
TENSOR = {"num_bits": 8, "axis": None}
E4M3 = {"num_bits": [4, 3], "axis": None}
INT4 = {"num_bits": 4, "block_sizes": {"-1": 128, "type": "static"}}
COMPARED = {
    "INT8 W8A8": config({"num_bits": 8, "axis": 0}, TENSOR),
    "FP8 W8A8": config(E4M3, E4M3),
    "NVFP4 W4A4": config(NVFP4, NVFP4),
    "MXFP4 W4A4": config(MX, MX),
    "INT4 W4A16": config(INT4, None),
}
GB = 1e9


class Timed(FakeContext):
    """Notes when phases begin and how much memory each stretch needed at most."""

    def __init__(self) -> None:
        super().__init__("cuda")
        self.begun: list[tuple[str, float]] = []
        self.peak = 0

    def phase(self, name: str, total: int | None) -> None:
        torch.cuda.synchronize()
        self.begun.append((name, time.monotonic()))

    def warning(self, code: str, message: str) -> None:
        print("warning:", code, message)

    def sample_memory(self) -> None:
        self.peak = max(self.peak, torch.cuda.max_memory_allocated())

    def seconds(self) -> dict[str, float]:
        torch.cuda.synchronize()
        self.sample_memory()
        ends = [begin for _, begin in self.begun[1:]] + [time.monotonic()]
        found: dict[str, float] = {}
        for (name, begin), end in zip(self.begun, ends, strict=True):
            found[name] = found.get(name, 0.0) + end - begin
        return found


def read_pairs(file: Path | None) -> dict[str, dict[str, Any]]:
    """Returns name → config of all pairs."""
    if file is not None:
        return json.loads(file.read_text(encoding="utf-8"))
    return quant_pairs()


def make_batches(size: int, samples: int, length: int) -> list[Any]:
    captions = [
        f"a photo of {n} things on table {n % 7} beside a dog" for n in range(samples)
    ]
    return caption_batches(
        place(CHECKPOINT, "folder"), captions, size, length, "max_length"
    )


def load() -> Any:
    return load_model(place(CHECKPOINT, "folder"), "bfloat16", "cuda")


def alone(format_: Format, batches: list[Any]) -> dict[str, float]:
    """Returns the scores that ModelOpt itself returns for one format, with nothing wrapped."""
    start = time.monotonic()
    torch.cuda.reset_peak_memory_stats()
    _, state = mtq.auto_quantize(
        load(),
        constraints={"effective_bits": 16.0},
        quantization_formats=[format_.config],
        data_loader=Loader(batches, "cuda"),
        forward_step=lambda model, batch: model(**batch.inputs, use_cache=False),
        loss_func=lambda output, batch: batch_mean(output.logits, batch.labels),
        disabled_layers=["*visual*", "*lm_head*"],
        num_calib_steps=len(batches),
        num_score_steps=len(batches),
    )
    print(f"alone     {format_.name:12} {time.monotonic() - start:6.1f} s with loading")
    return {
        name.removesuffix(".quant_recipe"): stats["scores"][0]
        for name, stats in state["candidate_stats"].items()
        if len(stats["formats"]) == 2
    }


def together(formats: list[Format], batches: list[Any]) -> list[dict[str, float]]:
    """Returns the scores of all formats from one batch, and prints what it took."""
    context = Timed()
    setting = Setting(
        "lm", "batch_mean", include_lm_head=False, score_steps=len(batches)
    )

    def loading() -> Any:
        context.phase("load", None)
        return load()

    torch.cuda.reset_peak_memory_stats()
    tables: list[Any] = [None] * len(formats)
    loader = Loader(batches, "cuda")
    groups = 0
    for scored, groups in score_in_groups(
        Scorer(context, setting), formats, loading, loader
    ):  # noqa: B007
        for index, found in scored:
            if isinstance(found, Exception):
                print("failed:", formats[index].name, found)
            else:
                tables[index] = {
                    group.name: group.score for group in found.groups if group.enabled
                }
    took = context.seconds()
    print(
        f"together  {len(formats)} formats, {groups} groups, {batches[0].samples} samples a batch: "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())
        + f", peak {context.peak / GB:.1f} GB"
    )
    return tables


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 128])
    parser.add_argument("--compare-samples", type=int, default=32)
    parser.add_argument("--skip-compare", action="store_true")
    arguments = parser.parse_args()
    make_deterministic("cuda")
    if not (CHECKPOINT / "config.json").exists():
        make_checkpoint()
        release_memory("cuda")
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    pairs = [
        as_format(name, each) for name, each in read_pairs(arguments.pairs).items()
    ]
    print(len(pairs), "pairs:", ", ".join(pair.name for pair in pairs))
    differs = False
    if not arguments.skip_compare:
        compared = [as_format(name, each) for name, each in COMPARED.items()]
        batches = make_batches(8, arguments.compare_samples, arguments.length)
        tables = together([*compared, *pairs], batches)
        for format_, ours in zip(compared, tables[: len(compared)], strict=True):
            theirs = alone(format_, batches)
            release_memory("cuda")
            equal = sum(
                (ours or {}).get(name) == score for name, score in theirs.items()
            )
            differs |= equal != len(theirs) or ours is None or len(ours) != len(theirs)
            print(f"equal     {format_.name:12} {equal} of {len(theirs)} groups")
    for size in arguments.batch_sizes:
        together(pairs, make_batches(size, arguments.samples, arguments.length))
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
