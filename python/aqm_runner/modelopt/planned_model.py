"""A model whose layers are in the formats of one plan, for those who write it down.

The quantizers are those of `JudgedModel`, which measures plans, with the same ranges: weights are
looked at again (`max`, which needs no data), the ranges of inputs come from a document, fused
layers share them as there (`fused_scales`), and scales are those that are stored (`stored_scales`).
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import modelopt.torch.quantization as mtq
import torch
from torch import nn

from aqm_runner.export.planned import Planned
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.stacked_experts import ExpertLayer, expert_layers, stacked_modules
from aqm_runner.modelopt.quality.candidates import read_candidates
from aqm_runner.modelopt.quality.fused_scales import share_ranges
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import check_modelopt
from aqm_runner.modelopt.simulated_experts import quantizer_names
from aqm_runner.modelopt.simulated_layers import ROLES, SimulatedLayers, quantizers_of
from aqm_runner.modelopt.stored_scales import round_ranges
from aqm_runner.quality.plans import check_plans, read_plans
from aqm_runner.ranges.document import range_name, read_ranges
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.places import Place
from aqm_runner.scoring.grouping import group_layers, layers_of
from aqm_runner.scoring.scopes import kept_layers

# Below this ModelOpt takes a range for zero.
NO_RANGE = 2.0**-24


class PlannedModel(SimulatedLayers):
    """Simulates one plan; see `export.simulated.Simulated`.

    Args:
        model: A fresh model; its weights stay as they are.
        planned: The plan, whose layers the model has.
        formats: The candidates.
        ranges: Layer to the largest magnitude of its input; None where no candidate needs it.

    Raises:
        RunnerError: gate_failed `input_range_missing`, `non_finite_weights`.
    """

    def __init__(
        self,
        model: nn.Module,
        planned: Planned,
        formats: list[Format],
        ranges: Mapping[str, float] | None,
    ) -> None:
        formats_ = {layer: each.format for layer, each in planned.quantized.items()}
        super().__init__(model, planned.groups, formats_)
        _check_finite(self._layers)
        configs = {each.name: each.config for each in formats}
        experts = expert_layers(model)
        with warnings.catch_warnings():
            # The ranges of inputs are put in below.
            warnings.filterwarnings("ignore", message=".*forward_loop.*|.*not calibrated.*")
            mtq.quantize(model, _config(self.formats, configs, experts))
        self._put_in(ranges or {}, experts)
        for members in planned.groups.values():
            quantized = [layer for layer in members if layer in self._layers]
            if quantized:
                share_ranges(
                    quantized,
                    {layer: quantizers_of(self._layers[layer]) for layer in quantized},
                )
        for layer in self._layers.values():
            round_ranges(layer.weight_quantizer, layer.input_quantizer)
        model.eval()

    def _put_in(self, ranges: Mapping[str, float], experts: Mapping[str, ExpertLayer]) -> None:
        for layer, module in self._layers.items():
            quantizer = module.input_quantizer
            if not quantizer.is_enabled or quantizer._dynamic:
                continue
            found = ranges.get(range_name(experts[layer]) if layer in experts else layer)
            if found is None or not found > NO_RANGE:
                problem = "was not looked at" if found is None else "was always zero"
                raise gate_failed(
                    "input_range_missing",
                    f"The input of {layer}, which {self.formats[layer]} quantizes, {problem} in "
                    "the calibration data, so that it has no range.",
                    next_step="Leave the layer unquantized, choose a format that leaves its inputs "
                    "as they are, or calibrate on data that reaches it.",
                )
            quantizer.amax = torch.tensor(found, device=module.weight.device)


def simulation(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> Callable[[Planned], PlannedModel]:
    """Returns what loads a checkpoint and puts a plan into it, once the request was checked.

    Args:
        context: Gets the phase `load`; its device computes.
        params: `candidates`, `scope`, `dtype` and `include_lm_head`.
        inputs: `checkpoint`, `plan`, and maybe `ranges`.

    Raises:
        RunnerError: unsupported_here `modelopt_version`, `format_needs_cuda`; bad_request of
            `read_candidates`. Where the plan comes in: bad_request `ranges_missing`, gate_failed of
            `read_ranges`, `load_model` and `check_plans`, and those of `PlannedModel`.
    """
    check_modelopt()
    formats = read_candidates(params["candidates"], context.device)

    def simulate(planned: Planned) -> PlannedModel:
        ranges = read_ranges(inputs["ranges"], params["scope"]) if "ranges" in inputs else None
        if planned.ranges and ranges is None:
            raise bad_request(
                "ranges_missing",
                f"{inputs['plan'].name} chooses a format that quantizes inputs, and there are no "
                "ranges of them.",
                file=inputs["plan"].name,
                next_step="Give the action the input `ranges`, made by the op input_ranges.",
            )
        context.phase("load", None)
        model = load_model(inputs["checkpoint"], params["dtype"], context.device)
        _check_plan(model, params, inputs["plan"])
        return PlannedModel(model, planned, formats, ranges)

    return simulate


def _check_plan(model: nn.Module, params: dict[str, Any], plan: Place) -> None:
    """Refuses a plan of other layers than the model has, as `check_plans` says."""
    kept = kept_layers(model, params["scope"], params["include_lm_head"])
    layers = layers_of(model) | stacked_modules(model)
    groups = [group for group in group_layers(layers, kept) if group.enabled]
    check_plans(
        read_plans(plan),
        {next(iter(group.layers)): tuple(group.layers) for group in groups},
        {name for name, _ in model.named_modules()},
        [each["name"] for each in params["candidates"]],
        plan,
    )


def _config(
    formats: Mapping[str, str],
    configs: Mapping[str, dict[str, Any]],
    experts: Mapping[str, ExpertLayer],
) -> dict[str, Any]:
    """Returns ModelOpt's list config with the quantizers of every layer by its exact name."""
    rules: list[dict[str, Any]] = [{"quantizer_name": "*", "enable": False}]
    for layer, name in formats.items():
        named = {role: f"{layer}.{role}" for role in ROLES}
        if layer in experts:
            named = quantizer_names(experts[layer])
        for rule in configs[name]["quant_cfg"]:
            role = rule["quantizer_name"].removeprefix("*")
            if role in ROLES and rule.get("enable", True) and rule.get("cfg") is not None:
                rules.append({"quantizer_name": named[role], "cfg": rule["cfg"]})
    return {"quant_cfg": rules, "algorithm": "max"}


def _check_finite(layers: Mapping[str, nn.Module]) -> None:
    for layer, module in layers.items():
        if not bool(module.weight.isfinite().all()):
            raise gate_failed(
                "non_finite_weights",
                f"The weight of {layer} is not made of finite numbers alone, so that it has no "
                "range.",
                next_step="Check the checkpoint's weights for NaN and infinity; with bfloat16, try "
                "float32.",
            )
