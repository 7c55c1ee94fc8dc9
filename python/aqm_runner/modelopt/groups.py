"""All formats of a batch, in as few calls of ModelOpt as memory allows.

How formats are grouped never changes their scores; it only costs loads of the checkpoint.
"""

from collections import deque
from collections.abc import Callable, Iterator

from torch import nn

from aqm_runner.model.batches import Loader
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.memory import call_bytes, free_bytes, group_size
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import Scorer
from aqm_runner.runner.classify import classify, let_go
from aqm_runner.runner.failures import CANCELLED, DEVICE_LOST, OUT_OF_MEMORY
from aqm_runner.scoring.table import Scored


def score_in_groups(
    scorer: Scorer, formats: list[Format], load: Callable[[], nn.Module], loader: Loader
) -> Iterator[tuple[list[Scored], int]]:
    """Yields the scores of one group of formats after the other, and the number of groups so far.

    Where a group does not fit into the device's memory, it and those after it are halved. Where
    one stops in another way, its formats are scored one at a time, so that only the guilty fail.

    Args:
        scorer: Makes the calls.
        formats: What to score; the positions in the result are those in this list.
        load: Returns a fresh model; called once for each group.
        loader: Batches, re-iterable.

    Raises:
        RunnerError: out_of_memory if one format alone does not fit; cancelled; device_lost.
    """
    context, device = scorer.context, scorer.context.device
    model: nn.Module | None = load()
    shared, own = call_bytes(
        model, loader.batches, scorer.setting.disabled_layers(model), scorer.keeps_differences
    )
    size = group_size(len(formats), free_bytes(device), shared, own)
    waiting = _split(list(range(len(formats))), size)
    done = 0
    while waiting:
        group = waiting.popleft()
        model = load() if model is None else model
        problem: Exception | None = None
        results: list[Scored] = []
        try:
            found = scorer.score(model, loader, [formats[index] for index in group])
            results = list(zip(group, found, strict=True))
        except Exception as error:
            let_go(error)
            problem = error
        model = None
        release_memory(device)
        if problem is None:
            done += 1
            yield results, done + len(waiting)
            continue
        class_ = classify(problem).class_
        if class_ in (CANCELLED, DEVICE_LOST) or (class_ == OUT_OF_MEMORY and len(group) == 1):
            raise problem
        if class_ == OUT_OF_MEMORY:
            size = -(-len(group) // 2)
            context.warning(
                "formats_split",
                f"{len(group)} formats at once do not fit into the device's memory; going on "
                f"with {size} at a time.",
            )
            waiting = _split([*group, *(index for each in waiting for index in each)], size)
        elif len(group) > 1:
            context.warning(
                "formats_one_by_one",
                f"Scoring {len(group)} formats at once stopped ({classify(problem).message}); "
                "scoring them one at a time.",
            )
            waiting.extendleft([index] for index in reversed(group))
        else:
            done += 1
            yield [(group[0], problem)], done + len(waiting)


def _split(indices: list[int], size: int) -> deque[list[int]]:
    return deque(indices[start : start + size] for start in range(0, len(indices), size))
