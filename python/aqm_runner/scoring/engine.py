"""What an engine is to the scoring that all engines share.

An engine lives in a folder of its own, with the library that it stands for; nothing outside that
folder imports that library. It has an op (`ops/`), an environment and this interface.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place
from aqm_runner.scoring.table import Scored

# A candidate format in the engine's own form.
Candidate = TypeVar("Candidate")


@dataclass(frozen=True)
class Loading:
    """Returns a fresh model in evaluation mode whenever it is called.

    Attributes:
        context: Told of the phase `load`.
        checkpoint: The model's folder.
        dtype: "float32" or "bfloat16".
    """

    context: Any
    checkpoint: Place
    dtype: str

    def __call__(self) -> nn.Module:
        """Loads the model; raises what `load_model` raises."""
        self.context.phase("load", None)
        return load_model(self.checkpoint, self.dtype, self.context.device)


class Engine(Protocol, Generic[Candidate]):
    """Scores candidate formats of a model.

    Attributes:
        name: What documents and paths call it.
    """

    name: str

    def check(self) -> None:
        """Raises unsupported_here where the engine's library is not one that it can work with."""
        ...

    def versions(self) -> dict[str, str]:
        """Returns what the engine is made of besides torch and transformers, by name."""
        ...

    def candidate(self, name: str, config: dict[str, Any], device: str) -> Candidate:
        """Returns a format of a request in the engine's form.

        Raises bad_request or unsupported_here for a format that would be scored wrongly or not at
        all, before any model is loaded.
        """
        ...

    def tokens(self, batch: Batch) -> int:
        """Returns how many tokens of a batch scores depend on."""
        ...

    def score_steps(self, params: dict[str, Any], batches: int) -> int:
        """Returns how many of the batches the scores are summed over, from the first."""
        ...

    def score(
        self,
        context: Any,
        params: dict[str, Any],
        candidates: list[Candidate],
        load: Loading,
        loader: Loader,
        partials: list[Partials],
    ) -> Iterator[tuple[list[Scored], int]]:
        """Yields scores as soon as they are known, and in how many parts the work was done so far.

        Args:
            context: Gets phases, steps and warnings; `device` is "cpu" or "cuda".
            params: Those of the op, but for `format`.
            candidates: What to score; positions in the results are those in this list.
            load: Returns fresh models.
            loader: All batches, re-iterable.
            partials: Of each candidate, what may be kept and continued from. The bound of an
                action is `score_size`, so an item may depend on everything but the number of
                batches. An engine that is quick leaves them alone.

        Raises:
            RunnerError: What concerns all candidates.
        """
        ...
