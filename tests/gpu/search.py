"""A measured search of 600 measurements at full size on a real GPU: how long, and the same bytes.

    PYTHONPATH=python python tests/gpu/search.py [prepare|alone|search|continued]…

Run in the workspace, by hand. On a Qwen3-VL-4B of the true shapes with random weights (made where
tests/gpu/random_checkpoint.py puts it, unless it is there), language layers, 144 groups:

prepare    ModelOpt's extensions, the checkpoint, calibration and held-out captions.
alone      KL of every group alone in every candidate, by plan_quality on the held-out set `search`;
           from it a problem: a limit of so many bits, the exact plan of these KLs, and that of
           the same KLs with wrong factors.
search     600 measurements from nothing: seconds of loading, calibrating and a measurement.
continued  200 measurements, then 600 in another process with what the first one kept: the same
           bytes as from nothing.

Each stage is a process of its own, start of Python included, and takes what the ones before left,
so that they can be run in several calls. What is printed is also in report.txt, which lies with
the documents in $OUT, or in tmp/search. Figures of random weights say nothing of quality. Exits
with 1 where a byte differs. --rehearse does all of it in small, on a CPU, with the trained model.
"""

import argparse
import json
import math
import os
import random
import runpy
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

WORK = ROOT / "tmp/search"
OUT = Path(os.environ.get("OUT", WORK))
STAGES = ["prepare", "alone", "search", "continued"]
BITS = {
    "NONE": 16,
    "wint8_aint8": 8,
    "wfp8_afp8": 8,
    "wfp4_afp16": 4.5,
    "wint4_afp16": 4.125,
}
GB = 1e9
Groups = dict[str, list[str]]


def say(text: str) -> None:
    print(text, flush=True)
    with (OUT / "report.txt").open("a", encoding="utf-8") as report:
        report.write(f"{text}\n")


class Setting:
    """What is searched, with which data.

    Args:
        asked: The arguments of this script.
    """

    def __init__(self, asked: argparse.Namespace) -> None:
        plans = runpy.run_path(str(ROOT / "tests/gpu/plan-quality.py"))
        self.rehearsal = asked.rehearse
        self.coco: Path = WORK / "coco" if asked.rehearse else plans["COCO"]
        self.checkpoint: Path = (
            ROOT / "models/qwen3_vl_trained/checkpoint"
            if asked.rehearse
            else plans["CHECKPOINT"]
        )
        self.device = "cpu" if asked.rehearse else "cuda"
        self.params: dict[str, Any] = plans["params"]("lm")
        self.params["candidates"] = [
            each
            for each in self.params["candidates"]
            if each["name"] in asked.candidates
        ]
        self.params["measure"]["least_tokens"] = 1
        if asked.rehearse:
            self.params["dtype"] = "float32"
        self.captions = asked.captions
        self.bits = asked.bits
        self.measurements = asked.measurements
        self.formats = ["NONE", *(each["name"] for each in self.params["candidates"])]

    def inputs(self, op: str) -> dict[str, Any]:
        """Returns the places that both ops take."""
        from harness import kinds_of, place

        paths = {
            "checkpoint": self.checkpoint,
            "database": WORK / "calibration.db",
            "held_out": WORK / "search.db",
        }
        kinds = kinds_of(op)
        return {role: place(path, kinds[role]) for role, path in paths.items()}


class Timed:
    """A context that notes when phases begin and steps end.

    Args:
        device: "cpu" or "cuda".
        begun: When the process was started, on the system's clock.
    """

    def __init__(self, device: str, begun: float) -> None:
        from aqm_runner.runner.partials import Partials

        self.device = device
        self.partials = Partials()
        self.phases: list[tuple[str, float]] = [("start of Python", begun)]
        self.steps: list[float] = []

    def phase(self, name: str, total: int | None) -> None:
        del total
        if self.phases[-1][0] != name:
            self.phases.append((name, time.time()))
        self.steps = [time.time()]

    def step(self, done: int) -> None:
        del done
        self.steps.append(time.time())

    def warning(self, code: str, message: str) -> None:
        say(f"  warning: {code} {message}")

    def sample_memory(self) -> None:
        pass

    def check_cancelled(self) -> None:
        pass

    def tell(self, what: str) -> None:
        """Says how long everything took."""
        ends = [at for _, at in self.phases[1:]] + [time.time()]
        took = [
            f"{name} {end - at:.1f} s"
            for (name, at), end in zip(self.phases, ends, strict=True)
        ]
        say(f"{what}: {ends[-1] - self.phases[0][1]:.1f} s in all: {', '.join(took)}")
        each = sorted(
            b - a for a, b in zip(self.steps[:-1], self.steps[1:], strict=True)
        ) or [0.0]
        said = f"  a measurement: median {each[len(each) // 2]:.3f} s, most {each[-1]:.3f} s"
        if self.device == "cuda":
            import torch

            said += (
                f"; peak {torch.cuda.max_memory_allocated() / GB:.1f} GB on the GPU, reserved "
                f"{torch.cuda.max_memory_reserved() / GB:.1f} GB"
            )
        say(said)


def prepare(setting: Setting) -> None:
    """Makes what is not there, and captions that no two sets share."""
    environment = surroundings()
    if setting.rehearsal:
        from harness import run_op
        from material import COCO

        run_op("synthetic_coco", COCO | {"train_images": 300}, {}, setting.coco)
        annotations = setting.coco / "annotations_train"
    else:
        command = [sys.executable, "-m", "aqm_runner.modelopt.prepare_extensions"]
        subprocess.run(command, check=True, env=environment)
        if not (setting.checkpoint / "config.json").exists():
            script = ROOT / "tests/gpu/random_checkpoint.py"
            subprocess.run([sys.executable, str(script)], check=True, env=environment)
        annotations = setting.coco / "annotations/captions_train2017.json"
    from aqm_runner.calibration.sample_writing import write_database
    from synthetic import samples_of

    left = samples_of(annotations, numbered=True)
    sizes = {
        "calibration": 128,
        "search": setting.captions,
        "confirm": setting.captions,
    }
    for name, size in sizes.items():
        part, left = left[:size], left[size:]
        if len(part) < size:
            raise SystemExit(
                f"Only {len(part)} captions are left for {name}, not {size}."
            )
        (WORK / f"{name}.db").unlink(missing_ok=True)
        write_database(WORK / f"{name}.db", part, {"num_samples": str(size)})


def groups_of(setting: Setting) -> tuple[Groups, dict[str, int]]:
    """Returns the modules and the number of weights of each group."""
    import torch
    from aqm_runner.scoring.grouping import group_layers, layers_of
    from aqm_runner.scoring.scopes import kept_layers
    from transformers import AutoConfig, AutoModelForImageTextToText

    with torch.device("meta"):
        config = AutoConfig.from_pretrained(setting.checkpoint)
        model = AutoModelForImageTextToText.from_config(config)
    found = group_layers(layers_of(model), kept_layers(model, "lm", False))
    enabled = [group for group in found if group.enabled]
    groups = {next(iter(each.layers)): list(each.layers) for each in enabled}
    weights = {next(iter(each.layers)): each.weights for each in enabled}
    return groups, weights


def alone(setting: Setting, begun: float) -> None:
    """Measures every group alone, and writes the problem."""
    from aqm_runner.ops.plan_quality import run
    from harness import place

    groups, weights = groups_of(setting)
    plans = {
        f"{name} {format_}": [format_ if each == name else "NONE" for each in groups]
        for name in groups
        for format_ in setting.formats[1:]
    }
    document = {
        "schema": 1,
        "groups": [
            {"name": name, "modules": modules} for name, modules in groups.items()
        ],
        "plans": [
            {"name": name, "formats": formats} for name, formats in plans.items()
        ],
    }
    (WORK / "alone-plan.json").write_text(json.dumps(document))
    context = Timed(setting.device, begun)
    inputs = setting.inputs("plan_quality") | {
        "plan": place(WORK / "alone-plan.json", "file")
    }
    run(
        context, setting.params, inputs, {"quality": place(WORK / "alone.json", "file")}
    )
    context.tell(f"alone, {len(plans)} plans")
    measured = json.loads((WORK / "alone.json").read_text())["plans"]
    kl = {plan["name"]: plan["kl"]["value"] for plan in measured}
    write_problem(setting, groups, weights, kl)


def write_problem(
    setting: Setting, groups: Groups, weights: dict[str, int], kl: dict[str, float]
) -> None:
    """Writes a problem with a limit and two starts."""
    costs = {
        name: [weights[name] * BITS[format_] / 8 for format_ in setting.formats]
        for name in groups
    }
    right = {
        name: [0.0, *(kl[f"{name} {format_}"] for format_ in setting.formats[1:])]
        for name in groups
    }
    chance = random.Random(1)
    wrong = {
        name: [each * math.exp(chance.gauss(0, 0.7)) for each in losses]
        for name, losses in right.items()
    }
    limit = sum(weights.values()) * setting.bits / 8

    def best(losses: dict[str, list[float]]) -> list[int]:
        """Returns the plan of least loss plus rate times size, for the smallest rate that fits."""
        rate = 1e-18
        while True:
            plan = [
                min(
                    range(len(costs[name])),
                    key=lambda at: losses[name][at] + rate * costs[name][at],
                )
                for name in groups
            ]
            if (
                sum(costs[name][at] for name, at in zip(groups, plan, strict=True))
                <= limit
            ):
                return plan
            rate *= 1.02

    starts = {"scores": best(wrong), "alone": best(right)}
    problem = {
        "schema": 1,
        "unit": "bytes",
        "groups": [
            {
                "name": name,
                "modules": modules,
                "candidates": [
                    {"format": format_, "cost": cost, "alone": loss}
                    for format_, cost, loss in zip(
                        setting.formats, costs[name], right[name], strict=True
                    )
                ],
            }
            for name, modules in groups.items()
        ],
        "kept": [],
        "limit": limit,
        "goal": None,
        "starts": [
            {"name": name, "formats": [setting.formats[at] for at in plan]}
            for name, plan in starts.items()
        ],
        "frontier": [],
    }
    (WORK / "problem.json").write_text(json.dumps(problem))


def search(
    setting: Setting, name: str, most: int, kept: str | None, begun: float
) -> None:
    """Searches in this process; what is measured is kept in `kept`."""
    from aqm_runner.ops.measured_search import run
    from aqm_runner.runner.partials import Partials
    from harness import place

    context = Timed(setting.device, begun)
    if kept is not None:
        context.partials = Partials(WORK / kept / "items")
    inputs = setting.inputs("measured_search") | {
        "problem": place(WORK / "problem.json", "file"),
        "held_out_confirm": place(WORK / "confirm.db", "file"),
    }
    params = setting.params | {"measurements": most, "seed": 42}
    facts = run(
        context, params, inputs, {"search": place(OUT / f"{name}.json", "file")}
    )
    context.tell(f"{name}, {facts['measured']} measurements")
    say(f"  {facts | context.partials.facts()}")
    found = json.loads((OUT / f"{name}.json").read_text())
    for each in [*found["starts"], found["found"] | {"name": "found"}]:
        confirm = each["confirm"]
        say(
            f"  {each['name']:8} {each['cost'] / GB:.3f} GB, KL on search "
            f"{each['search']['value']:.6f}, on confirm {confirm['value']:.6f} "
            f"[{confirm['low']:.6f}, {confirm['high']:.6f}]"
        )
    say(f"  began with {found['began']}; moves: {found['moves']}")


def surroundings() -> dict[str, str]:
    found = os.environ.get("PYTHONPATH", "")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), *found.split(os.pathsep)]),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "HF_HUB_OFFLINE": "1",
        "TORCH_EXTENSIONS_DIR": str(WORK / "extensions"),
    }


def in_a_process(*order: Any) -> None:
    """Runs this script with its own arguments and one order, in a new process."""
    said = json.dumps([*order, time.time()])
    command = [sys.executable, __file__, *sys.argv[1:], "--order", said]
    subprocess.run(command, check=True, env=surroundings())


def same(first: str, second: str) -> bool:
    """Says whether two documents have the same bytes."""
    equal = (OUT / f"{first}.json").read_bytes() == (
        OUT / f"{second}.json"
    ).read_bytes()
    say(f"{second}: {'the same bytes as' if equal else 'OTHER BYTES THAN'} {first}")
    return equal


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "stages", nargs="*", default=STAGES, help=f"of {', '.join(STAGES)}"
    )
    parser.add_argument("--candidates", nargs="+", default=list(BITS)[1:])
    parser.add_argument(
        "--captions", type=int, default=256, help="held-out captions a set"
    )
    parser.add_argument("--measurements", type=int, default=600)
    parser.add_argument("--bits", type=float, default=6.0, help="of the limit")
    parser.add_argument("--rehearse", action="store_true", help="in small, on a CPU")
    parser.add_argument("--order", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rehearse:
        asked.candidates = [name for name in asked.candidates if name != "wfp4_afp16"]
    WORK.mkdir(parents=True, exist_ok=True)
    OUT.mkdir(parents=True, exist_ok=True)
    setting = Setting(asked)
    if asked.order:
        stage, *rest = json.loads(asked.order)
        {"alone": alone, "search": search}[stage](setting, *rest)
        return 0
    if "prepare" in asked.stages:
        begun = time.time()
        prepare(setting)
        say(f"prepare: {time.time() - begun:.1f} s")
    if "alone" in asked.stages:
        in_a_process("alone")
    most = asked.measurements
    if "search" in asked.stages:
        in_a_process("search", "from-nothing", most, None)
    if "continued" in asked.stages:
        shutil.rmtree(WORK / "kept", ignore_errors=True)
        in_a_process("search", "shorter", most // 3, "kept")
        in_a_process("search", "continued", most, "kept")
        return 0 if same("from-nothing", "continued") else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
