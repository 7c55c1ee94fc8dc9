"""Sizes that schemes predict against the forms that exported folders are read back by.

The figures are those that the analysis computes: tests/analysis/stored-form.test.ts keeps the file.
"""

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

from aqm_runner.export.forms import Form
from aqm_runner.export.pairs import COMPRESSED_TENSORS, MODELOPT, form_of

FILE = Path(__file__).parents[2] / "tests/fixtures/stored-forms.json"
FIGURES = json.loads(FILE.read_text())
WIDTHS = {"U8": 1, "I8": 1, "F8_E4M3": 1, "BF16": 2, "F32": 4, "I32": 4, "I64": 8}


def config_of(figure: dict[str, Any]) -> dict[str, Any]:
    """As rules/engines/modelopt.ts composes it."""
    quantizers = [("*weight_quantizer", figure["weight"]), ("*input_quantizer", figure["input"])]
    return {
        "quant_cfg": [
            {"quantizer_name": name, "cfg": cfg, "enable": True}
            for name, cfg in quantizers
            if cfg is not None
        ],
        "algorithm": "max",
    }


@pytest.mark.parametrize("export", [COMPRESSED_TENSORS, MODELOPT])
def test_a_predicted_size_is_that_of_the_form(export):
    different = []
    for figure in FIGURES:
        form = form_of(config_of(figure), export)
        found = None if isinstance(form, str) else figure_of(form, tuple(figure["shape"]))
        if found != figure[export]:
            different.append((figure["pair"], figure["granularity"], figure[export], found))
    assert different == []
    assert sum(figure[export] is not None for figure in FIGURES) >= 5


def figure_of(form: Form, shape: tuple[int, int]) -> dict[str, int]:
    stored = form.tensors(shape).values()
    size = sum(WIDTHS[each.dtype] * prod(each.shape) for each in stored)
    return {"block": form.block, "rows": form.rows, "bytes": size}
