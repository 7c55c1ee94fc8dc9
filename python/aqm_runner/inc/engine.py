"""The engine inc: Intel Neural Compressor's sensitivity of ops, summed over layer groups.

mse_v2: a group's score is the sum of the distances of its ops (`distances.py`), each measured with
that op alone in INT8. hawq_v2: the sum of its ops' Hessian traces times the squared error of their
weights (`hessian.py`). Sums take ops for independent; INC itself scores ops and no groups.

A group of which `max_ops` leaves out an op is not enabled and scores 0: what was not measured may
not be quantized. Its ops are in no ranking either.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from aqm_runner.inc.configurations import check_format, qconfigs
from aqm_runner.inc.distances import Loop
from aqm_runner.inc.library import require_inc, settled, settled_versions
from aqm_runner.inc.memory import resident
from aqm_runner.inc.ranking import RankedOp, check_ranking, ranking_document
from aqm_runner.inc.subgraphs import Subgraphs
from aqm_runner.model.batches import Batch, Loader, score_steps
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.scoring.gates import check_groups, family
from aqm_runner.scoring.grouping import LayerGroup, group_layers, layers_of, stacked_layers
from aqm_runner.scoring.material import measured_counts
from aqm_runner.scoring.scopes import kept_layers
from aqm_runner.scoring.table import Group, Scored, Table

CHARGED_BITS = 8.0


class Inc:
    """Scores one format; writes the ranked ops on its way.

    Args:
        ranking: Where the ranked ops go.
        device: "cpu" or "cuda".

    Attributes:
        facts: What is worth telling of the run and is in no document: memory.
    """

    name = "inc"

    def __init__(self, ranking: Place, device: str) -> None:
        self._ranking = ranking
        self._device = device
        self.facts: dict[str, Any] = {}

    def check(self) -> None:
        """Raises what `require_inc` raises."""
        require_inc(self._device)

    def versions(self) -> dict[str, str]:
        """Returns INC's version and the settings that decide its bits."""
        return settled_versions()

    def candidate(self, name: str, config: dict[str, Any], device: str) -> str:
        """Returns the format's name; raises bad_request `unsupported_format`."""
        del device
        check_format(name, config)
        return name

    def tokens(self, batch: Batch) -> int:
        """Returns how many tokens distances are summed over: all but pads."""
        return batch.unpadded

    def score_steps(self, params: dict[str, Any], batches: int) -> int:
        """Returns the batches that `score_size` asks for, at most `confidence_batches`."""
        steps = score_steps(params["score_size"], params["batch_size"], batches)
        return min(steps, params["confidence_batches"] or steps)

    def score(
        self,
        context: Any,
        params: dict[str, Any],
        candidates: list[str],
        load: Callable[[], nn.Module],
        loader: Loader,
        partials: list[Partials],
    ) -> Iterator[tuple[list[Scored], int]]:
        """Yields the scores of the one format.

        Raises:
            RunnerError: gate_failed `unknown_layers`; those of `check_ranking`, `check_groups`,
                `Subgraphs`.
        """
        (name,), (kept,) = candidates, partials
        _check_path(params)
        model = load()
        _check_layers(model)
        layers = layers_of(model)
        groups = group_layers(layers, kept_layers(params["scope"], params["include_lm_head"]))
        steps = self.score_steps(params, len(loader))
        scored = _bounded(groups, params)
        ops = {name: layer for group in scored for name, layer in group.layers.items()}
        self.facts["resident_bytes_loaded"] = resident()
        with settled():
            found = _measured(context, params, model, ops, loader, steps, kept)
        self.facts["resident_bytes_scored"] = resident()
        ranked = [
            RankedOp(op, type(ops[op]).__name__, sum(values), {})
            for op, (values, _) in found.items()
            if values
        ]
        check_ranking(ranked, name)
        table = Table(
            [_group(group, group in scored, found) for group in groups],
            [(path, type(layer).__name__) for path, layer in layers.items()],
            CHARGED_BITS,
        )
        head = params["include_lm_head"] and (
            params["max_ops"] is None
            or any(group.enabled and family(group) == "lm_head" for group in table.groups)
        )
        check_groups(table.groups, list(layers), head, name)
        text = ranking_document(
            ranked,
            params,
            measured_counts(loader.batches, steps, self.tokens, params),
            environment_of(context.device, params, self.versions()),
            {},
        )
        self._ranking.create().write_bytes(text.encode())
        yield [(0, table)], 1


def _measured(
    context: Any,
    params: dict[str, Any],
    model: nn.Module,
    ops: dict[str, nn.Module],
    loader: Loader,
    steps: int,
    partials: Partials,
) -> dict[str, tuple[list[float], int]]:
    if params["path"] == "inc":
        return Subgraphs(context, model, loader.batches[:steps], partials).measure(ops)
    configs = qconfigs(sorted({type(layer).__name__ for layer in ops.values()}))
    return Loop(context, model, loader, steps, partials).measure(ops, configs)


def _check_path(params: dict[str, Any]) -> None:
    if params["method"] == "hawq_v2" and params["path"] != "inc":
        raise bad_request(
            "path",
            "hawq_v2 is measured by INC alone; the path asked for is loop.",
            next_step='Set path to "inc".',
        )


def _check_layers(model: nn.Module) -> None:
    """Refuses a model with experts: leaving them out would leave out most of its weights."""
    stacked = stacked_layers(model)
    if stacked:
        raise gate_failed(
            "unknown_layers",
            f"{stacked}, which INC does not quantize.",
            next_step="Score a mixture of experts with ModelOpt: the op sensitivity_scores.",
        )


def _bounded(groups: list[LayerGroup], params: dict[str, Any]) -> list[LayerGroup]:
    """Returns the groups that are scored: from the first, as long as all their ops fit in."""
    left = params["max_ops"]
    found = []
    for group in groups:
        if not group.enabled:
            continue
        if params["path"] == "inc" and not all(map(Subgraphs.takes, group.layers.values())):
            continue
        if left is not None:
            left -= len(group.layers)
            if left < 0:
                break
        found.append(group)
    return found


def _group(group: LayerGroup, scored: bool, found: dict[str, tuple[list[float], int]]) -> Group:
    score: float | None = 0.0
    calls = [0]
    if scored:
        measured = [found[name] for name in group.layers]
        calls = [count for _, count in measured]
        score = sum(sum(values) for values, _ in measured) if all(calls) else None
    return Group(
        name=next(iter(group.layers)),
        modules=tuple(group.layers),
        weights=group.weights,
        enabled=scored,
        score=score,
        executions=sum(calls) if min(calls) else 0,
    )
