"""ModelOpt called directly, with nothing of ours in between, and the op's scores compared with it.

Own loading, tokens, batches, loss and attention setting. Here one format a call, so that what
ModelOpt returns is not clamped against another format: its public result holds the raw scores. The
op scores all formats of a case together, with ranges and quantized tensors shared.
"""

import json
import sqlite3
from pathlib import Path

import modelopt.torch.quantization as mtq
import torch
from harness import run_together
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)

LENGTH = 64
ROWS, TENSOR, E4M3 = (8, 0), (8, None), ((4, 3), None)
PRESETS = {
    "FP8": (E4M3, E4M3),
    "INT8": (ROWS, TENSOR),
    "INT8_WEIGHTS": (ROWS, None),
    "INT8_FP8": (ROWS, E4M3),
    "FP8_INT8": (E4M3, TENSOR),
    # Blocks of 128 on layers of 64 and 80 features: padded, and cut back for the matrix products.
    "INT4_WEIGHTS": ("blocks", None),
    "INT4_INT8": ("blocks", TENSOR),
}


def direct_format(name: str) -> dict:
    weight, activation = (
        {"num_bits": 4, "block_sizes": {-1: 128, "type": "static"}}
        if which == "blocks"
        else which and {"num_bits": which[0], "axis": which[1]}
        for which in PRESETS[name]
    )
    rules = [
        {"quantizer_name": "*", "enable": False},
        {"quantizer_name": "*weight_quantizer", "cfg": weight},
    ]
    if activation:
        rules.append({"quantizer_name": "*input_quantizer", "cfg": activation})
    return {"quant_cfg": rules, "algorithm": "max"}


def direct_text_batches(folder: Path, captions: Path, padding: str) -> list[dict]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:  # as of Llama and Mistral; a pad is masked, whatever it is
        tokenizer.pad_token = tokenizer.eos_token
    lines = captions.read_text().splitlines()
    return [
        dict(
            tokenizer(
                lines[start : start + 4],
                padding=padding,
                truncation=True,
                max_length=LENGTH,
                padding_side="left",
                return_tensors="pt",
            )
        )
        for start in range(0, len(lines), 4)
    ]


def direct_image_batches(
    folder: Path, database: Path, images: Path, padding: str, size: int
) -> list[dict]:
    pads = {"padding": padding, "max_length": LENGTH} if padding == "max_length" else {}
    if size > 1:
        pads |= {"padding": padding, "padding_side": "left"}
    processor = AutoProcessor.from_pretrained(folder)
    query = "SELECT image_relpath, caption FROM vlm_calib_samples ORDER BY id"
    turns = [
        [
            {
                "role": "user",
                "content": [
                    {"type": "image", "image": Image.open(images / relpath)},
                    {"type": "text", "text": caption},
                ],
            }
        ]
        for relpath, caption in sqlite3.connect(database).execute(query).fetchall()
    ]
    return [
        dict(
            processor.apply_chat_template(
                turns[start] if size == 1 else turns[start : start + size],
                tokenize=True,
                add_generation_prompt=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs=pads,
            )
        )
        for start in range(0, len(turns), size)
    ]


def direct_model(folder: Path) -> torch.nn.Module:
    reads_images = "vision_config" in json.loads((folder / "config.json").read_text())
    kind = AutoModelForImageTextToText if reads_images else AutoModelForCausalLM
    return kind.from_pretrained(folder, dtype=torch.float32).eval()


def direct_scores(
    folder: Path, batches: list[dict], steps: int, format_: dict, off: list[str], how: str
) -> dict:
    model = direct_model(folder)
    image_ids = [getattr(model.config, f"{kind}_token_id", None) for kind in ("image", "video")]

    def targets(batch):
        answers = batch["input_ids"].clone()
        answers[batch["attention_mask"] == 0] = -7
        for token in filter(None, image_ids):
            answers[batch["input_ids"] == token] = -7
        return answers[..., 1:]

    def mean_loss(output, batch):
        logits = output.logits.to(torch.float32)[..., :-1, :]
        return torch.nn.CrossEntropyLoss(ignore_index=-7)(
            logits.reshape(-1, logits.shape[-1]), targets(batch).reshape(-1)
        )

    def loss_by_sample(output, batch):
        logits = output.logits.to(torch.float32)[..., :-1, :]
        answers = targets(batch)
        each = torch.nn.CrossEntropyLoss(ignore_index=-7, reduction="none")(
            logits.reshape(-1, logits.shape[-1]), answers.reshape(-1)
        ).view_as(answers)
        return (each.sum(1) / (answers != -7).sum(1)).sum()

    def counted_logits(model, batch):
        return model(**batch).logits[:, :-1, :][targets(batch) != -7]

    losses = {"batch_mean": mean_loss, "sample_sum": loss_by_sample}
    by_gradient = {
        "forward_step": lambda model, batch: model(**batch),
        "loss_func": losses.get(how),
    }
    with sdpa_kernel(SDPBackend.MATH):
        _, state = mtq.auto_quantize(
            model,
            constraints={"effective_bits": 16.0},
            quantization_formats=[format_],
            data_loader=batches,
            **(by_gradient if how in losses else {"forward_step": counted_logits}),
            disabled_layers=off,
            num_calib_steps=len(batches),
            num_score_steps=steps,
            method="gradient" if how in losses else how,
        )
    return {
        name: (stats["scores"][0], stats["module_names"], stats["costs"][0] / stats["costs"][-1])
        for name, stats in state["candidate_stats"].items()
        if len(stats["formats"]) == 2
    }


def compare(
    inputs: dict, params: list[dict], direct: dict, off: list[str], count: int, tmp_path: Path
) -> None:
    """Scores all formats with one model, and each alone by ModelOpt; the bits must be the same.

    Args:
        inputs: Of the op.
        params: Of the op, for each format; alike in all else.
        direct: Name and config of each format, as ModelOpt takes them.
        off: Patterns of layers that are left out of the direct call.
        count: How many groups there must be.
        tmp_path: Where to write.
    """
    scope, folder = params[0]["scope"], inputs["checkpoint"]
    formats = list(direct)
    outcomes = run_together(params, inputs, tmp_path)
    assert [[outcome.error for outcome in group] for group in outcomes] == [[None] * len(formats)]
    padding = params[0]["padding"]
    if scope == "lm":
        batches = direct_text_batches(folder, inputs["captions"], padding)
    else:
        size = params[0]["batch_size"]
        batches = direct_image_batches(folder, inputs["database"], inputs["images"], padding, size)
    steps = max(1, params[0]["score_size"] // params[0]["batch_size"])
    how = params[0]["loss"] if params[0]["method"] == "gradient" else params[0]["method"]
    for name in formats:
        ours = json.loads((tmp_path / name / "scores").read_text())
        theirs = direct_scores(folder, batches, steps, direct[name], off, how)
        bits = ours["format"]["charged_bits"] / 16
        assert theirs == {
            f"{group['name']}.quant_recipe": (group["score"], group["modules"], bits)
            for group in ours["groups"]
            if group["enabled"]
        }
        assert len(theirs) == count
        assert all(score > 0 for score, _, _ in theirs.values())
