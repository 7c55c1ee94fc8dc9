"""Schemes exported at full size on a real GPU, in both formats, loaded again and compared.

    PYTHONPATH=python python tests/gpu/export.py [fp8|fp8-nvfp4|int8-fp8|smoothquant|awq]… [--cpu]

Run in the workspace, by hand. On a Qwen3-VL-4B of the true shapes with random weights (made where
tests/gpu/random_checkpoint.py puts it, unless it is there) the ranges of inputs are found once;
then each export runs in a process of its own, by the op that aqm runs, with all its gates: the
folder is read back, its weights are held against the simulated ones, and the model is loaded from
it again and fed prompts. Prints seconds of each phase, sizes, the largest difference and the
divergence. A folder is removed once it is printed (--keep keeps them).

fp8          all language layers in FP8, both formats
fp8-nvfp4    FP8 in the first half of the groups, NVFP4 in the second, both formats
int8-fp8     INT8 and FP8 by turns, both formats (vLLM refuses INT8 in ModelOpt's)
smoothquant  the recipe INT8_SMOOTHQUANT_CFG; awq: INT4_AWQ_CFG; ModelOpt's format only

--cpu runs on the committed trained model without a GPU, to try the script. Exits with 1 where an
export fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / "python"),
    str(ROOT / "python/tests"),
    str(ROOT / "tests/gpu"),
]

import itertools

from random_checkpoint import CHECKPOINT

TRAINED = ROOT / "models/qwen3_vl_trained/checkpoint"
WORK = ROOT / "tmp/export"
GB = 1e9
BOTH = ("modelopt_export", "compressed_tensors_export")
# Name → formats of the groups, and the ops; one format: everywhere; two: see above.
SCHEMES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "fp8": (["FP8"], BOTH),
    "fp8-nvfp4": (["FP8", "NVFP4"], BOTH),
    "int8-fp8": (["INT8", "FP8"], BOTH),
}
RECIPES = {"smoothquant": "INT8_SMOOTHQUANT_CFG", "awq": "INT4_AWQ_CFG"}
SAMPLES = 128


def checkpoint_of(cpu: bool) -> Path:
    return TRAINED if cpu else CHECKPOINT


def make_data() -> None:
    """Writes a calibration database of synthetic captions."""
    from aqm_runner.calibration.sample_writing import SampleRow, write_database

    rows = [
        SampleRow(
            "train2017", f"train2017/{n}.jpg", n, n, f"a red circle left of {n} squares"
        )
        for n in range(SAMPLES)
    ]
    path = WORK / "calibration.db"
    path.unlink(missing_ok=True)
    write_database(path, rows, {"num_samples": str(len(rows))})


def write_plan(name: str, formats: list[str], cpu: bool) -> None:
    """Writes the plan of a scheme: by halves with NVFP4, else by turns."""
    from aqm_runner.export.architecture import empty_model
    from aqm_runner.scoring.grouping import group_layers, layers_of
    from aqm_runner.scoring.scopes import kept_layers
    from harness import place
    from plan_files import write_plans

    model = empty_model(place(checkpoint_of(cpu), "folder"))
    found = group_layers(layers_of(model), kept_layers(model, "lm", False))
    groups = {
        next(iter(group.layers)): list(group.layers) for group in found if group.enabled
    }
    count = len(groups)
    chosen = (
        [formats[2 * index // count] for index in range(count)]
        if "NVFP4" in formats
        else [formats[index % len(formats)] for index in range(count)]
    )
    write_plans(WORK / f"{name}.json", groups, scheme=chosen)


def run_timed(op: str, name: str, begun: float, cpu: bool, keep: bool) -> None:
    """Runs one op in this process and prints what it took; `begun` is on the system's clock."""
    phases: list[tuple[str, float]] = [("start of Python", begun)]
    import torch
    from aqm_runner.runner.registry import OPS, load_op
    from harness import FakeContext, kinds_of, place
    from material import exporting, ranging, recipe_exporting

    class Timed(FakeContext):
        def phase(self, name: str, total: int | None) -> None:
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()
            phases.append((name, time.time()))

        def warning(self, code: str, message: str) -> None:
            print("warning:", code, message)

    dtype = {"dtype": "float32" if cpu else "bfloat16"}
    more = {
        "calibration": {
            "samples": SAMPLES,
            "batch_size": 32,
            "sequence_length": 64,
            "padding": "max_length",
        }
    }
    paths = {"checkpoint": checkpoint_of(cpu)}
    if op == "input_ranges":
        params: dict[str, Any] = ranging("lm") | dtype | more
    elif op == "recipe_export":
        params = recipe_exporting(RECIPES[name]) | dtype | more
    else:
        params = exporting("lm", *SCHEMES[name][0]) | dtype
        paths |= {"plan": WORK / f"{name}.json", "ranges": WORK / "ranges/ranges"}
    if op in ("input_ranges", "recipe_export"):
        paths["database"] = WORK / "calibration.db"
    output = WORK / ("ranges" if op == "input_ranges" else f"{name}-{op}")
    shutil.rmtree(output, ignore_errors=True)
    kinds = kinds_of(op)
    facts = load_op(op).run(
        Timed("cpu" if cpu else "cuda"),
        params,
        {role: place(path, kinds[role]) for role, path in paths.items()},
        {role: place(output / role, kind) for role, kind in OPS[op].outputs.items()},
    )
    phases.append(("end", time.time()))
    took = ", ".join(
        f"{phase} {end - start:.1f}"
        for (phase, start), (_, end) in itertools.pairwise(phases)
    )
    peak = 0 if cpu else torch.cuda.max_memory_allocated() / GB
    print(
        f"{name} {op}: {phases[-1][1] - begun:.1f} s ({took}); peak {peak:.1f} GB on the GPU"
    )
    if op != "input_ranges":
        describe(output)
        if not keep:
            shutil.rmtree(output)
    print(f"  facts {facts}", flush=True)


def describe(output: Path) -> None:
    """Prints what the check document says of an exported folder."""
    check = json.loads((output / "check").read_text())
    worst: dict[str, float] = {}
    for layer in check["layers"]:
        worst[layer["format"]] = max(
            worst.get(layer["format"], 0.0), layer["difference"]
        )
    config = json.loads((output / "checkpoint/config.json").read_text())[
        "quantization_config"
    ]
    label = config.get("quant_algo") or config.get("format")
    said, answered = check["logits"], check["outputs"]
    print(
        f"  {check['bytes'] / GB:.3f} GB, of which tensors {check['weight_bytes'] / GB:.3f}; "
        f"{label}; {check['formats']}, {check['kept_layers']} kept\n"
        f"  largest difference of weights, of the largest weight: {worst}\n"
        f"  outputs of {answered['layers']} layers: at most {answered['largest_share']:.3g} of what "
        f"quantization does, where {answered['tolerance']} may be\n"
        f"  logits: KL {said['kl']:.3g} of at most {said['tolerance']:.3g} nats, "
        f"largest difference {said['largest_difference']:.3g}, {said['tokens']} tokens"
    )


def in_a_process(op: str, name: str, cpu: bool, keep: bool) -> bool:
    order = json.dumps([op, name, time.time(), cpu, keep])
    environment = os.environ | {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "HF_HUB_OFFLINE": "1",
        "TORCH_EXTENSIONS_DIR": os.environ.get(
            "TORCH_EXTENSIONS_DIR", str(WORK / "extensions")
        ),
    }
    done = subprocess.run(
        [sys.executable, __file__, "--run", order], check=False, env=environment
    )
    if done.returncode != 0:
        print(f"{name} {op}: FAILED", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=", ".join([*SCHEMES, *RECIPES]))
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run_timed(*json.loads(given.run))
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    if not given.cpu and not CHECKPOINT.exists():
        # Made in a process of its own, which gives the GPU back.
        code = "import random_checkpoint; random_checkpoint.make_checkpoint()"
        path = os.pathsep.join(map(str, (ROOT / "tests/gpu", ROOT / "python")))
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            env=os.environ | {"PYTHONPATH": path},
        )
    make_data()
    names = given.names or [*SCHEMES, *RECIPES]
    names = [name for name in names if not (given.cpu and name == "fp8-nvfp4")]
    sound = in_a_process("input_ranges", "ranges", given.cpu, given.keep)
    for name in names:
        if name in RECIPES:
            sound &= in_a_process("recipe_export", name, given.cpu, given.keep)
            continue
        formats, ops = SCHEMES[name]
        write_plan(name, formats, given.cpu)
        for op in ops:
            sound &= in_a_process(op, name, given.cpu, given.keep)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
