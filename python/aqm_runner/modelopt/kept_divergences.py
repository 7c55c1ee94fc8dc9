"""ModelOpt's scoring by divergence, with each group's result of each batch kept.

ModelOpt 0.47.0 walks the batches and, within each, the groups and formats; it has a group's score
only once it is through with all of them. `KeptDivergences` walks in the same order and calls the
same functions, but takes an item that is kept already instead of a forward pass. An item is what
one batch adds to the score of one group in one format. The sum over batches is made in ModelOpt's
order and precision, so scores have the bits that they have without items. The forward pass without
quantization is left out where all items of a batch are kept.
"""

import math
from collections import Counter
from typing import Any

import torch
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms
from torch import nn

from aqm_runner.modelopt.recipes import Format
from aqm_runner.runner.partials import Partials

UNQUANTIZED = algorithms.QuantRecipe(quant_cfg=None)


class KeptDivergences:
    """Stands for `AutoQuantizeKLDivSearcher.estimate_sensitivity_scores`.

    Args:
        formats: What is scored; each has partial results of its own.
    """

    def __init__(self, formats: list[Format]) -> None:
        self._partials: dict[algorithms.QuantRecipe, list[Partials]] = {}
        for each in formats:  # two formats may be one to ModelOpt
            self._partials.setdefault(each.recipe, []).append(each.partials)

    @torch.inference_mode()
    def estimate(self, searcher: Any, calls: Counter[tuple[int, Any]]) -> None:
        """Adds up the scores where ModelOpt looks for them.

        Args:
            searcher: Calibrated.
            calls: Forward calls by (id of module, recipe in place). Hooks count those that happen;
                those that an item stands for are added here.
        """
        model, config = searcher.model, searcher.config
        model.eval()
        order = {id(module): index for index, module in enumerate(model.modules())}
        groups = [
            (name, hparam)
            for name, hparam in named_hparams(model, configurable=True)
            if isinstance(hparam, algorithms.QuantRecipeHparam)
        ]
        steps = config["num_score_steps"]
        for batch, data in algorithms.tqdm(
            zip(range(steps), config["data_loader"], strict=False),
            desc="Estimating KLDivergence loss",
            total=steps,
        ):
            for _, hparam in groups:
                hparam.active = UNQUANTIZED
            step = _Step(model, config["forward_step"], data)
            for name, hparam in algorithms.tqdm(groups, desc="Evaluating hparams"):
                modules = sorted(hparam.score_modules, key=lambda module: order[id(module)])
                for recipe in hparam.choices:
                    if recipe == UNQUANTIZED:
                        continue
                    item = f"batch {batch}, group {name}"
                    score = self._score(item, step, hparam, recipe, modules, calls)
                    scores = hparam._importance_dict[recipe]
                    place = hparam.score_modules[0]
                    scores[place] = score if scores[place] is None else scores[place] + score
                hparam.active = UNQUANTIZED

    def _score(
        self,
        item: str,
        step: "_Step",
        hparam: Any,
        recipe: algorithms.QuantRecipe,
        modules: list[nn.Module],
        calls: Counter[tuple[int, Any]],
    ) -> torch.Tensor:
        """Returns what a batch adds to a group's score, a float32 scalar; kept or measured."""
        kept = [(partials, partials.get(item)) for partials in self._partials[recipe]]
        value = next((value for _, value in kept if value is not None), None)
        if value is None:
            before = [calls[id(module), recipe] for module in modules]
            divergence = step.divergence(hparam, recipe)
            called = [calls[id(module), recipe] for module in modules]
            counts = [now - then for now, then in zip(called, before, strict=True)]
            value = {"divergence": divergence, "calls": counts}
        else:
            for module, count in zip(modules, value["calls"], strict=True):
                calls[id(module), recipe] += count
        if math.isfinite(
            value["divergence"]
        ):  # the gates refuse the rest, which must not be reused
            for partials, found in kept:
                if found is None:
                    partials.put(item, value)
        return torch.tensor(value["divergence"], dtype=torch.float32)


class _Step:
    """The forward passes of one batch.

    Args:
        model: With all groups unquantized.
        forward: Takes model and data, returns logits.
        data: The batch.
    """

    def __init__(self, model: nn.Module, forward: Any, data: Any) -> None:
        self._model = model
        self._forward = forward
        self._data = data
        self._head = algorithms._get_lm_head(model)
        self._unquantized: torch.Tensor | None = None

    def divergence(self, hparam: Any, recipe: algorithms.QuantRecipe) -> float:
        """Returns the divergence of a group in a format: ModelOpt's float32, in nats."""
        if self._unquantized is None:
            logits = self._forward(self._model, self._data)
            self._unquantized = algorithms._get_log_prob(logits, lm_head=self._head)
        hparam.active = recipe
        logits = self._forward(self._model, self._data)
        loss = algorithms._get_kl_div_loss(self._unquantized, logits, self._head)
        return float(loss)
