"""The op's scores against ModelOpt called directly, with nothing of ours in between.

Own loading, tokens, batches, loss and attention setting. One format a call, so that what ModelOpt
returns is not clamped against another format: its public result holds the raw scores.
"""

import json
import sqlite3
from pathlib import Path

import modelopt.torch.quantization as mtq
import pytest
import torch
from harness import run_op
from material import scoring
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AutoModelForImageTextToText, AutoProcessor

LENGTH = 64
PRESETS = {"FP8": ((4, 3), None), "INT8": (8, 0)}


def direct_format(name: str) -> dict:
    bits, axis = PRESETS[name]
    return {
        "quant_cfg": [
            {"quantizer_name": "*", "enable": False},
            {"quantizer_name": "*weight_quantizer", "cfg": {"num_bits": bits, "axis": axis}},
            {"quantizer_name": "*input_quantizer", "cfg": {"num_bits": bits, "axis": None}},
        ],
        "algorithm": "max",
    }


def direct_text_batches(folder: Path, captions: Path) -> list[dict]:
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    lines = captions.read_text().splitlines()
    return [
        dict(
            tokenizer(
                lines[start : start + 4],
                padding="max_length",
                truncation=True,
                max_length=LENGTH,
                padding_side="left",
                return_tensors="pt",
            )
        )
        for start in range(0, len(lines), 4)
    ]


def direct_image_batches(folder: Path, database: Path, images: Path) -> list[dict]:
    processor = AutoProcessor.from_pretrained(folder)
    query = "SELECT image_relpath, caption FROM vlm_calib_samples ORDER BY id"
    batches = []
    for relpath, caption in sqlite3.connect(database).execute(query).fetchall():
        picture = Image.open(images / relpath)
        turn = {
            "role": "user",
            "content": [{"type": "image", "image": picture}, {"type": "text", "text": caption}],
        }
        batches.append(
            dict(
                processor.apply_chat_template(
                    [turn],
                    tokenize=True,
                    add_generation_prompt=True,
                    return_dict=True,
                    return_tensors="pt",
                    processor_kwargs={"padding": "max_length", "max_length": LENGTH},
                )
            )
        )
    return batches


def direct_scores(folder: Path, batches: list[dict], steps: int, format_: dict, off: list[str]):
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    image_ids = [model.config.image_token_id, model.config.video_token_id]

    def loss(output, batch):
        answers = batch["input_ids"].clone()
        answers[batch["attention_mask"] == 0] = -7
        for token in image_ids:
            answers[batch["input_ids"] == token] = -7
        logits = output.logits.to(torch.float32)[..., :-1, :]
        wanted = answers[..., 1:].reshape(-1)
        return torch.nn.CrossEntropyLoss(ignore_index=-7)(
            logits.reshape(-1, logits.shape[-1]), wanted
        )

    with sdpa_kernel(SDPBackend.MATH):
        _, state = mtq.auto_quantize(
            model,
            constraints={"effective_bits": 16.0},
            quantization_formats=[format_],
            data_loader=batches,
            forward_step=lambda model, batch: model(**batch),
            loss_func=loss,
            disabled_layers=off,
            num_calib_steps=len(batches),
            num_score_steps=steps,
        )
    return {
        name: (stats["scores"][0], stats["module_names"], stats["costs"][0] / stats["costs"][-1])
        for name, stats in state["candidate_stats"].items()
        if len(stats["formats"]) == 2
    }


@pytest.mark.parametrize("format_", ["FP8", "INT8"])
@pytest.mark.parametrize("scope", ["lm", "all_layers"])
@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_scores_equal_modelopt(
    checkpoints, lm_inputs, image_inputs, tmp_path, family, scope, format_
):
    folder = checkpoints[family]
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": folder}
    run_op("sensitivity_scores", scoring(scope, format_), inputs, tmp_path)
    ours = json.loads((tmp_path / "scores").read_text())
    if scope == "lm":
        batches, steps = direct_text_batches(folder, inputs["captions"]), 1
        off = ["*visual*", "*lm_head*"]
    else:
        batches = direct_image_batches(folder, inputs["database"], inputs["images"])
        steps, off = 4, []
    theirs = direct_scores(folder, batches, steps, direct_format(format_), off)
    bits = ours["format"]["charged_bits"] / 16
    assert theirs == {
        group["handle"]: (group["score"], group["modules"], bits)
        for group in ours["groups"]
        if group["enabled"]
    }
    assert len(theirs) == {"lm": 8, "all_layers": {"qwen3_vl": 22}.get(family, 20)}[scope]
    assert all(score > 0 for score, _, _ in theirs.values())
