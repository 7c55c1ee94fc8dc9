"""The op's scores against ModelOpt called directly, with nothing of ours in between.

Own loading, tokens, batches, loss and attention setting. Here one format a call, so that what
ModelOpt returns is not clamped against another format: its public result holds the raw scores. The
op scores all formats of a case together, with ranges and quantized tensors shared.
"""

import json
import os
import sqlite3
from pathlib import Path

import modelopt.torch.quantization as mtq
import pytest
import torch
import yaml
from experts import make_experts
from harness import run_together
from material import config, scoring
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AutoModelForImageTextToText, AutoProcessor

ROOT = Path(__file__).parents[2]
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
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
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


def direct_image_batches(folder: Path, database: Path, images: Path, padding: str) -> list[dict]:
    pads = {"padding": padding, "max_length": LENGTH} if padding == "max_length" else {}
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
                    processor_kwargs=pads,
                )
            )
        )
    return batches


def direct_scores(
    folder: Path, batches: list[dict], steps: int, format_: dict, off: list[str], how: str
) -> dict:
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    image_ids = [model.config.image_token_id, model.config.video_token_id]

    def targets(batch):
        answers = batch["input_ids"].clone()
        answers[batch["attention_mask"] == 0] = -7
        for token in image_ids:
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


# Each scope, family and method is in one of these; `npm run test:engines` takes the others too.
REPRESENTATIVES = [
    ("qwen3_vl", "lm", ["FP8", "INT8_FP8", "INT4_WEIGHTS"], {}),
    ("qwen2_5_vl", "all_layers", ["FP8"], {"method": "kl_div", "score_size": 1}),
]
CASES = [
    ("qwen3_vl", "all_layers", ["INT8", "FP8_INT8", "INT4_WEIGHTS", "INT4_INT8"], {}),
    ("qwen2_5_vl", "lm", ["INT8", "FP8", "INT4_INT8"], {}),
    ("qwen2_5_vl", "all_layers", ["FP8", "INT4_INT8"], {}),
    # Both batches of captions scored: of four samples, and of two.
    ("qwen3_vl", "lm", ["FP8"], {"loss": "sample_sum", "padding": "longest", "score_size": 8}),
    ("qwen3_vl", "all_layers", ["INT8"], {"loss": "sample_sum", "padding": "longest"}),
    ("qwen3_vl", "lm", ["INT8", "INT8_WEIGHTS", "INT4_INT8"], {"method": "kl_div"}),
    # The experts of a block are one layer, with a quantizer for the weights of each.
    ("qwen3_vl_moe", "lm", ["FP8", "INT8_WEIGHTS", "INT4_WEIGHTS", "INT4_INT8"], {}),
    ("qwen3_vl_moe", "all_layers", ["INT8", "FP8_INT8"], {}),
    ("qwen3_vl_moe", "lm", ["INT8"], {"method": "kl_div"}),
]
GROUPS = {
    "lm": {"qwen3_vl": 8, "qwen2_5_vl": 8, "qwen3_vl_moe": 6},
    "all_layers": {"qwen3_vl": 22, "qwen2_5_vl": 20, "qwen3_vl_moe": 20},
}


@pytest.fixture(scope="session")
def folders(checkpoints, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("experts") / "qwen3_vl_moe"
    return checkpoints | {folder.name: make_experts(checkpoints["qwen3_vl"], folder)}


@pytest.mark.parametrize(
    ("family", "scope", "formats", "settings"),
    [
        *REPRESENTATIVES,
        *(pytest.param(*case, marks=pytest.mark.engines) for case in CASES),
    ],
)
def test_scores_of_a_batch_equal_lone_calls_of_modelopt(
    folders, lm_inputs, image_inputs, tmp_path, family, scope, formats, settings
):
    folder = folders[family]
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": folder}
    params = [scoring(scope, format_, **settings) for format_ in formats]
    direct = {name: direct_format(name) for name in formats}
    compare(inputs, params, direct, family, tmp_path)


@pytest.mark.engines
def test_every_pair_that_a_cpu_can_score_equals_a_lone_call(checkpoints, lm_inputs, tmp_path):
    """Five of the pairs, with each weight and each activation; AQM_SOAK=1 takes all."""
    params, direct = [], {}
    for path in sorted((ROOT / "conf/quant_pair").glob("*.yaml")):
        pair = yaml.safe_load(path.read_text())
        if pair["weight"] in ("fp4", "nvfp4", "mxfp4"):
            continue
        weight, activation = (pair["quantizers"][role] for role in ("weight", "input"))
        format_ = {"name": pair["name"], "config": config(weight, activation)}
        params.append(scoring("lm") | {"format": format_})
        direct[pair["name"]] = {
            "quant_cfg": [
                {"quantizer_name": "*", "enable": False},
                {"quantizer_name": "*weight_quantizer", "cfg": as_modelopt_has_it(weight)},
                *(
                    [{"quantizer_name": "*input_quantizer", "cfg": as_modelopt_has_it(activation)}]
                    if activation
                    else []
                ),
            ],
            "algorithm": pair["algorithm"],
        }
    assert len(direct) == 13
    if os.environ.get("AQM_SOAK") != "1":
        few = {"wfp8_afp16", "wfp8_aint8", "wint3_afp16", "wint4_aint4", "wint8_afp8"}
        params = [each for each in params if each["format"]["name"] in few]
        direct = {each["format"]["name"]: direct[each["format"]["name"]] for each in params}
    inputs = lm_inputs | {"checkpoint": checkpoints["qwen3_vl"]}
    compare(inputs, params, direct, "qwen3_vl", tmp_path)


def as_modelopt_has_it(quantizer: dict) -> dict:
    bits, blocks = quantizer["num_bits"], quantizer.get("block_sizes")
    native = quantizer | {"num_bits": tuple(bits) if isinstance(bits, list) else bits}
    if blocks:
        native["block_sizes"] = {-1 if key == "-1" else key: size for key, size in blocks.items()}
    return native


def compare(inputs: dict, params: list[dict], direct: dict, family: str, tmp_path: Path) -> None:
    """Scores all formats with one model, and each alone by ModelOpt; the bits must be the same."""
    scope, folder = params[0]["scope"], inputs["checkpoint"]
    formats = list(direct)
    outcomes = run_together(params, inputs, tmp_path)
    assert [[outcome.error for outcome in group] for group in outcomes] == [[None] * len(formats)]
    padding = params[0]["padding"]
    if scope == "lm":
        batches = direct_text_batches(folder, inputs["captions"], padding)
        off = ["*visual*", "*lm_head*"]
    else:
        batches = direct_image_batches(folder, inputs["database"], inputs["images"], padding)
        off = []
    steps = {("lm", 4): 1, ("lm", 8): 2, ("all_layers", 4): 4, ("all_layers", 1): 1}
    how = params[0]["loss"] if params[0]["method"] == "gradient" else params[0]["method"]
    for name in formats:
        ours = json.loads((tmp_path / name / "scores").read_text())
        theirs = direct_scores(
            folder, batches, steps[scope, params[0]["score_size"]], direct[name], off, how
        )
        bits = ours["format"]["charged_bits"] / 16
        assert theirs == {
            f"{group['name']}.quant_recipe": (group["score"], group["modules"], bits)
            for group in ours["groups"]
            if group["enabled"]
        }
        assert len(theirs) == GROUPS[scope][family]
        assert all(score > 0 for score, _, _ in theirs.values())
