"""A few formats stand for many: those that have all their quantizers of weights and of inputs.

Sixteen pairs of four weights with four inputs have four quantizers of a weight and four of an
input. ModelOpt 0.47.0 would make and calibrate sixteen of each in every layer, which takes it a
second a format. Here it is given the fewest formats that have each of them, and the quantizers of
the others are put together from theirs before anything is scored.

Ranges by the algorithm `max` are found while nothing is quantized, so the quantizer of an input is
the same beside any weight that the format leaves where it is in memory; see `shared_calibration`.
Formats with anything else in them stand for themselves.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization.algorithms import QuantRecipe, QuantRecipeHparam
from torch import nn

from aqm_runner.modelopt.formats import BARE, MAX
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.shared_calibration import is_of_weight, keeps_layout

# Attributes that say how a quantizer cuts a tensor up, which numbers it rounds to, what they cost.
PLAIN = {"num_bits", "axis", "block_sizes", "effective_bits"}


@dataclass(frozen=True)
class Parts:
    """What a format is made of, as text; two formats with equal text have equal quantizers.

    Attributes:
        weight: How weights are quantized.
        input: How inputs are quantized, and beside which layout of weights their ranges are found.
    """

    weight: str
    input: str


class CombinedFormats:
    """The formats of a call, and those among them that ModelOpt has to calibrate.

    Args:
        formats: What is to be scored.
        model: Without quantizers yet.
        disabled: Patterns of modules that are not scored.

    Attributes:
        calibrated: The fewest formats, by a greedy choice, that have all parts of all.
    """

    def __init__(self, formats: list[Format], model: nn.Module, disabled: list[str]) -> None:
        parts = {each.recipe: _parts(each.config, model, disabled) for each in formats}
        self.calibrated = _covering(formats, parts)
        given = {each.recipe for each in self.calibrated}
        self._donors = {
            recipe: (
                _donor(wanted.weight, "weight", given, parts),
                _donor(wanted.input, "input", given, parts),
            )
            for recipe, wanted in parts.items()
            if wanted is not None and recipe not in given
        }

    @contextlib.contextmanager
    def installed(self, searcher_class: type[Any]) -> Iterator[None]:
        """Has a searcher of ModelOpt know the other formats from when it begins to score."""
        original = searcher_class.estimate_sensitivity_scores

        def estimate(searcher: Any) -> None:
            self._complete(searcher.model)
            original(searcher)

        searcher_class.estimate_sensitivity_scores = estimate
        try:
            yield
        finally:
            searcher_class.estimate_sensitivity_scores = original

    def _complete(self, model: nn.Module) -> None:
        for _, hparam in named_hparams(model, unique=True):
            if not isinstance(hparam, QuantRecipeHparam) or not hparam.is_configurable:
                continue
            choices = hparam._all_quantizer_choices
            for recipe, (of_weight, of_input) in self._donors.items():
                choices[recipe] = {
                    module: {
                        name: choices[of_weight if is_of_weight(name) else of_input][module][name]
                        for name in quantizers
                    }
                    for module, quantizers in choices[of_weight].items()
                }
                hparam._importance_dict[recipe] = dict.fromkeys(hparam.score_modules)
            hparam._choices = sorted({*hparam._choices, *self._donors})


def _covering(formats: list[Format], parts: dict[QuantRecipe, Parts | None]) -> list[Format]:
    """Returns formats with all parts; those that cannot be put together are all among them."""
    chosen = [each for each in formats if parts[each.recipe] is None]
    waiting = [each for each in formats if parts[each.recipe] is not None]
    missing = {part for each in waiting for part in _named(parts[each.recipe])}
    while missing:
        best = max(waiting, key=lambda each: len(_named(parts[each.recipe]) & missing))
        chosen.append(best)
        missing -= _named(parts[best.recipe])
    return chosen


def _named(parts: Parts | None) -> set[tuple[str, str]]:
    return set() if parts is None else {("weight", parts.weight), ("input", parts.input)}


def _donor(
    part: str, role: str, given: set[QuantRecipe], parts: dict[QuantRecipe, Parts | None]
) -> QuantRecipe:
    return next(
        recipe
        for recipe, theirs in parts.items()
        if recipe in given and getattr(theirs, role, None) == part
    )


def has_maxima(config: dict[str, Any]) -> bool:
    """Returns whether all ranges that a format takes from data are maxima; it may take none."""
    return config.get("algorithm") is None or _rules(config) is not None


def _rules(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Returns the rules of weight and input; None if the format may be more than these.

    A quantizer without a rule is off by the first rule, as the inputs of a pair that quantizes
    weights alone.
    """
    if set(config) - {"quant_cfg", "algorithm"} or config.get("algorithm") not in MAX:
        return None
    first, *rules = config["quant_cfg"]
    by_name = {rule.get("quantizer_name"): rule for rule in rules}
    if first != _off("*") or len(by_name) < len(rules) or by_name.keys() - set(BARE[1:]):
        return None
    weight, input_ = (by_name.get(name, _off(name)) for name in BARE[1:])
    return (weight, input_) if _is_plain(weight) and _is_plain(input_) else None


def _off(name: str) -> dict[str, Any]:
    return {"quantizer_name": name, "enable": False}


def _parts(config: dict[str, Any], model: nn.Module, disabled: list[str]) -> Parts | None:
    """Returns a format's parts; None if it may be more than a weight beside an input."""
    rules = _rules(config)
    if rules is None:
        return None
    weight, input_ = rules
    written = _text(weight)
    blocks = (weight.get("cfg") or {}).get("block_sizes")
    layout = "" if _keeps_all(model, disabled, blocks) else written
    return Parts(written, _text(input_) + layout)


def _is_plain(rule: dict[str, Any]) -> bool:
    if set(rule) <= {"quantizer_name", "enable"}:
        return rule.get("enable") is False
    cfg = rule.get("cfg")
    return (
        set(rule) <= {"quantizer_name", "enable", "cfg"}
        and rule.get("enable", True) is True
        and isinstance(cfg, dict)
        and set(cfg) <= PLAIN
    )


def _keeps_all(model: nn.Module, disabled: list[str], blocks: dict[Any, Any] | None) -> bool:
    """Returns whether blocks leave all weights that are scored where they are; False if unsure."""
    if blocks is None:
        return True
    return all(
        isinstance(module, nn.Linear) and keeps_layout(module.weight, blocks)
        for name, module in model.named_modules()
        if not isinstance(module, nn.Embedding)
        and any(each.dim() > 1 for each in module.parameters(recurse=False))
        and not any(fnmatch(name, pattern) for pattern in disabled)
    )


def _text(rule: dict[str, Any]) -> str:
    # Axes of blocks are integers beside words, which JSON cannot sort.
    return json.dumps(rule, sort_keys=False, default=str)
