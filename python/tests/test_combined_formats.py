"""Which formats of a call ModelOpt calibrates, and that the others are put together from them.

That scores keep their bits is shown by `test_scores_equal_modelopt.py`.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from material import E4M3, FORMATS, INT4_BLOCKS, INT8, INT8_ROWS, OFF, config
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms, model_quant
from test_wraps import batches_of
from torch import nn

from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.modelopt.combined_formats import CombinedFormats, has_maxima
from aqm_runner.modelopt.recipes import Format, as_format
from aqm_runner.modelopt.scoring import Scorer, Setting

from harness import FakeContext, place  # isort: skip

INT4_ROWS = {"num_bits": 4, "axis": 0}
WEIGHTS = {"INT8": INT8_ROWS, "FP8": E4M3, "INT4": INT4_ROWS}
INPUTS = {"none": None, "INT8": INT8, "FP8": E4M3}


def grid(weights: dict[str, Any], inputs: dict[str, Any]) -> list[Format]:
    """Returns each weight with each input."""
    return [
        as_format(f"{weight} {input_}", config(weights[weight], inputs[input_]))
        for weight, input_ in product(weights, inputs)
    ]


def calibrated(formats: list[Format], width: int = 128, disabled: str = "") -> list[str]:
    model = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * width))
    return [each.name for each in CombinedFormats(formats, model, [disabled]).calibrated]


def test_a_grid_needs_as_many_formats_as_its_longer_side():
    names = calibrated(grid(WEIGHTS, INPUTS))
    assert len(names) == 3
    assert {name.split()[0] for name in names} == set(WEIGHTS)
    assert {name.split()[1] for name in names} == set(INPUTS)
    assert len(calibrated(grid(WEIGHTS, {"FP8": E4M3}))) == 3
    assert len(calibrated(grid({"INT8": INT8_ROWS}, INPUTS))) == 3


ONE_RULE = {
    "quant_cfg": [OFF, {"quantizer_name": "*weight_quantizer", "cfg": E4M3, "enable": True}],
    "algorithm": "max",
}


def test_a_quantizer_without_a_rule_is_off():
    with_inputs = grid(WEIGHTS, {"INT8": INT8, "FP8": E4M3})
    assert has_maxima(ONE_RULE)
    names = calibrated([*with_inputs, as_format("one rule", ONE_RULE)])
    assert len(names) == 3 + 1  # none of the others leaves inputs alone
    several = [*with_inputs, *grid({"FP8": E4M3}, {"none": None}), as_format("one rule", ONE_RULE)]
    assert len([name for name in calibrated(several) if name in ("FP8 none", "one rule")]) == 1


def test_the_published_pairs_need_as_many_formats_as_there_are_weights():
    """The configs are those that rules write, with a rule for each quantizer that is on."""
    published = Path(__file__).parents[2] / "models/qwen3_vl_trained/layer-analysis"
    found = [
        json.loads(path.read_text())["format"]
        for path in sorted(
            published.glob("weight-*/*_autoquant_*_lm_large/sensitivity-scores.json")
        )
    ]
    formats = [as_format(each["name"], each["modelopt"]) for each in found]
    sides = [
        {
            json.dumps(rule)
            for each in found
            for rule in each["modelopt"]["quant_cfg"]
            if name in rule["quantizer_name"]
        }
        for name in ("weight", "input")
    ]
    assert len(formats) > len(sides[0]) > 1
    assert len(calibrated(formats)) == max(len(sides[0]), len(sides[1]) + 1)


def test_weights_that_blocks_move_in_memory_keep_inputs_of_their_own():
    weights = {"FP8": E4M3, "INT4": INT4_BLOCKS}
    assert len(calibrated(grid(weights, INPUTS), width=128)) == 3
    # Blocks of 128 pad rows of 96.
    assert len(calibrated(grid(weights, INPUTS), width=96)) == 3 + 3
    # Of layers that nothing is asked of, the rows do not matter.
    assert len(calibrated(grid(weights, INPUTS), width=96, disabled="*")) == 3


@pytest.mark.parametrize(
    "odd",
    [
        config(INT8_ROWS, INT8) | {"algorithm": "smoothquant"},
        config(INT8_ROWS | {"unsigned": True}, INT8),
        {
            "quant_cfg": [
                *config(INT8_ROWS, INT8)["quant_cfg"],
                {"quantizer_name": "*output_quantizer", "enable": False},
            ],
            "algorithm": "max",
        },
        {
            "quant_cfg": [
                *config(INT8_ROWS, INT8)["quant_cfg"],
                *config(E4M3, E4M3)["quant_cfg"][1:],
            ],
            "algorithm": "max",
        },
    ],
    ids=["algorithm", "attribute", "rule", "two rules"],
)
def test_a_format_with_anything_else_in_it_stands_for_itself(odd):
    formats = [*grid(WEIGHTS, INPUTS), as_format("odd", odd)]
    names = calibrated(formats)
    assert "odd" in names
    assert len(names) == 3 + 1


def test_formats_that_are_put_together_have_the_scores_of_lone_ones(monkeypatch, lm_inputs):
    calls = []
    calibrate = model_quant.calibrate
    monkeypatch.setattr(
        model_quant, "calibrate", lambda *given: (calls.append(given), calibrate(*given))[1]
    )
    setting = Setting("lm", "batch_mean", include_lm_head=False, score_steps=2)
    names = ["INT8", "FP8", "INT8_FP8", "FP8_INT8", "INT8_WEIGHTS", "one rule"]

    def scores(chosen: list[str]) -> tuple[nn.Module, dict[str, list[float]]]:
        model = load_model(place(lm_inputs["checkpoint"], "folder"), "float32", "cpu")
        formats = [as_format(name, FORMATS.get(name, ONE_RULE)) for name in chosen]
        loader = Loader(batches_of(lm_inputs), "cpu")
        tables = Scorer(FakeContext(), setting).score(model, loader, formats)
        return model, {
            name: [group.score for group in table.groups]
            for name, table in zip(chosen, tables, strict=True)
        }

    model, together = scores(names)
    assert len(calls) == 3  # for six formats: three kinds of inputs
    groups = [
        hparam
        for _, hparam in named_hparams(model, configurable=True)
        if isinstance(hparam, algorithms.QuantRecipeHparam)
    ]
    assert all(len(group.choices) == len(names) + 1 for group in groups)
    for name in names:
        _, alone = scores([name])
        assert alone[name] == together[name]
    assert len({tuple(each) for each in together.values()}) == len(names)
