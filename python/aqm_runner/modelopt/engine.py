"""ModelOpt's AutoQuantize as an engine: see `scoring.engine` for the interface."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from typing import Any

from torch import nn

from aqm_runner.model.batches import Batch, Loader, score_steps
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.groups import score_in_groups
from aqm_runner.modelopt.recipes import Format, as_format
from aqm_runner.modelopt.scoring import Scorer, Setting, check_modelopt
from aqm_runner.runner.partials import Partials
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
        load: Callable[[], nn.Module],
        loader: Loader,
        partials: list[Partials],
    ) -> Iterator[tuple[list[Scored], int]]:
        """Yields the scores of as many formats at a time as memory allows.

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
        yield from score_in_groups(Scorer(context, setting), candidates, load, loader)
