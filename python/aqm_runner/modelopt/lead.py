"""The first of several processes that score one set of batches together: see `peers`."""

from dataclasses import replace
from typing import Any

from modelopt.torch.quantization.algorithms import QuantRecipe
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.combined_formats import has_maxima
from aqm_runner.modelopt.peers import Calls, add_calls, add_rows, largest, on_device
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.replica import Failed, Task
from aqm_runner.modelopt.scoring import Scorer, Setting
from aqm_runner.modelopt.shared_calibration import Ranges
from aqm_runner.modelopt.shared_scoring import in_sum
from aqm_runner.runner.classify import classify, let_go
from aqm_runner.runner.failures import CANCELLED, DEVICE_LOST, RunnerError
from aqm_runner.scoring.engine import Loading
from aqm_runner.scoring.table import Scored


def score_together(
    context: Any, setting: Setting, formats: list[Format], load: Loading, loader: Loader
) -> list[Scored]:
    """Returns the scores of the formats that all devices of the job can score together.

    Nothing where the job has one device, and where one of the processes stops: what it stopped on
    is for one device to find again, or to do without the others.

    Args:
        context: Has the replicas; told of phases and steps of this process, and warned.
        setting: How to score, by gradient.
        formats: What to score; the positions in the result are those in this list.
        load: Returns fresh models.
        loader: All batches.

    Raises:
        RunnerError: cancelled; device_lost.
    """
    fitting = [index for index, each in enumerate(formats) if has_maxima(each.config)]
    there = tuple(each for each in context.replicas if not each.ended)
    # A replica without a batch to score would only be waited for.
    replicas = there[: setting.score_steps - 1]
    if not (fitting and replicas):
        return []
    problem: Exception | None = None
    found: list[Any] = []
    try:
        lead = Lead(context, setting, replicas)
        found = lead.score([formats[index] for index in fitting], load, loader)
    except Exception as error:
        let_go(error)
        problem = error
    release_memory(context.device)  # before another model is loaded, or the runner is left idle
    if problem is None:
        return list(zip(fitting, found, strict=True))
    for replica in replicas:
        replica.end()
    known = classify(problem)
    if known.class_ in (CANCELLED, DEVICE_LOST):
        raise problem
    context.warning(
        "scored_on_one_device",
        f"Scoring on {1 + len(replicas)} devices at once stopped ({known.message}); going on with "
        "one.",
    )
    return []


def shares(batches: list[Batch], score_steps: int, count: int) -> list[tuple[list[Batch], int]]:
    """Returns the batches of each process, and how many of them it scores, from the first.

    Scored batches stay in their order from one process to the next. The first ones get more where
    they cannot get the same: the others may still import.
    """

    def part(some: list[Batch], number: int) -> list[Batch]:
        start, end = (-(-len(some) * each // count) for each in (number, number + 1))
        return some[start:end]

    scored, others = batches[:score_steps], batches[score_steps:]
    parts = [(part(scored, each), part(others, each)) for each in range(count)]
    return [(mine + rest, len(mine)) for mine, rest in parts]


class Lead:
    """Has replicas score the later batches, and adds their scores to its own.

    Args:
        context: Told of phases and steps of this process, and of memory peaks of all.
        setting: How to score all batches.
        replicas: The others, each a `runner.replicas.Replica` with a batch to score.
    """

    add = staticmethod(in_sum)

    def __init__(self, context: Any, setting: Setting, replicas: tuple[Any, ...]) -> None:
        self._context = context
        self._setting = setting
        self._replicas = replicas

    def score(self, formats: list[Format], load: Loading, loader: Loader) -> list[Any]:
        """Returns for each format its scores over all batches, as `Scorer.score` does.

        Raises:
            RunnerError: What any of the processes failed with.
        """
        steps = self._setting.score_steps
        own, *theirs = (
            (batches, replace(self._setting, score_steps=mine))
            for batches, mine in shares(loader.batches, steps, 1 + len(self._replicas))
        )
        given = [(each.name, each.config, each.recipe) for each in formats]
        for replica, (batches, setting) in zip(self._replicas, theirs, strict=True):
            replica.send(Task(load.checkpoint, load.dtype, setting, batches, given))
        batches, setting = own
        scorer = Scorer(self._context, setting, self)
        return scorer.score(load(), Loader(batches, self._context.device), formats)

    def merged(self, own: Ranges) -> Ranges:
        """See `Peers`."""
        result = largest([on_device(own, "cpu"), *map(self._told_by, self._replicas)])
        for replica in self._replicas:
            replica.send(result)
        return on_device(result, self._context.device)

    def complete(self, model: nn.Module, recipes: list[QuantRecipe], calls: Calls) -> None:
        """See `Peers`."""
        told = [self._told_by(replica) for replica in self._replicas]
        add_rows(model, recipes, [each.rows for each in told])
        add_calls(model, calls, [each.calls for each in told])
        for each in told:
            self._context.note_gpu_memory(each.gpu_peak)

    def _told_by(self, replica: Any) -> Any:
        message = replica.receive()
        if isinstance(message, Failed):
            told = message.error["message"]
            raise RunnerError(**message.error | {"message": f"{replica.name}: {told}"})
        return message
