"""Figures of plans worked out directly, by a model that is quantized layer by layer."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import modelopt.torch.quantization as mtq
import pytest
import torch
from material import JUDGED
from modelopt.torch.export.quant_utils import preprocess_linear_fusion
from PIL import Image
from plan_files import Groups
from transformers import AutoModelForImageTextToText, AutoProcessor

from aqm_runner.model.determinism import make_deterministic
from aqm_runner.modelopt.formats import native_config

# One sample: logits that predict counted tokens, (tokens, vocabulary), and those tokens.
Said = tuple[torch.Tensor, torch.Tensor]


def rows_of(database: Path) -> list[tuple[str, str]]:
    """Returns image and caption of each sample."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "SELECT image_relpath, caption FROM vlm_calib_samples ORDER BY id"
        ).fetchall()


class Direct:
    """Measures with transformers, ModelOpt and loops alone.

    Args:
        inputs: As the op takes them.
        together: Whether captions are padded and fed at once, as the op does; else one by one.
    """

    def __init__(self, inputs: dict[str, Path], *, together: bool = False) -> None:
        make_deterministic("cpu")
        self.inputs = inputs
        self.together = together
        self.processor = AutoProcessor.from_pretrained(inputs["checkpoint"])
        self.tokenizer = self.processor.tokenizer
        self.tokenizer.padding_side = "left"

    def model(self) -> Any:
        return AutoModelForImageTextToText.from_pretrained(
            self.inputs["checkpoint"], dtype=torch.float32, attn_implementation="sdpa"
        ).eval()

    def quantized(self, groups: Groups, formats: list[str], *, fuse: bool = True) -> Any:
        """Returns a fresh model with every layer in the format of its group."""
        rules = [{"quantizer_name": "*", "enable": False}]
        for modules, name in zip(groups.values(), formats, strict=True):
            for rule in native_config(JUDGED[name])["quant_cfg"] if name != "NONE" else []:
                if "cfg" in rule:
                    role = rule["quantizer_name"].removeprefix("*")
                    rules += [
                        {"quantizer_name": f"{m}.{role}", "cfg": rule["cfg"]} for m in modules
                    ]
        model = self.model()
        mtq.quantize(model, {"quant_cfg": rules, "algorithm": "max"}, self.calibrate)
        for modules, name in zip(groups.values(), formats, strict=True):
            for each in modules if name == "INT4_WEIGHTS" else ():
                # A checkpoint has these scales in bfloat16.
                quantizer = model.get_submodule(each).weight_quantizer
                quantizer.amax = (quantizer.amax / 7).bfloat16().float() * 7
            if fuse and len(modules) > 1 and name in ("FP8", "INT8"):  # it knows no INT3
                preprocess_linear_fusion([model.get_submodule(each) for each in modules])
        return model

    def calibrate(self, model: Any) -> None:
        captions = [caption for _, caption in rows_of(self.inputs["database"])]
        if "images" in self.inputs:
            for image, caption in rows_of(self.inputs["database"]):
                text = self.turn(caption)
                picture = Image.open(self.inputs["images"] / image)
                model(
                    **self.processor(
                        text=[text],
                        images=[picture],
                        return_tensors="pt",
                        padding="max_length",
                        max_length=64,
                    )
                )
            return
        for start in range(0, len(captions), 4):
            part = captions[start : start + 4]
            model(**self.tokenizer(part, padding="max_length", max_length=64, return_tensors="pt"))

    def turn(self, text: str) -> str:
        content = [{"type": "image"}, {"type": "text", "text": text}]
        return self.processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )

    @torch.no_grad()
    def say(self, model: Any) -> list[Said]:
        if "images" in self.inputs:
            return [self.say_of_image(model, *row) for row in rows_of(self.inputs["held_out"])]
        captions = [caption for _, caption in rows_of(self.inputs["held_out"])]
        if not self.together:
            ids = [self.tokenizer(each, return_tensors="pt")["input_ids"] for each in captions]
            return [(model(input_ids=each).logits[0, :-1], each[0, 1:]) for each in ids]
        lengths = [len(self.tokenizer(each)["input_ids"]) for each in captions]
        order = sorted(range(len(captions)), key=lambda index: -lengths[index])
        inputs = self.tokenizer([captions[i] for i in order], padding=True, return_tensors="pt")
        logits = model(**inputs).logits
        said = {}
        for place_, index in enumerate(order):
            counted = lengths[index] - 1
            said[index] = (
                logits[place_, -counted - 1 : -1],
                inputs["input_ids"][place_, -counted:],
            )
        return [said[index] for index in range(len(captions))]

    def say_of_image(self, model: Any, image: str, caption: str) -> Said:
        text = self.turn("Describe the image.") + caption + "<|im_end|>"
        picture = Image.open(self.inputs["held_out_images"] / image)
        inputs = self.processor(text=[text], images=[picture], return_tensors="pt")
        counted = len(self.tokenizer(caption + "<|im_end|>")["input_ids"])
        logits = model(**inputs).logits[0, -counted - 1 : -1]
        return logits, inputs["input_ids"][0, -counted:]


def direct_figures(unquantized: list[Said], quantized: list[Said]) -> dict[str, Any]:
    """Returns the figures by the formulas, in float64, one sample after the other."""
    kl, agreement, loss, before, error, last = [], [], [], [], [], []
    for (theirs, labels), (ours, _) in zip(unquantized, quantized, strict=True):
        p, q = theirs.double().log_softmax(-1), ours.double().log_softmax(-1)
        kl.append((p.exp() * (p - q)).sum(-1))
        agreement += (p.argmax(-1) == q.argmax(-1)).tolist()
        loss += (-q[range(len(labels)), labels]).tolist()
        before += (-p[range(len(labels)), labels]).tolist()
        error.append((ours.double() - theirs.double()).square().mean(-1))
        last.append(float(error[-1][-1]))
    tokens = sorted(torch.cat(kl).tolist())
    mean = math.fsum(loss) / len(loss)
    return {
        "kl": math.fsum(tokens) / len(tokens),
        "kl_p95": tokens[math.ceil(0.95 * len(tokens)) - 1],
        "kl_p99": tokens[math.ceil(0.99 * len(tokens)) - 1],
        "top1_agreement": sum(agreement) / len(agreement),
        "loss": mean,
        "perplexity": math.exp(mean),
        "perplexity_ratio": math.exp(mean) / math.exp(math.fsum(before) / len(before)),
        "logit_mse": float(torch.cat(error).mean()),
        "logit_mse_last": sum(last) / len(last),
        "kl_last": sum(float(each[-1]) for each in kl) / len(kl),
        "sample_kl": [float(each.sum()) for each in kl],
        "tokens": len(tokens),
    }


def check(document: dict[str, Any], plan: int, expected: dict[str, Any], rel: float) -> None:
    entry = document["plans"][plan]
    found = {name: each["value"] for name, each in entry.items() if isinstance(each, dict)}
    found |= {"sample_kl": entry["sample_kl"], "tokens": document["held_out"]["tokens"]}
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == pytest.approx(expected[name], rel=rel), name
    for name, each in entry.items():
        if isinstance(each, dict):
            assert each["low"] <= each["value"] <= each["high"], name
