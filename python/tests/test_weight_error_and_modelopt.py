"""The engine weight_error beside ModelOpt: the same groups, weights rounded to the same bits."""

import json
from typing import Any

import modelopt.torch.quantization as mtq
import pytest
import torch
from harness import run_op
from material import WEIGHTS, config, scoring, squared_error
from torch import nn

from aqm_runner.modelopt.formats import native_config
from aqm_runner.weight_error.quantize import fake_quantize, weight_format

# Every granularity of conf/granularity that concerns weights, and the formats of the pairs.
ROUNDINGS = {
    **WEIGHTS,
    "INT8_TENSOR": {"num_bits": 8, "axis": None},
    "INT8_COLUMNS": {"num_bits": 8, "axis": 1},
    "INT8_BLOCKS": {"num_bits": 8, "block_sizes": {"-1": 64, "type": "static"}},
    "INT3_ROWS": {"num_bits": 3, "axis": 0},
    "INT3_BLOCKS": {"num_bits": 3, "block_sizes": {"-1": 64}},
    "INT4_ROWS": {"num_bits": 4, "axis": 0},
    "INT4_TENSOR": {"num_bits": 4, "axis": None},
    "FP8_ROWS": {"num_bits": [4, 3], "axis": 0},
    "FP8_COLUMNS": {"num_bits": [4, 3], "axis": 1},
    "FP8_BLOCKS": {"num_bits": [4, 3], "block_sizes": {"-1": 128, "type": "static"}},
}


def layers() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    linear, narrow = nn.Linear(256, 24), nn.Linear(100, 7)
    with torch.no_grad():
        linear.weight[3].zero_()
        linear.weight[:, 5] *= 1e-9
        narrow.weight.mul_(300)
    return {"linear": linear, "narrow": narrow, "patches": nn.Conv3d(3, 8, (2, 14, 14))}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("layer", ["linear", "narrow", "patches"])
@pytest.mark.parametrize("name", ROUNDINGS)
def test_weights_are_rounded_to_modelopts_bits(name: str, layer: str, dtype: torch.dtype) -> None:
    weight: dict[str, Any] = ROUNDINGS[name]
    model = nn.Sequential(layers()[layer]).to(dtype)
    before = model[0].weight.detach().clone()
    mtq.quantize(model, native_config(config(weight, None)), forward_loop=None)
    theirs = model[0].weight_quantizer(before)
    ours = fake_quantize(before, weight_format(name, {"weight": weight}))
    assert not torch.equal(ours, before)
    assert ours.dtype == dtype
    assert torch.equal(ours, theirs)


CASES = [
    ("qwen3_vl", "lm"),
    *(
        pytest.param(family, scope, marks=pytest.mark.engines)
        for family, *scopes in (
            ("qwen3_vl", "all_layers"),
            ("qwen2_5_vl", "lm", "all_layers"),
            ("llava", "lm", "all_layers"),
            ("gemma3", "lm"),
            *((family, "lm") for family in ("llama", "mistral", "qwen3", "gemma3_text", "phi3")),
        )
        for scope in scopes
    ),
]


@pytest.mark.parametrize(("family", "scope"), CASES)
def test_groups_are_modelopts(family, scope, checkpoints, tiny, lm_inputs, image_inputs, tmp_path):
    checkpoint = checkpoints.get(family) or tiny(family)
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": checkpoint}
    few = {"calibration_samples": 1, "include_lm_head": True, "batch_size": 1}
    for op, params in (
        ("sensitivity_scores", scoring(scope, "INT8_WEIGHTS", **few)),
        ("weight_error_scores", squared_error(scope, **few)),
    ):
        run_op(op, params, inputs, tmp_path / op)
    theirs, ours = (
        json.loads((tmp_path / op / "scores").read_text())
        for op in ("sensitivity_scores", "weight_error_scores")
    )
    what = ("name", "modules", "weights", "enabled")
    assert [[group[key] for key in what] for group in ours["groups"]] == [
        [group[key] for key in what] for group in theirs["groups"]
    ]
    assert [module["name"] for module in ours["modules"]] == [
        module["name"] for module in theirs["modules"]
    ]
    assert ours["format"]["charged_bits"] == theirs["format"]["charged_bits"]
