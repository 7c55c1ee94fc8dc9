"""All pairs of conf/quant_pair against ModelOpt itself on a real GPU: both scopes, both methods.

    PYTHONPATH=python python tests/gpu/all-pairs.py [SCOPE/METHOD]… [--images 1]

Run in the workspace, by hand. The model is a Qwen3-VL-4B of the true widths that is cut to two
blocks of text and two of vision, with random weights, so that each pair can be scored alone in a
second: by `mtq.auto_quantize` with nothing wrapped, against the document that the op writes when
all pairs run as one batch. `all_layers/kl_div` alone runs that one of the four; `--images` is how many
images a batch has. Exits with 1 where a bit differs, or a pair fails in one of the two.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

# As rules/modelopt.ts has them.
os.environ |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "HF_HUB_OFFLINE": "1"}

import modelopt.torch.quantization as mtq
import random_checkpoint
from random_checkpoint import ROOT

sys.path[:0] = [str(ROOT / "python/tests")]

from aqm_runner.calibration.sample_writing import write_database
from aqm_runner.model.batches import IGNORED, Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.loss import batch_mean
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.ops.sensitivity_scores import run_batch
from aqm_runner.runner.members import Member
from aqm_runner.scoring.material import read_batches
from aqm_runner.scoring.scopes import kept_layers
from harness import FakeContext, kinds_of, place
from synthetic import quant_pairs, samples_of

WORK = ROOT / "tmp/all-pairs"
PARTS = ["lm/gradient", "lm/kl_div", "all_layers/gradient", "all_layers/kl_div"]


def make_inputs() -> dict[str, Path]:
    """Writes the cut checkpoint, captions, and a database of a few images."""
    shutil.rmtree(WORK, ignore_errors=True)
    random_checkpoint.TEXT["num_hidden_layers"] = 2
    random_checkpoint.VISION |= {"depth": 2, "deepstack_visual_indexes": [0, 1]}
    random_checkpoint.CHECKPOINT = WORK / "checkpoint"
    random_checkpoint.COCO = WORK / "coco"
    random_checkpoint.make_checkpoint()
    random_checkpoint.make_annotations()
    samples = samples_of(WORK / "coco/annotations/captions_train2017.json")[:16]
    write_database(WORK / "samples.db", samples, {"num_samples": str(len(samples))})
    (WORK / "captions.txt").write_text("".join(f"{each.caption}\n" for each in samples))
    return {
        "checkpoint": WORK / "checkpoint",
        "captions": WORK / "captions.txt",
        "database": WORK / "samples.db",
        "images": WORK / "coco",
    }


def asked(scope: str, method: str, images: int) -> dict[str, Any]:
    lm = scope == "lm"
    batch_size = 4 if lm else images
    return {
        "scope": scope,
        "method": method,
        "dtype": "bfloat16",
        "batch_size": batch_size,
        "sequence_length": 64 if lm else 2048,
        "score_size": 2 * batch_size,
        "calibration_samples": None if lm else 4 * images,
        "padding": "max_length" if lm else "longest",
        "loss": "batch_mean",
        "include_lm_head": True,
        "attention": "deterministic",
    }


def together(
    params: dict[str, Any], pairs: dict[str, dict[str, Any]], inputs: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Returns group → score of each pair, from the documents of one batch."""
    folder = WORK / f"{params['scope']}-{params['method']}"
    members = [
        Member(
            name,
            params | {"format": {"name": name, "config": config_}},
            inputs,
            {"scores": place(folder / f"{name}.json", "file")},
        )
        for name, config_ in pairs.items()
    ]
    for outcomes in run_batch(FakeContext("cuda"), members):
        for outcome in outcomes:
            if outcome.error is not None:
                print(f"{outcome.member.id} failed: {outcome.error}")
    texts = {path.stem: path.read_text() for path in sorted(folder.glob("*.json"))}
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
    print(
        f"{params['scope']}, {params['method']}: {len(texts)} documents, digest {digest}"
    )
    return {
        name: {
            group["name"]: group["score"]
            for group in json.loads(text)["groups"]
            if group["enabled"]
        }
        for name, text in texts.items()
    }


def alone(
    params: dict[str, Any], config_: dict[str, Any], batches: list[Any], inputs: Any
) -> Any:
    """Returns group → score of one pair by ModelOpt itself."""
    model = load_model(inputs["checkpoint"], "bfloat16", "cuda")
    steps = min(max(params["score_size"] // params["batch_size"], 1), len(batches))

    def forward(model: Any, batch: Any) -> Any:
        return model(**batch.inputs, use_cache=False)

    def logits(model: Any, batch: Any) -> Any:
        return forward(model, batch).logits[:, :-1][batch.labels[:, 1:] != IGNORED]

    by_gradient = {
        "forward_step": forward,
        "loss_func": lambda output, batch: batch_mean(output.logits, batch.labels),
    }
    _, state = mtq.auto_quantize(
        model,
        constraints={"effective_bits": 16.0},
        quantization_formats=[as_format("alone", config_).config],
        data_loader=Loader(batches, "cuda"),
        disabled_layers=kept_layers(model, params["scope"], True),
        num_calib_steps=len(batches),
        num_score_steps=steps,
        method=params["method"],
        **(by_gradient if params["method"] == "gradient" else {"forward_step": logits}),
    )
    return {
        name.removesuffix(".quant_recipe"): stats["scores"][0]
        for name, stats in state["candidate_stats"].items()
        if len(stats["formats"]) == 2
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="SCOPE/METHOD")
    parser.add_argument("--images", type=int, default=1)
    arguments = parser.parse_args()
    make_deterministic("cuda")
    paths = make_inputs()
    kinds = kinds_of("sensitivity_scores")
    pairs = quant_pairs()
    sound = True
    for part in arguments.parts:
        scope, method = part.split("/")
        needed = (
            "checkpoint",
            *(("captions",) if scope == "lm" else ("database", "images")),
        )
        inputs = {role: place(paths[role], kinds[role]) for role in needed}
        params = asked(scope, method, arguments.images)
        begun = time.monotonic()
        ours = together(params, pairs, inputs)
        middle = time.monotonic()
        batches, _ = read_batches(FakeContext("cuda"), params, inputs)
        equal = []
        for name, config_ in pairs.items():
            theirs = alone(params, config_, batches, inputs)
            release_memory("cuda")
            equal.append(name in ours and ours[name] == theirs and len(theirs) > 0)
            if not equal[-1]:
                print(f"differs: {scope}, {method}, {name}")
        sound &= all(equal)
        print(
            f"{scope}, {method}: {sum(equal)} of {len(pairs)} pairs have ModelOpt's scores in "
            f"all of {len(theirs)} groups; {middle - begun:.0f} s together, "
            f"{time.monotonic() - middle:.0f} s alone",
            flush=True,
        )
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
