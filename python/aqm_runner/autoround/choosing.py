"""AutoScheme's own choice of formats for budgets, on scores that are measured once.

All is AutoRound's: the scores, the bits of a layer, the knapsack, the rule for the output head.
Ours are the data, the order of layers, the groups that share a format (AutoScheme's
`shared_layers`), and NONE as a last option, which costs 16 bits and no loss.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from aqm_runner.autoround.formats import UNQUANTIZED, Format
from aqm_runner.autoround.library import all_fields, part
from aqm_runner.autoround.scoring import Scored
from aqm_runner.quality.plans import NONE
from aqm_runner.runner.failures import bad_request

CACHE = "AR_AUTO_SCHEME_CACHE"


@dataclass(frozen=True)
class Choice:
    """What AutoScheme chose for one budget.

    Attributes:
        budget: Bits a weight, with scales where they are counted.
        formats: Name of the format of each layer, by path.
    """

    budget: float
    formats: dict[str, str]


def choose(
    model: nn.Module,
    layers: list[str],
    groups: list[list[str]],
    scored: dict[Format, Scored],
    budgets: list[float],
    *,
    count_scales: bool,
    device: str,
) -> list[Choice]:
    """Returns a choice for each budget, in that order.

    Args:
        model: The model that was scored.
        layers: Paths of the scored layers, in module order.
        groups: Paths that have to share a format.
        scored: Scores and bits by format; bits with scales, whatever `count_scales` says.
        budgets: Bits a weight, over the weights of `layers`.
        count_scales: Whether a layer's scales are charged to it.
        device: "cpu" or "cuda".

    Raises:
        RunnerError: bad_request `budget_out_of_range` for a budget that no choice meets.
    """
    delta_loss, schemes = part("auto_scheme.delta_loss"), part("schemes")
    options = [schemes.QuantizationScheme.from_dict(each.scheme) for each in scored]
    auto = delta_loss.AutoScheme(
        avg_bits=float(UNQUANTIZED),
        # NONE comes last: the order of layers is that of the first option that has scores.
        options=[*options, "BF16"],
        shared_layers=[group for group in groups if len(group) > 1],
        ignore_scale_zp_bits=not count_scales,
        low_gpu_mem_usage=False,
        low_cpu_mem_usage=False,
    )
    solver = part("auto_scheme.gen_auto_scheme").GenScheme(
        auto,
        model,
        layers,
        {},
        dataset="none",
        device_map=device,
        tokenizer="none",  # must be something; the data is ours
        enable_torch_compile=False,
    )
    for budget in budgets:
        if not solver.min_avg_bit <= budget <= UNQUANTIZED:
            raise bad_request(
                "budget_out_of_range",
                f"The budget {budget} is not from {solver.min_avg_bit:.3f} to {UNQUANTIZED} bits a "
                "weight, which the candidates cost at least and at most.",
                next_step="Set a budget within, or add a candidate.",
            )
    auto.avg_bits = list(budgets)
    with _known_scores(delta_loss, scored, count_scales=count_scales):
        try:
            configs = solver.get_layer_config()
        except ValueError as error:
            if "too small" not in str(error):
                raise
            raise bad_request(
                "budget_out_of_range",
                f"AutoScheme finds no choice for one of the budgets {budgets}: {error}.",
                next_step="Set larger budgets.",
            ) from error
    model.eval()
    names = [(each.name, all_fields(each.scheme)) for each in scored]
    return [
        Choice(budget, {layer: _name(configs[budget][layer], names) for layer in layers})
        for budget in budgets
    ]


@contextlib.contextmanager
def _known_scores(
    delta_loss: Any, scored: dict[Format, Scored], *, count_scales: bool
) -> Iterator[None]:
    """Answers AutoScheme's questions for scores, and keeps its cache in a folder that goes away.

    The key of that cache leaves out weights and data, so that scores of another model with the
    same name would be taken.
    """
    original = delta_loss.get_score_for_scheme
    known = [(all_fields(each.scheme), each, found) for each, found in scored.items()]

    def answer(model: nn.Module, _tokenizer: Any, layers: list[str], *_: Any, **__: Any) -> Any:
        first = model.get_submodule(layers[0])
        for fields, format_, found in known:
            if all(getattr(first, name) == value for name, value in fields.items()):
                return {
                    name: [
                        found.bits[name]
                        if count_scales
                        else format_.scheme["bits"] * model.get_submodule(name).weight.numel(),
                        found.scores[name],
                    ]
                    for name in found.scores
                }
        raise AssertionError("AutoScheme asks for a format that is no candidate")

    before = os.environ.get(CACHE)
    delta_loss.get_score_for_scheme = answer
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ[CACHE] = folder
            yield
    finally:
        delta_loss.get_score_for_scheme = original
        if before is None:
            os.environ.pop(CACHE, None)
        else:
            os.environ[CACHE] = before


def _name(config: dict[str, Any], names: list[tuple[str, dict[str, Any]]]) -> str:
    for name, fields in names:
        if all(config.get(key) == value for key, value in fields.items()):
            return name
    return NONE
