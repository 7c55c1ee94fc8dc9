"""Exported bit plans handed to ModelOpt, and ModelOpt's own search against ours.

The analysis writes the files: tests/analysis/bit-plan.test.ts and modelopt-choice.test.ts.
"""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import modelopt.torch.quantization as mtq
import pytest
import torch
import yaml
from modelopt.recipe import load_recipe
from modelopt.torch.quantization.algorithms import QuantRecipe, QuantRecipeHparam
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import nn
from transformers import AutoModelForImageTextToText

from aqm_runner.modelopt.formats import native_config

REPOSITORY = Path(__file__).parents[2]
FIXTURES = REPOSITORY / "tests/fixtures"
PLAN = FIXTURES / "bit-plan"
CHOICES = json.loads((PLAN / "choices.json").read_text())
SEARCHES = json.loads((FIXTURES / "modelopt-choices.json").read_text())


def pair(name: str) -> dict[str, Any]:
    source = yaml.safe_load((REPOSITORY / f"conf/quant_pair/{name}.yaml").read_text())
    return native_config(source["quantizers"])


def from_recipe() -> Any:
    return load_recipe(PLAN / "recipe.yaml").quantize


def from_json() -> dict[str, Any]:
    return native_config(json.loads((PLAN / "quant-cfg.json").read_text()))


@pytest.mark.parametrize("read", [from_recipe, from_json])
def test_a_plan_enables_exactly_the_quantizers_it_means(
    read: Any, checkpoints: dict[str, Path]
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(checkpoints["qwen3_vl"])
    ids = torch.arange(1, 9).reshape(1, 8)
    mtq.quantize(model, read(), lambda model: model(input_ids=ids))
    meant = {
        f"{module}.{which}_quantizer": cfg
        for choice in CHOICES
        if choice["format"] != "NONE"
        for module in choice["modules"]
        for which, cfg in pair(choice["format"]).items()
        if cfg is not None
    }
    found = {
        name: quantizer
        for name, quantizer in model.named_modules()
        if isinstance(quantizer, TensorQuantizer) and quantizer.is_enabled
    }
    assert set(found) == set(meant)
    for name, cfg in meant.items():
        quantizer = found[name]
        assert quantizer.num_bits == cfg["num_bits"], name
        if "block_sizes" not in cfg:  # blocks set an axis of their own
            assert quantizer.axis == cfg.get("axis"), name
        assert (quantizer.block_sizes or {}) == (cfg.get("block_sizes") or {}), name
        # Vision is not reached by text: only what was reached has ranges of its activations.
        if name.endswith("weight_quantizer") or not fnmatch(name, "*visual*"):
            assert quantizer.amax is not None, name
    kept = [choice for choice in CHOICES if choice["format"] == "NONE"]
    assert kept
    assert torch.isfinite(model(input_ids=ids).logits).all()


def recipe_of(name: str) -> dict[str, Any]:
    quantizers = pair(name)
    return {
        "quant_cfg": [
            {"quantizer_name": "*", "enable": False},
            *(
                {"quantizer_name": f"*{which}_quantizer", "cfg": cfg, "enable": True}
                for which, cfg in quantizers.items()
                if cfg is not None
            ),
        ],
        "algorithm": "max",
    }


def test_formats_are_in_the_order_of_modelopts_recipes() -> None:
    recipes = {name: QuantRecipe(recipe_of(name), name=name) for name in SEARCHES["order"]}
    assert sorted(recipes, key=lambda name: recipes[name]) == SEARCHES["order"]


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(search, id=f"{search['bits']}bits", marks=[pytest.mark.engines] * (at > 0))
        for at, search in enumerate(SEARCHES["searches"])
    ],
)
def test_modelopts_search_chooses_what_the_analysis_does(
    search: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ModelOpt clamps, charges and solves by itself; only what it measured is replaced."""
    groups, formats = SEARCHES["groups"], SEARCHES["formats"]
    layers = {f"layer{g}": nn.Linear(16, group["weights"] // 16) for g, group in enumerate(groups)}

    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleDict(layers)

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return sum(layer(batch).pow(2).mean() for layer in self.layers.values())

    recipes = [QuantRecipe(recipe_of(name), name=name) for name in formats]

    def recorded(hparam: QuantRecipeHparam, recipe: QuantRecipe) -> float:
        group = groups[int(hparam.quant_module_names[0].removeprefix("layers.layer"))]
        return group["scores"][recipes.index(recipe)] if recipe in recipes else 0.0

    monkeypatch.setattr(QuantRecipeHparam, "get_score", recorded)
    torch.manual_seed(0)
    batches = [torch.randn(2, 16)]
    _, state = mtq.auto_quantize(
        Layers(),
        constraints={"effective_bits": search["bits"]},
        quantization_formats=[recipe_of(name) for name in formats],
        data_loader=batches,
        forward_step=lambda model, batch: model(batch),
        loss_func=lambda output, batch: output,
        num_calib_steps=1,
        num_score_steps=1,
    )
    best = state["best"]
    assert best["is_satisfied"]
    assert best["score"] == pytest.approx(search["score"], rel=1e-9)
    assert best["constraints"]["effective_bits"] == pytest.approx(search["achieved"], rel=1e-9)
    # Clamped scores of two formats of one size are often equal: then either may be named.
    wanted = dict(zip(formats, recipes, strict=True)) | {"NONE": QuantRecipe(quant_cfg=None)}
    chosen = zip(best["recipe"].items(), search["choices"], strict=True)
    for (name, recipe), choice in chosen:
        stats = state["candidate_stats"][name]
        theirs, ours = (stats["formats"].index(which) for which in (recipe, wanted[choice]))
        assert stats["costs"][theirs] == stats["costs"][ours], name
        assert stats["scores"][theirs] == pytest.approx(stats["scores"][ours], rel=1e-12), name
