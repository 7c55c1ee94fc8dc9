"""Reading raw scores out of ModelOpt's searcher while they are still there.

ModelOpt clamps what it returns (a format never scores above one of fewer bits) and drops the raw
values once the search ends. Here `estimate_sensitivity_scores` is wrapped: it first counts the
forward calls of every score module, then reads each group's scores right after the original ran.
The search that would follow is left out: at 16 bits there is nothing to choose, and its solver
chokes on the NaN of a single format.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms, model_calib
from torch import nn

from aqm_runner.modelopt.kept_divergences import KeptDivergences
from aqm_runner.modelopt.peers import Peers
from aqm_runner.modelopt.wrapped import weights_of, wrapped_modules
from aqm_runner.scoring.table import Group, Table

SEARCHERS = {
    "gradient": algorithms.AutoQuantizeGradientSearcher,
    "kl_div": algorithms.AutoQuantizeKLDivSearcher,
}

# What ModelOpt appends to the path of a group's first member.
SUFFIX = ".quant_recipe"


class ScoreReader:
    """Takes the scores of one search.

    Args:
        context: Told when to look at the memory peak.
        recipes: The formats; their configs, not their names, say which is meant, because ModelOpt
            names custom configs by their position.
        method: "gradient" or "kl_div".
        kept: Scores in the place of ModelOpt's own function; None where nothing is kept.
        peers: Score the other batches; None where there are none.

    Attributes:
        tables: One for each recipe, in their order, once the search has scored.
    """

    def __init__(
        self,
        context: Any,
        recipes: list[algorithms.QuantRecipe],
        method: str,
        kept: KeptDivergences | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._context = context
        self._recipes = recipes
        self._method = method
        self._kept = kept
        self._peers = peers
        self._calls: Counter[tuple[int, Any]] = Counter()
        self.tables: list[Table] = []

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Wraps the searcher's scoring for a while, and leaves out its choosing."""
        searcher_class, base = SEARCHERS[self._method], algorithms._AutoQuantizeBaseSearcher
        estimate_, search = searcher_class.estimate_sensitivity_scores, base.run_search

        def estimate(searcher: Any) -> None:
            self._context.sample_memory()  # ModelOpt resets torch's peak when scoring starts
            handles = [
                module.register_forward_pre_hook(self._count)
                for module in searcher.model.modules()
                if hasattr(module, "_hparams_for_scoring")
            ]
            try:
                if self._kept is None:
                    estimate_(searcher)
                else:
                    self._kept.estimate(searcher, self._calls)
            finally:
                for handle in handles:
                    handle.remove()
            if self._peers is not None:
                self._peers.complete(searcher.model, self._recipes, self._calls)
            self._read(searcher.model)

        searcher_class.estimate_sensitivity_scores = estimate
        base.run_search = lambda _searcher: None
        try:
            yield
        finally:
            searcher_class.estimate_sensitivity_scores = estimate_
            base.run_search = search
            # Off during a search; only the search's end turns it on again.
            model_calib._ENABLE_FOLDING_PQS_TO_WEIGHTS = True

    def _count(self, module: nn.Module, _inputs: Any) -> None:
        if self._method == "gradient":
            self._calls[id(module), None] += 1  # a call tries all formats
        else:
            for hparam in module._hparams_for_scoring:
                self._calls[id(module), hparam.active] += 1

    def _read(self, model: nn.Module) -> None:
        order = {id(module): index for index, module in enumerate(model.modules())}
        modules = [(name, type(module).__name__) for name, module in wrapped_modules(model)]
        hparams = [
            (name, hparam)
            for name, hparam in named_hparams(model, unique=True)
            if isinstance(hparam, algorithms.QuantRecipeHparam)
        ]
        for _, hparam in hparams:
            # ModelOpt keeps the modules in a set's order, which differs from process to process
            # and with it the order of the sum.
            hparam.score_modules.sort(key=lambda module: order[id(module)])
        self.tables = [
            Table(
                [self._group(name, hparam, recipe) for name, hparam in hparams],
                modules,
                float(recipe.compression * 16),
            )
            for recipe in self._recipes
        ]

    def _group(self, handle: str, hparam: Any, recipe: algorithms.QuantRecipe) -> Group:
        enabled = recipe in hparam.solver_choices
        active = None if self._method == "gradient" else recipe
        calls = [self._calls[id(module), active] for module in hparam.score_modules]
        score: float | None = 0.0
        if enabled:
            parts = hparam._importance_dict[recipe].values()
            scored = [part is not None for part in parts]
            # A divergence is of the whole group and kept at one of its modules.
            reached = all(scored) if self._method == "gradient" else any(scored)
            score = float(hparam.get_score(recipe)) if reached else None
        return Group(
            name=handle.removesuffix(SUFFIX),
            modules=tuple(hparam.quant_module_names),
            weights=sum(weights_of(module) for module in hparam.quant_modules),
            enabled=enabled,
            score=score,
            executions=sum(calls) if min(calls) else 0,
        )
