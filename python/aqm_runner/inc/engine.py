"""The engine inc: Intel Neural Compressor's sensitivity of ops, summed over layer groups.

mse_v2: a group's score is the sum of the distances of its ops (`distances.py`), each measured with
that op alone in INT8. hawq_v2: the sum of its ops' Hessian traces times the squared error of their
weights (`hessian.py`). Sums take ops for independent; INC itself scores ops and no groups.

A group of which `max_ops` leaves out an op is not enabled and scores 0: what was not measured may
not be quantized. Its ops are in no ranking either.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from aqm_runner.inc.configurations import check_format, qconfigs
from aqm_runner.inc.distances import Loop
from aqm_runner.inc.findings import Findings, findings_of_distances
from aqm_runner.inc.hessian import hessian_findings
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
        # INC has no convolution in its saved models here (inc_quantize), so none is scored either.
        others = [path for path, layer in layers.items() if not isinstance(layer, nn.Linear)]
        kept_too = [*kept_layers(model, params["scope"], params["include_lm_head"]), *others]
        groups = group_layers(layers, kept_too)
        steps = self.score_steps(params, len(loader))
        scored = _bounded(groups, params)
        self.facts["resident_bytes_loaded"] = resident()
        with settled():
            found = _found(context, params, model, groups, scored, loader, steps, kept)
        self.facts["resident_bytes_scored"] = resident()
        ranked = [
            RankedOp(op, type(layers[op]).__name__, value, found.more.get(op, {}))
            for op, value in found.scores.items()
            if value is not None
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
            found.meta,
        )
        self._ranking.create().write_bytes(text.encode())
        yield [(0, table)], 1


def _found(
    context: Any,
    params: dict[str, Any],
    model: nn.Module,
    groups: list[LayerGroup],
    scored: list[LayerGroup],
    loader: Loader,
    steps: int,
    partials: Partials,
) -> Findings:
    ops = _ops(scored)
    batches = loader.batches[:steps]
    if params["path"] == "inc" and params["method"] == "mse_v2":
        return findings_of_distances(Subgraphs(context, model, batches, partials).measure(ops))
    # Traces are of all ops in any case: a bound must not change the random vectors.
    everything = _ops([group for group in groups if group.enabled])
    configs = qconfigs(sorted({type(layer).__name__ for layer in everything.values()}))
    if params["method"] == "mse_v2":
        return findings_of_distances(
            Loop(context, model, loader, steps, partials).measure(ops, configs)
        )
    iterations, seed = params["trace_iterations"], params["seed"]
    found = hessian_findings(
        context, model, everything, configs, batches, iterations, seed, partials
    )
    return replace(found, scores={name: found.scores[name] for name in ops})


def _ops(groups: list[LayerGroup]) -> dict[str, nn.Module]:
    return {name: layer for group in groups for name, layer in group.layers.items()}


def _check_path(params: dict[str, Any]) -> None:
    if params["method"] == "hawq_v2" and params["path"] != "inc":
        raise bad_request(
            "path",
            "hawq_v2 is measured by INC alone; the path asked for is loop.",
            next_step='Set path to "inc".',
        )
    if params["method"] == "hawq_v2" and params["scope"] != "lm":
        raise bad_request(
            "scope",
            "hawq_v2 feeds INC embeddings of text, and the scope all_layers has images.",
            next_step='Set method to "mse_v2", or the scope to "lm".',
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


def _group(group: LayerGroup, scored: bool, found: Findings) -> Group:
    score: float | None = 0.0
    calls = [0]
    if scored:
        parts = [found.scores[name] for name in group.layers]
        calls = [found.calls[name] for name in group.layers]
        score = None if None in parts else sum(parts)
    return Group(
        name=next(iter(group.layers)),
        modules=tuple(group.layers),
        weights=group.weights,
        enabled=scored,
        score=score,
        executions=sum(calls) if min(calls) else 0,
    )
