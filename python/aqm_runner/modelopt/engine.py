"""ModelOpt's AutoQuantize as an engine: see `scoring.engine` for the interface."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from typing import Any

from aqm_runner.model.batches import Batch, Loader, score_steps
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.groups import score_in_groups
from aqm_runner.modelopt.lead import score_together
from aqm_runner.modelopt.recipes import Format, as_format
from aqm_runner.modelopt.scoring import Scorer, Setting, check_modelopt
from aqm_runner.runner.partials import Partials
from aqm_runner.scoring.engine import Loading
from aqm_runner.scoring.table import Scored


class ModelOpt:
    """Scores by the gradient of the loss, or by how far the logits move."""

    name = "modelopt"

    def check(self) -> None:
        """Raises unsupported_here `modelopt_version`."""
        check_modelopt()

    def versions(self) -> dict[str, str]:
        """Returns ModelOpt's version."""
        return {"modelopt": metadata.version("nvidia-modelopt")}

    def candidate(self, name: str, config: dict[str, Any], device: str) -> Format:
        """Returns a format; raises what `check_format` and `as_format` raise."""
        check_format(name, config, device)
        return as_format(name, config)

    def tokens(self, batch: Batch) -> int:
        """Returns how many tokens are in the loss; by kl_div, how many logits are compared."""
        return batch.tokens

    def score_steps(self, params: dict[str, Any], batches: int) -> int:
        """Returns as many batches as hold `score_size` samples, at least one."""
        return score_steps(params["score_size"], params["batch_size"], batches)

    def score(
        self,
        context: Any,
        params: dict[str, Any],
        candidates: list[Format],
        load: Loading,
        loader: Loader,
        partials: list[Partials],
    ) -> Iterator[tuple[list[Scored], int]]:
        """Yields the scores of as many formats at a time as memory allows.

        By `gradient`, a job that has several devices shares its batches out among them first.
        By `kl_div`, what each batch adds to the score of each group is kept; `gradient` has the
        scores of all groups at once, from one backward pass, and keeps nothing.
        """
        candidates = [
            replace(each, partials=kept) for each, kept in zip(candidates, partials, strict=True)
        ]
        setting = Setting(
            params["scope"],
            params["loss"],
            params["include_lm_head"],
            self.score_steps(params, len(loader)),
            params["method"],
        )
        scorer = Scorer(context, setting)
        calls = 0
        waiting = list(range(len(candidates)))
        if context.replicas and scorer.may_share:
            scored = score_together(context, setting, candidates, load, loader)
            found = {index for index, _ in scored}
            waiting = [index for index in waiting if index not in found]
            if scored:
                calls = 1
                yield scored, calls + bool(waiting)
        if waiting:
            rest = [candidates[index] for index in waiting]
            for scored, groups in score_in_groups(scorer, rest, load, loader):
                yield [(waiting[index], each) for index, each in scored], calls + groups
