"""100 measured plans at full size on a real GPU: how long, how much memory, the same bits.

    PYTHONPATH=python python tests/gpu/plan-quality.py [lm|random|groups|shared|images]… [--plans N]
        [--devices 0,1]

Run in the workspace, by hand. On a Qwen3-VL-4B of the true shapes with random weights (made where
tests/gpu/random_checkpoint.py puts it, unless it is there), each stage in a process of its own:

lm      100 random plans of 4 candidates, and one of all groups in each candidate, on captions with
        at least 10,000 counted tokens, start-up of Python included; then 12 of these plans in
        another order in a second process, and one of them alone in a third: the same bytes.
random  the first of these processes alone.
groups  one document in which each of N groups is quantized alone, in FP8: each plan is computed
        from its group on. Then some of the last ones in a process of their own: the same figures.
shared  the document of `groups` on one device, and on all that --devices names, as CUDA_VISIBLE_DEVICES
        would: the same bytes. `0,0` has two processes on one GPU.
images  all layers, images of about 1,200 patches with text: 6 plans, then 2 of them again.

Figures of random weights say nothing of quality. Exits with 1 where a byte differs.
"""

import argparse
import json
import os
import random
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

from random_checkpoint import CHECKPOINT, COCO

WORK = ROOT / "tmp/plan-quality"
GB = 1e9
FP4 = {
    "num_bits": [2, 1],
    "block_sizes": {"-1": 16, "type": "dynamic", "scale_bits": [4, 3]},
}
E4M3 = {"num_bits": [4, 3], "axis": None}
# Weight and input of wint4_afp16, wint8_aint8, wfp8_afp8 and wfp4_afp16, as conf/quant_pair has them.
QUANTIZERS = {
    "wint4_afp16": (
        {"num_bits": 4, "block_sizes": {"-1": 128, "type": "static"}},
        None,
    ),
    "wint8_aint8": ({"num_bits": 8, "axis": 0}, {"num_bits": 8, "axis": None}),
    "wfp8_afp8": (E4M3, E4M3),
    "wfp4_afp16": (FP4, None),
}
CALIBRATION = 128
HELD_OUT = {"lm": 800, "all_layers": 96}


def params(scope: str) -> dict[str, Any]:
    from material import config

    lm = scope == "lm"
    return {
        "scope": scope,
        "candidates": [
            {"name": name, "config": config(*each)} for name, each in QUANTIZERS.items()
        ],
        "dtype": "bfloat16",
        "calibration": {
            "samples": CALIBRATION if lm else 16,
            "batch_size": 32 if lm else 1,
            "sequence_length": 64 if lm else 2048,
            "padding": "max_length" if lm else "longest",
        },
        "measure": {
            "batch_size": 1024 if lm else 32,
            "sequence_length": 64,
            "least_tokens": 10_000 if lm else 1,
            "resamples": 2000,
            "seed": 42,
        },
        "include_lm_head": not lm,
        "attention": "deterministic",
    }


def make_data() -> None:
    """Writes calibration and held-out databases of synthetic images, one caption an image."""
    from aqm_runner.calibration.sample_writing import write_database
    from synthetic import samples_of

    all_ = samples_of(COCO / "annotations/captions_train2017.json", numbered=True)
    parts = {"calibration": all_[:CALIBRATION]} | {
        scope: all_[CALIBRATION : CALIBRATION + size]
        for scope, size in HELD_OUT.items()
    }
    for name, part in parts.items():
        path = WORK / f"{name}.db"
        path.unlink(missing_ok=True)
        write_database(path, part, {"num_samples": str(len(part))})


def make_plans(scope: str, count: int) -> list[str]:
    """Writes random plans, a document each, and uniform ones; returns their names."""
    import torch
    from aqm_runner.scoring.grouping import group_layers, layers_of
    from aqm_runner.scoring.scopes import kept_layers
    from transformers import AutoConfig, AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(
            AutoConfig.from_pretrained(CHECKPOINT)
        )
    found = group_layers(
        layers_of(model), kept_layers(model, scope, scope == "all_layers")
    )
    groups = [list(group.layers) for group in found if group.enabled]
    choices = [*QUANTIZERS, "NONE"]
    generator = random.Random(1)
    plans = {
        f"random-{index}": generator.choices(choices, k=len(groups))
        for index in range(count)
    }
    plans |= {f"uniform-{name}": [name] * len(groups) for name in choices}
    folder = WORK / f"plans-{scope}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, formats in plans.items():
        document = {
            "schema": 1,
            "groups": [{"name": group[0], "modules": group} for group in groups],
            "plans": [{"name": name, "formats": formats}],
        }
        (folder / f"{name}.json").write_text(json.dumps(document))
    return list(plans)


def make_plans_of_groups(count: int) -> list[str]:
    """Writes a document of plans with one group in FP8 each, and one of the last of them."""
    (name,) = make_plans("lm", 1)[:1]
    document = json.loads((WORK / f"plans-lm/{name}.json").read_text())
    groups = document["groups"]
    document["plans"] = [
        {
            "name": f"only-{at}",
            "formats": [
                "wfp8_afp8" if each == at else "NONE" for each in range(len(groups))
            ],
        }
        for at in range(len(groups))
    ][:count]
    few = document | {"plans": document["plans"][-4:]}
    (WORK / "plans-lm/groups.json").write_text(json.dumps(document))
    (WORK / "plans-lm/few-groups.json").write_text(json.dumps(few))
    return ["groups", "few-groups"]


def same_figures(first: Path, second: Path) -> bool:
    """Prints and returns whether the plans of the second document are as in the first."""
    all_, few = (json.loads(path.read_text())["plans"] for path in (first, second))
    known = {each["name"]: each for each in all_}
    same = [known[each["name"]] == each for each in few]
    print(
        f"{second.stem}: {sum(same)} of {len(same)} plans have the figures of {first.stem}"
    )
    return all(same)


def measure(
    scope: str, output: str, names: list[str], begun: float, devices: list[str]
) -> None:
    """Measures plans in this process and prints what it took; `begun` is on the system's clock.

    Each further device has a process of its own, started as a runner does it.
    """
    phases: list[tuple[str, float]] = [("start of Python", begun)]
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[0]
    shared: dict[str, Any] = {}
    if devices[1:]:  # a tree before there were replicas runs this script, too
        from aqm_runner.runner.replicas import Replica, end_replicas

        shared["replicas"] = tuple(
            Replica("plan_quality", "cuda", each) for each in devices[1:]
        )
    import torch
    from aqm_runner.runner.members import Member
    from aqm_runner.runner.registry import load_op
    from harness import FakeContext, kinds_of, place

    class Timed(FakeContext):
        def phase(self, name: str, total: int | None) -> None:
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()
            if phases[-1][0] != name:
                phases.append((name, time.time()))

        def warning(self, code: str, message: str) -> None:
            print("warning:", code, message)

    paths = {
        "checkpoint": CHECKPOINT,
        "database": WORK / "calibration.db",
        "held_out": WORK / f"{scope}.db",
    }
    if scope == "all_layers":
        paths |= {"images": COCO, "held_out_images": COCO}
    kinds = kinds_of("plan_quality")
    inputs = {role: place(path, kinds[role]) for role, path in paths.items()}
    asked = params(scope)
    members = [
        Member(
            name,
            asked,
            inputs | {"plan": place(WORK / f"plans-{scope}/{name}.json", "file")},
            {"quality": place(WORK / output / f"{name}.json", "file")},
        )
        for name in names
    ]
    run_batch = load_op("plan_quality").run_batch
    ends = []
    for outcomes in run_batch(Timed("cuda", **shared), members):
        for outcome in outcomes:
            ends.append(time.time())
            if outcome.error is not None:
                raise outcome.error
            facts = outcome.facts
    if shared:
        end_replicas(shared["replicas"])
    phases.append(("end", time.time()))
    took = [
        f"{name} {end - start:.1f} s"
        for (name, start), (_, end) in itertools.pairwise(phases)
    ]
    each = sorted(end - start for start, end in itertools.pairwise(ends)) or [0.0]
    print(
        f"{output}: {len(names)} plans, {phases[-1][1] - begun:.1f} s in all: {', '.join(took)}"
    )
    print(
        f"  a plan: median {each[len(each) // 2]:.3f} s, most {each[-1]:.3f} s; "
        f"peak {torch.cuda.max_memory_allocated() / GB:.1f} GB on the GPU, "
        f"reserved {torch.cuda.max_memory_reserved() / GB:.1f} GB; {facts}",
        flush=True,
    )


def in_a_process(
    scope: str, output: str, names: list[str], devices: list[str] | None = None
) -> None:
    shutil.rmtree(WORK / output, ignore_errors=True)
    order = json.dumps([scope, output, names, time.time(), devices or ["0"]])
    environment = os.environ | {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "HF_HUB_OFFLINE": "1",
        "TORCH_EXTENSIONS_DIR": str(WORK / "extensions"),
        "AQM_BYTECODE": os.environ.get("AQM_BYTECODE", str(WORK / "bytecode")),
    }
    command = [sys.executable, __file__, "--measure", order]
    subprocess.run(command, check=True, env=environment)


def compare(first: str, second: str, names: list[str]) -> bool:
    """Prints and returns whether documents of two folders have the same bytes."""
    same = [
        (WORK / first / f"{name}.json").read_bytes()
        == (WORK / second / f"{name}.json").read_bytes()
        for name in names
    ]
    print(
        f"{second}: {sum(same)} of {len(same)} documents have the bytes of {first}",
        flush=True,
    )
    return all(same)


def show(output: str, names: list[str]) -> None:
    for name in names:
        found = json.loads((WORK / output / f"{name}.json").read_text())["plans"][0]
        kl = found["kl"]
        print(
            f"  {name:20} KL {kl['value']:.6f} [{kl['low']:.6f}, {kl['high']:.6f}], p99 "
            f"{found['kl_p99']['value']:.6f}, top-1 {found['top1_agreement']['value']:.3f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("stages", nargs="*", default=["lm", "images"])
    parser.add_argument("--plans", type=int, default=100)
    parser.add_argument("--devices", type=lambda each: each.split(","), default=["0"])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*json.loads(arguments.measure))
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    found = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), *found.split(os.pathsep)]),
        "TORCH_EXTENSIONS_DIR": str(WORK / "extensions"),
    }
    prepare = [sys.executable, "-m", "aqm_runner.modelopt.prepare_extensions"]
    subprocess.run(prepare, check=True, env=environment)
    if not (CHECKPOINT / "config.json").exists():
        script = ROOT / "tests/gpu/random_checkpoint.py"
        subprocess.run([sys.executable, str(script)], check=True, env=environment)
    make_data()
    sound = True
    if "random" in arguments.stages:
        in_a_process("lm", "lm-first", make_plans("lm", arguments.plans))
    if "groups" in arguments.stages:
        names = make_plans_of_groups(arguments.plans)
        for name in names:
            in_a_process("lm", f"lm-{name}", [name])
        sound &= same_figures(*(WORK / f"lm-{name}/{name}.json" for name in names))
    if "shared" in arguments.stages:
        name, _ = make_plans_of_groups(arguments.plans)
        in_a_process("lm", "lm-one", [name])
        in_a_process("lm", "lm-shared", [name], arguments.devices)
        sound &= compare("lm-one", "lm-shared", [name])
    if "lm" in arguments.stages:
        names = make_plans("lm", arguments.plans)
        in_a_process("lm", "lm-first", names)
        show("lm-first", [*names[:3], *names[arguments.plans :]])
        again = names[::-1][:12]
        in_a_process("lm", "lm-second", again)
        sound &= compare("lm-first", "lm-second", again)
        in_a_process("lm", "lm-alone", names[1:2])
        sound &= compare("lm-first", "lm-alone", names[1:2])
    if "images" in arguments.stages:
        names = make_plans("all_layers", 4)[:6]
        in_a_process("all_layers", "images-first", names)
        show("images-first", names)
        in_a_process("all_layers", "images-second", names[:2])
        sound &= compare("images-first", "images-second", names[:2])
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
