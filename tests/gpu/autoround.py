"""AutoScheme's scores at full size on a real GPU: how long, how much memory, the same bits twice.

    python tests/gpu/autoround.py [--cpu]

Run in the workspace, by hand, in the environment autoround. A machine that has torch 2.11 and
transformers 5.17, and lacks the rest, needs these of python/autoround.lock besides: auto-round
0.16.1, datasets 5.2.0, dill 0.4.1, multiprocess 0.70.19, pydantic 2.14.3, pydantic-core 2.50.4,
annotated-types 0.8.0, typing-inspection 0.4.5, and for the tests' harness jsonschema 4.26.0,
jsonschema-specifications 2025.9.1, referencing 0.37.0 and rpds-py 2026.9.1: 5 MB of wheels.

On a Qwen2.5-VL-3B of the true shapes with random weights (made below tmp/autoround, unless it is
there) it scores

1. every format of SCHEMES in one batch, on the language layers and on captions, and the first one
   alone in a second call: the same bytes, seconds of each, peak of memory;
2. INT8 on all layers with images of about 1,200 patches, twice;
3. lets AutoScheme choose for three budgets.

Before that the tiny models, against a CPU. Scores of random weights say nothing of quality. --cpu
takes the tiny model in the place of the large one, to try the script. Exits with 1 where a byte
differs or a format fails.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, Qwen2_5_VLConfig

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python/tests")]

from aqm_runner.model.tiny_processor import build_processor, build_tokenizer
from aqm_runner.ops import autoround_scores
from aqm_runner.runner.members import Member
from aqm_runner.runner.partials import Partials
from autoround_material import SCHEMES, choosing, delta_loss
from harness import FakeContext, kinds_of, place, run_op
from material import COCO, SAMPLE

WORK = ROOT / "tmp/autoround"
CHECKPOINT = WORK / "Qwen2.5-VL-3B-random"
GB = 1e9
PATCH = 14
TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 4096,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 1_000_000.0,
        "mrope_section": [16, 24, 24],
    },
}
VISION = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "patch_size": PATCH,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
    "out_hidden_size": 2048,
}
FULL = {"dtype": "bfloat16", "sequence_length": 512, "calibration_samples": 64}
FAILED: list[str] = []


def make_checkpoint() -> None:
    """Saves the model and a small tokenizer whose ids all lie in the real vocabulary."""
    tokenizer = build_tokenizer(seed=0)
    token = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config=TEXT
        | {
            "bos_token_id": None,
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
            "tie_word_embeddings": True,
        },
        vision_config=VISION,
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
    config.architectures = ["Qwen2_5_VLForConditionalGeneration"]
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    print(
        f"{sum(p.numel() for p in model.parameters()) / 1e9:.2f} G parameters",
        flush=True,
    )
    model.save_pretrained(CHECKPOINT)
    processor = build_processor("qwen2_5_vl", tokenizer)
    for part in (processor.image_processor, processor.video_processor):
        # The tiny model's has smaller patches. About 1,200 patches an image, as photographs give.
        part.patch_size = PATCH
        part.size = {"shortest_edge": 1200 * PATCH**2, "longest_edge": 1300 * PATCH**2}
    processor.save_pretrained(CHECKPOINT)


class Timed(FakeContext):
    """Says what phase began when, and how far scoring is."""

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.begin = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        print(
            f"    {time.monotonic() - self.begin:6.1f} s {name} {total or ''}",
            flush=True,
        )

    def warning(self, code: str, message: str) -> None:
        print("warning:", code, message, flush=True)


def check(what: str, holds: bool) -> None:
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        FAILED.append(what)


def start_measuring(device: str) -> float:
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return time.monotonic()


def peak(device: str) -> float:
    return torch.cuda.max_memory_allocated() / GB if device == "cuda" else 0


def alone(
    params: dict[str, Any], inputs: dict[str, Path], folder: Path, device: str
) -> bytes:
    """Returns the score document of one format."""
    run_op("autoround_scores", params, inputs, folder, Timed(device))
    return (folder / "scores").read_bytes()


def batch(
    names: list[str],
    changes: dict[str, Any],
    inputs: dict[str, Path],
    folder: Path,
    device: str,
) -> None:
    """Scores formats in one batch below `folder`, and prints the seconds of each."""
    kinds = kinds_of("autoround_scores")
    members = []
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        outputs = {"scores": place(folder / name / "scores", "file")}
        given = {role: place(path, kinds[role]) for role, path in inputs.items()}
        params = delta_loss("lm", name, **changes)
        members.append(Member(name, params, given, outputs, Partials()))
    begin = time.monotonic()
    for outcomes in autoround_scores.run_batch(Timed(device), members):
        for outcome in outcomes:
            now = time.monotonic()
            check(
                f"{outcome.member.id}: {now - begin:.1f} s {outcome.error or ''}",
                not outcome.error,
            )
            begin = now


def distance(one: bytes, other: bytes) -> float:
    """Returns the largest relative difference of a group's score."""
    pairs = zip(json.loads(one)["groups"], json.loads(other)["groups"], strict=True)
    return max(
        abs(a["score"] - b["score"]) / a["score"] for a, b in pairs if a["enabled"]
    )


def tiny(inputs: dict[str, dict[str, Path]], device: str) -> None:
    """Compares the tiny models with a CPU."""
    for family in ("qwen3_vl", "qwen2_5_vl"):
        checkpoint = {"checkpoint": WORK / family / "checkpoint"}
        for scope in ("lm", "all_layers"):
            for name in ("INT4_WEIGHTS", "INT8"):
                params = delta_loss(scope, name)
                folder = WORK / "tiny" / family / scope / name
                cpu, first, second = (
                    alone(params, checkpoint | inputs[scope], folder / str(turn), where)
                    for turn, where in enumerate(("cpu", device, device))
                )
                said = (
                    f"tiny {family} {scope} {name}: from CPU {distance(cpu, first):.1e}"
                )
                check(f"{said}, twice the same", first == second)


def main() -> None:
    """Prints what comes out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", action="store_true")
    device = "cpu" if parser.parse_args().cpu else "cuda"
    if not (WORK / "sample").exists():
        run_op("synthetic_coco", COCO | {"train_images": 200}, {}, WORK / "coco")
        annotations = {
            f"annotations_{part}": WORK / f"coco/annotations_{part}"
            for part in ("train", "val")
        }
        run_op("calibration_sample", SAMPLE, annotations, WORK / "sample")
        for family in ("qwen3_vl", "qwen2_5_vl"):
            run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, WORK / family)
    inputs = {
        "lm": {"captions": WORK / "sample/captions"},
        "all_layers": {
            "database": WORK / "sample/database",
            "images": WORK / "coco/images",
        },
    }
    tiny(inputs, device)
    changes = dict(FULL)
    if device == "cuda":
        begin = time.monotonic()
        if not CHECKPOINT.exists():
            make_checkpoint()
        print(f"checkpoint {time.monotonic() - begin:.1f} s", flush=True)
        model = {"checkpoint": CHECKPOINT}
    else:
        model = {"checkpoint": WORK / "qwen2_5_vl/checkpoint"}
        changes |= {"sequence_length": 64, "calibration_samples": 8}
    captions = changes | {"batch_size": 8, "score_size": changes["calibration_samples"]}
    given = model | inputs["lm"]
    begin = start_measuring(device)
    # MXFP4 of activations keeps a chain of float32 tensors for each layer: 139 GB are too few for
    # batches of 8.
    batch(
        [name for name in SCHEMES if name != "MXFP4"],
        captions,
        given,
        WORK / "lm",
        device,
    )
    few = captions | {"batch_size": 2}
    alone(delta_loss("lm", "MXFP4", **few), given, WORK / "few", device)
    print(
        f"{len(SCHEMES)} formats {time.monotonic() - begin:.1f} s, {peak(device):.1f} GB"
    )
    name = next(iter(SCHEMES))
    begin = start_measuring(device)
    again = alone(delta_loss("lm", name, **captions), given, WORK / "again", device)
    print(f"{name} alone {time.monotonic() - begin:.1f} s, {peak(device):.1f} GB")
    check(
        f"{name} alone as in the batch",
        again == (WORK / "lm" / name / "scores").read_bytes(),
    )
    images = changes | {"batch_size": 1, "calibration_samples": 8, "score_size": 8}
    texts = []
    for turn in ("first", "second"):
        begin = start_measuring(device)
        params = delta_loss("all_layers", "INT8", **images)
        texts.append(
            alone(params, model | inputs["all_layers"], WORK / "images" / turn, device)
        )
        print(
            f"all layers {turn} {time.monotonic() - begin:.1f} s, {peak(device):.1f} GB"
        )
    groups = sum(group["enabled"] for group in json.loads(texts[0])["groups"])
    check(f"all layers: {groups} groups, twice the same", texts[0] == texts[1])
    begin = start_measuring(device)
    asked = choosing("lm", budgets=[5.0, 6.0, 8.0], **captions)
    run_op("autoround_choice", asked, given, WORK / "choice", Timed(device))
    plans = json.loads((WORK / "choice" / "choice").read_text())["plans"]
    print(f"choice {time.monotonic() - begin:.1f} s, {peak(device):.1f} GB")
    for plan in plans:
        print(f"  {plan['budget']}: {plan['bits']:.3f} bits, loss {plan['loss']:.4g}")
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
