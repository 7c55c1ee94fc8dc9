"""A model quantized by a uniform recipe of ModelOpt."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import modelopt.torch.quantization as mtq
from modelopt.torch.export.quant_utils import preprocess_linear_fusion
from modelopt.torch.quantization.nn import QuantModule
from torch import nn

from aqm_runner.export.architecture import empty_model
from aqm_runner.model.architectures import check_images
from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import make_deterministic, require_device
from aqm_runner.model.stacked_experts import stacked_modules
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.quality.fused_scales import share_ranges
from aqm_runner.modelopt.scoring import check_modelopt
from aqm_runner.quality.fused import EXPERT, NUMBERED
from aqm_runner.runner.failures import gate_failed, unsupported_here
from aqm_runner.runner.places import Place
from aqm_runner.scoring.grouping import LayerGroup, group_layers, layers_of
from aqm_runner.scoring.scopes import kept_layers

WEIGHTS, INPUTS = "*weight_quantizer", "*input_quantizer"
# Algorithms that scale a layer's inputs, and its weight the other way round.
SCALING = ("smoothquant", "awq_lite")
SHOWN = 3


@dataclass(frozen=True)
class Applied:
    """What a recipe did to a model.

    Attributes:
        layers: Paths of the layers whose weights are quantized.
        weights: How many weights these have.
        unscaled: Those of them that the recipe should have scaled and left as they were, for
            example a convolution, or a layer that the calibration data does not reach.
    """

    layers: list[str]
    weights: int
    unscaled: list[str]


def ready_for_recipe(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> dict[str, Any]:
    """Returns the config of a recipe once the request was checked, in a process that is readied.

    Raises:
        RunnerError: unsupported_here `no_gpu`, `modelopt_version`, `format_needs_cuda`; what
            `check_checkpoint`, `check_images`, `empty_model` and `check_experts_of_recipe` raise.
    """
    name = params["recipe"]
    require_device(context.device)
    check_modelopt()
    checkpoint = inputs["checkpoint"]
    check_checkpoint(checkpoint)
    check_images(checkpoint, params["scope"])
    empty = empty_model(checkpoint)
    check_experts_of_recipe(empty, name)
    kept = kept_layers(empty, params["scope"], params["include_lm_head"])
    config = recipe_config(name, kept)
    check_format(name, config, context.device)
    make_deterministic(context.device)
    return config


def check_experts_of_recipe(model: nn.Module, name: str) -> None:
    """Refuses experts that are one module, whose scales of input features no step here fuses.

    Args:
        model: With or without numbers.
        name: The recipe.

    Raises:
        RunnerError: unsupported_here `unsupported_layer`.
    """
    experts = next(iter(stacked_modules(model)), None)
    if experts is not None:
        raise unsupported_here(
            "unsupported_layer",
            f"The recipe {name} is for layers that are modules of their own, and {experts} "
            f"({type(model.get_submodule(experts)).__name__}) holds all experts of a block.",
            next_step="Choose formats by a plan, such as everywhere: wfp8_afp8, which has FP8 in "
            "all layers as FP8_DEFAULT_CFG does.",
        )


def load_with_recipe(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Place],
    config: dict[str, Any],
    calibration: list[Batch],
    look: Callable[[Any], None],
) -> tuple[nn.Module, Applied]:
    """Returns a model that a recipe quantized, and what it did.

    Args:
        context: Gets the phases `load` and those of `apply_recipe`.
        params: `recipe`, `dtype`, `scope` and `include_lm_head`.
        inputs: `checkpoint`.
        config: As `ready_for_recipe` returned it.
        calibration: Batches to find ranges and scales on.
        look: Looks at the unquantized model, before ModelOpt touches it.

    Raises:
        RunnerError: What `load_model`, `look` and `apply_recipe` raise.
    """
    context.phase("load", None)
    model = load_model(inputs["checkpoint"], params["dtype"], context.device)
    look(model)
    loader = Loader(calibration, context.device)
    return model, apply_recipe(context, model, loader, params["recipe"], config, params)


def recipe_config(name: str, kept: list[str]) -> dict[str, Any]:
    """Returns ModelOpt's config of this name, for the layers that a scope may quantize.

    Its quantizers and its algorithm stay as they are. In the place of its list of layers, which
    leaves out every vision part, stand the layers that the scope leaves out; so a recipe quantizes
    what plans quantize. Caches of attention are not quantized.

    Args:
        name: As `modelopt.torch.quantization` has it, for example INT4_AWQ_CFG.
        kept: Patterns of the layers that the scope leaves out (`kept_layers`).
    """
    preset = getattr(mtq, name)
    rules = preset["quant_cfg"]
    taken = [rule for rule in rules if rule["quantizer_name"] in (WEIGHTS, INPUTS)]
    by_class = [rule for rule in rules if "parent_class" in rule]
    last = [{"quantizer_name": pattern, "enable": False} for pattern in kept]
    return {
        "quant_cfg": [{"quantizer_name": "*", "enable": False}, *taken, *by_class, *last],
        "algorithm": preset["algorithm"],
    }


def apply_recipe(
    context: Any,
    model: nn.Module,
    loader: Loader,
    name: str,
    config: dict[str, Any],
    params: dict[str, Any],
) -> Applied:
    """Quantizes a model by `mtq.quantize`, with scales as a server has them where it fuses layers.

    Args:
        context: Gets a phase `calibrate` for each walk over the data, of which AWQ takes two.
        model: A fresh model; its weights are changed.
        loader: Batches to find ranges and scales on.
        name: Of the recipe, for messages.
        config: As `recipe_config` returns it.
        params: `scope` and `include_lm_head`.

    Raises:
        RunnerError: gate_failed `layer_left_out`, `layer_not_searched`.
    """
    calibrate_recipe(context, model, loader, config, params)
    return settle_recipe(context, model, name, config, params)


def calibrate_recipe(
    context: Any,
    model: nn.Module,
    loader: Loader,
    config: dict[str, Any],
    params: dict[str, Any],
) -> None:
    """Runs ModelOpt's algorithm over the data; the first half of `apply_recipe`."""
    head = any("lm_head" in path for group in recipe_groups(model, params) for path in group.layers)

    def walk(quantized: nn.Module) -> None:
        context.phase("calibrate", len(loader))
        for done, batch in enumerate(loader, start=1):
            # The ranges of the output head need all tokens; those of other layers no logits.
            quantized(**batch.inputs, use_cache=False, logits_to_keep=0 if head else 1)
            context.step(done)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is not calibrated, skip smoothing")
        mtq.quantize(model, config, walk)


def settle_recipe(
    context: Any, model: nn.Module, name: str, config: dict[str, Any], params: dict[str, Any]
) -> Applied:
    """Checks what was quantized and fuses scales; the second half of `apply_recipe`."""
    groups = recipe_groups(model, params)
    applied = _applied(model, config["algorithm"])
    _check_layers(name, applied, groups)
    if applied.unscaled:
        context.warning(
            "layers_not_scaled",
            f"{name} quantizes {_some(applied.unscaled)} without scaling their inputs: ModelOpt "
            "scales linear layers that the calibration data reaches, and no others.",
        )
    _fuse(model, groups)
    model.eval()
    return applied


def recipe_groups(model: nn.Module, params: dict[str, Any]) -> list[LayerGroup]:
    """Returns the groups that a recipe quantizes: those that plans of the scope may quantize."""
    kept = kept_layers(model, params["scope"], params["include_lm_head"])
    return [group for group in group_layers(layers_of(model), kept) if group.enabled]


def _applied(model: nn.Module, algorithm: Any) -> Applied:
    method = algorithm["method"] if isinstance(algorithm, dict) else algorithm
    layers, unscaled, weights = [], [], 0
    for path, module in model.named_modules():
        if not isinstance(module, QuantModule):
            continue
        quantized = [
            weight
            for weight, quantizer in module.iter_weights_for_calibration()
            if quantizer.is_enabled
        ]
        if not quantized:
            continue
        layers.append(path)
        weights += sum(weight.numel() for weight in quantized)
        scale = getattr(getattr(module, "input_quantizer", None), "pre_quant_scale", None)
        if method in SCALING and (scale is None or bool((scale == 1).all())):
            unscaled.append(path)
    return Applied(layers, weights, unscaled)


def _check_layers(name: str, applied: Applied, groups: list[LayerGroup]) -> None:
    """Refuses a model of which a recipe quantized other layers than plans may quantize.

    What ModelOpt holds as one module of all experts is no layer of its own in `groups`.
    """
    wanted = {path for group in groups for path in group.layers}
    left_out = sorted(wanted - {*applied.layers})
    if left_out:
        raise gate_failed(
            "layer_left_out",
            f"{name} leaves {len(left_out)} layers unquantized that plans may quantize "
            f"({_some(left_out)}), so that its size does not compare with theirs.",
            next_step="Leave this recipe out for this model.",
        )
    more = [path for path in applied.layers if path not in wanted and not path.endswith("experts")]
    if more:
        raise gate_failed(
            "layer_not_searched",
            f"{name} quantizes {len(more)} layers that no plan may quantize ({_some(more)}), so "
            "that its size does not compare with theirs.",
            next_step="Leave this recipe out for this model.",
        )


def _fuse(model: nn.Module, groups: list[LayerGroup]) -> None:
    """Gives layers that a server runs as one the scales that they must share, as an export does.

    `preprocess_linear_fusion` of ModelOpt 0.47.0 gives them the mean of the scales of their inputs,
    and the largest range where there is one number. Experts share ranges alone.
    """
    for group in groups:
        modules = [model.get_submodule(path) for path in group.layers]
        if len(modules) == 1:
            continue
        if any(EXPERT.fullmatch(path) or NUMBERED.fullmatch(path) for path in group.layers):
            roles = ("weight_quantizer", "input_quantizer")
            share_ranges(
                group.layers,
                {
                    path: {role: getattr(module, role) for role in roles}
                    for path, module in zip(group.layers, modules, strict=True)
                },
            )
        else:
            preprocess_linear_fusion(modules)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
