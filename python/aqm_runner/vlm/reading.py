"""Reading raw scores out of ModelOpt's searcher while they are still there.

ModelOpt clamps what it returns (a format never scores above one of fewer bits) and drops the raw
values once the search ends. Here `estimate_sensitivity_scores` is wrapped: it first counts the
forward calls of every score module, then reads each group's score right after the original ran.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms
from torch import nn

from aqm_runner.gates import Group
from aqm_runner.vlm.wrapped import wrapped_modules


class ScoreReader:
    """Takes the scores of one search.

    Args:
        context: Told when to look at the memory peak.
        config: The format's config; it, not its name, says which recipe is meant, because ModelOpt
            names custom configs by their position.
        check: Called once the scores are read, before ModelOpt goes on to solve with them: its
            solver chokes on NaN with an error of its own.

    Attributes:
        groups: All groups in module order, once the search has scored.
        modules: (path, class name) of every wrapped module, in module order.
        charged_bits: Bits a weight that ModelOpt charges for the format.
    """

    def __init__(
        self, context: Any, config: dict[str, Any], check: Callable[["ScoreReader"], None]
    ) -> None:
        self._context = context
        self._check = check
        self._recipe = algorithms.QuantRecipe(config, name="CUSTOM")
        self._calls: Counter[int] = Counter()
        self.groups: list[Group] = []
        self.modules: list[tuple[str, str]] = []
        self.charged_bits = float(self._recipe.compression * 16)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Wraps the gradient searcher's scoring for a while."""
        searcher_class = algorithms.AutoQuantizeGradientSearcher
        original = searcher_class.estimate_sensitivity_scores

        def estimate(searcher: Any) -> None:
            self._context.sample_memory()  # ModelOpt resets torch's peak when scoring starts
            handles = [
                module.register_forward_pre_hook(self._count)
                for module in searcher.model.modules()
                if hasattr(module, "_hparams_for_scoring")
            ]
            try:
                original(searcher)
            finally:
                for handle in handles:
                    handle.remove()
            self._read(searcher.model)
            self._check(self)

        searcher_class.estimate_sensitivity_scores = estimate
        try:
            yield
        finally:
            searcher_class.estimate_sensitivity_scores = original

    def _count(self, module: nn.Module, _inputs: Any) -> None:
        self._calls[id(module)] += 1

    def _read(self, model: nn.Module) -> None:
        order = {id(module): index for index, module in enumerate(model.modules())}
        self.modules = [(name, type(module).__name__) for name, module in wrapped_modules(model)]
        self.groups = [
            self._group(name, hparam, order)
            for name, hparam in named_hparams(model, unique=True)
            if isinstance(hparam, algorithms.QuantRecipeHparam)
        ]

    def _group(self, handle: str, hparam: Any, order: dict[int, int]) -> Group:
        # ModelOpt keeps the modules in a set's order, which differs from process to process and
        # with it the order of the sum.
        hparam.score_modules.sort(key=lambda module: order[id(module)])
        enabled = self._recipe in hparam.solver_choices
        calls = [self._calls[id(module)] for module in hparam.score_modules]
        score: float | None = 0.0
        if enabled:
            parts = hparam._importance_dict[self._recipe]
            reached = all(parts[module] is not None for module in hparam.score_modules)
            score = float(hparam.get_score(self._recipe)) if reached else None
        return Group(
            handle=handle,
            modules=tuple(hparam.quant_module_names),
            weights=sum(module.weight.numel() for module in hparam.quant_modules),
            enabled=enabled,
            score=score,
            executions=sum(calls) if min(calls) else 0,
        )
