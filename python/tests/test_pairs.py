"""Every pair and granularity of the repository against ModelOpt itself, without any model.

The figures are those that the analysis computes: tests/analysis/pairs.test.ts keeps the file.
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import modelopt.torch.quantization as mtq
import pytest
import torch
import yaml
from modelopt.torch.export.quant_utils import (
    get_quantization_format,
    get_weight_scaling_factor,
    process_layer_quant_config,
)
from modelopt.torch.quantization.algorithms import QuantRecipe
from torch import nn

from aqm_runner.modelopt.formats import check_format, native_config
from aqm_runner.runner.failures import RunnerError

REPOSITORY = Path(__file__).parents[2]
FIGURES = json.loads((REPOSITORY / "tests/fixtures/formats.json").read_text())
BUILDABLE = [figures for figures in FIGURES if "refused" not in figures]
ROWS, COLUMNS = 256, 128


def name_of(figures: dict[str, Any]) -> str:
    return f"{figures['pair']}-{figures['granularity']}"


def config_of(figures: dict[str, Any]) -> dict[str, Any]:
    """As rules/formats.ts composes it."""
    rules = [("*weight_quantizer", figures["weight"]), ("*input_quantizer", figures["input"])]
    return {
        "quant_cfg": [
            {"quantizer_name": "*", "enable": False},
            *(
                {"quantizer_name": name, "cfg": cfg, "enable": True}
                for name, cfg in rules
                if cfg is not None
            ),
        ],
        "algorithm": figures["algorithm"],
    }


def quantized(figures: dict[str, Any], device: str = "cpu") -> nn.Linear:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(COLUMNS, ROWS, bias=False)).to(device)
    batch = torch.randn(3, 5, COLUMNS, device=device)
    mtq.quantize(model, native_config(config_of(figures)), lambda model: model(batch))
    return model[0]


def preset_entry(preset: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The last enabled entry of a preset for a quantizer; later entries win."""
    found = None
    for entry in preset["quant_cfg"]:
        if entry["quantizer_name"] in ("*", name) and "parent_class" not in entry:
            found = entry.get("cfg") if entry.get("enable", True) else None
    return found


def test_figures_cover_the_configs() -> None:
    names = {path.stem for path in (REPOSITORY / "conf/quant_pair").glob("*.yaml")}
    overlays = {path.stem for path in (REPOSITORY / "conf/granularity").glob("*.yaml")}
    assert {(item["pair"], item["granularity"]) for item in FIGURES} == {
        (name, overlay) for name in names for overlay in overlays
    }
    assert metadata.version("nvidia-modelopt") == "0.47.0"


@pytest.mark.parametrize("figures", BUILDABLE, ids=name_of)
def test_config_is_accepted_and_charged_as_computed(figures: dict[str, Any]) -> None:
    recipe = QuantRecipe(native_config(config_of(figures)), name="PAIR")
    assert recipe.compression * 16 == figures["charged_bits"]


@pytest.mark.parametrize(
    ("pair", "preset"),
    [
        ("wfp4_afp8", "W4A8_NVFP4_FP8_CFG"),
        ("wfp4_afp16", "NVFP4_DEFAULT_CFG"),
        ("wmxfp4_afp8", "W4A8_MXFP4_FP8_CFG"),
        ("wmxfp4_aint8", "MXFP4_DEFAULT_CFG"),
        ("wfp8_afp8", "FP8_DEFAULT_CFG"),
        ("wfp8_aint4", "FP8_DEFAULT_CFG"),
        ("wint4_afp16", "INT4_BLOCKWISE_WEIGHT_ONLY_CFG"),
        ("wint8_aint8", "INT8_DEFAULT_CFG"),
        ("wint8_afp16", "INT8_WEIGHT_ONLY_CFG"),
    ],
)
def test_weights_are_the_presets_own(pair: str, preset: str) -> None:
    source = yaml.safe_load((REPOSITORY / f"conf/quant_pair/{pair}.yaml").read_text())
    config = native_config(source["quantizers"])
    theirs = getattr(mtq, preset)
    fields = {"num_bits", "axis", "block_sizes", "effective_bits"}

    def attributes(cfg: dict[str, Any] | None) -> dict[str, Any] | None:
        found = mtq.config.QuantizerAttributeConfig(**cfg) if cfg else None
        return None if found is None else {name: getattr(found, name) for name in fields}

    assert attributes(config["weight"]) == attributes(preset_entry(theirs, "*weight_quantizer"))
    if source["format_name"] == preset:
        assert attributes(config["input"]) == attributes(preset_entry(theirs, "*input_quantizer"))
        assert source["algorithm"] == theirs["algorithm"]


@pytest.mark.parametrize("figures", BUILDABLE, ids=name_of)
def test_export_labels_are_modelopts(figures: dict[str, Any]) -> None:
    """Quantizers are set, not calibrated: that needs no device."""
    model = nn.Sequential(nn.Linear(COLUMNS, ROWS))
    mtq.quantize(model, native_config({**config_of(figures), "algorithm": None}))
    if figures["export_label"] is None:
        with pytest.raises((AssertionError, TypeError, NotImplementedError)):
            get_quantization_format(model)
        return
    key = {"layer.quantization": get_quantization_format(model), "layer.awq_block_size": 128}
    assert process_layer_quant_config(key)["quant_algo"] == figures["export_label"]


@pytest.mark.parametrize("figures", BUILDABLE, ids=name_of)
def test_cpu_quantizes_what_it_is_said_to(figures: dict[str, Any]) -> None:
    if not figures["cpu"]:
        with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|cuda|GPU"):
            quantized(figures)(torch.randn(2, COLUMNS))
        with pytest.raises(RunnerError) as refused:
            check_format("PAIR", config_of(figures), "cpu")
        assert refused.value.reason == "format_needs_cuda"
        return
    check_format("PAIR", config_of(figures), "cpu")
    layer = quantized(figures)
    check_quantizes(layer)
    # As many ranges as the storage counts scales.
    storage = figures["storage"]
    scales = {
        "scalePerWeight": ROWS * COLUMNS,
        "scalePerRow": ROWS,
        "scalePerColumn": COLUMNS,
        "scalePerTensor": 1,
    }
    bits = sum(storage[name] * count for name, count in scales.items())
    assert layer.weight_quantizer.amax.numel() == bits / 32


def check_quantizes(layer: nn.Linear) -> None:
    weight = layer.weight
    assert not torch.equal(layer.weight_quantizer(weight), weight)
    assert torch.isfinite(layer(torch.randn(2, COLUMNS, device=weight.device))).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("figures", BUILDABLE, ids=name_of)
def test_cuda_quantizes_everything(figures: dict[str, Any]) -> None:
    check_format("PAIR", config_of(figures), "cuda")
    check_quantizes(quantized(figures, "cuda"))


@pytest.mark.parametrize("pair", ["wfp8_afp8", "wint8_aint8", "wint4_afp16"])
def test_scales_are_single_precision_floats(pair: str) -> None:
    figures = next(
        item for item in BUILDABLE if item["pair"] == pair and item["granularity"] == "default"
    )
    layer = quantized(figures).to(torch.bfloat16)
    assert get_weight_scaling_factor(layer).dtype == torch.float32
