"""AutoRound's AutoScheme as an engine: see `scoring.engine` for the interface.

Linear layers are scored; convolutions are in groups that stay in high precision, as AutoRound
quantizes none. The score of a group is the sum over its layers (`autoround.scoring` has the
formula of a layer).
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from aqm_runner.autoround.formats import Format, as_format
from aqm_runner.autoround.library import VERSION, check_library
from aqm_runner.autoround.scoring import Batches, Scored, score_layers
from aqm_runner.model.batches import Batch, Loader, score_steps
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.partials import Partials
from aqm_runner.scoring.gates import check_groups
from aqm_runner.scoring.grouping import LayerGroup, group_layers, layers_of, stacked_layers
from aqm_runner.scoring.scopes import kept_layers
from aqm_runner.scoring.table import Group, Table
from aqm_runner.scoring.table import Scored as Tables


class AutoRound:
    """Scores by the loss that rounding weights and activations makes, to the first order."""

    name = "autoround"

    def check(self) -> None:
        """Raises unsupported_here `no_auto_round` and `auto_round_version`."""
        check_library()

    def versions(self) -> dict[str, str]:
        """Returns AutoRound's version."""
        return {"auto_round": VERSION}

    def candidate(self, name: str, config: dict[str, Any], device: str) -> Format:
        """Returns a format; raises what `as_format` raises."""
        del device
        return as_format(name, config)

    def tokens(self, batch: Batch) -> int:
        """Returns how many tokens are in the loss."""
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
    ) -> Iterator[tuple[list[Tables], int]]:
        """Yields the scores of one format after the other, all of one model."""
        del partials  # one backward pass has the scores of all layers at once
        model = load()
        check_layers(model)
        layers = layers_of(model)
        groups = scored_groups(model, params)
        scored = {
            name: layer for group in groups if group.enabled for name, layer in group.layers.items()
        }
        modules = [(name, type(layer).__name__) for name, layer in layers.items()]
        steps = self.score_steps(params, len(loader))
        context.phase("score", steps * len(candidates))
        for index, format_ in enumerate(candidates):
            batches = Batches(context, loader, steps, index * steps)
            found = score_layers(model, scored, format_, batches)
            check_batches(batches.yielded, steps)
            table = Table([_scored(each, found) for each in groups], modules, format_.charged_bits)
            yield [(index, _checked(table, format_.name, params["include_lm_head"]))], index + 1


def scored_groups(model: nn.Module, params: dict[str, Any]) -> list[LayerGroup]:
    """Returns all groups of a model; those are enabled that the scope takes and AutoRound can.

    Args:
        model: With its layers as they were loaded.
        params: `scope` and `include_lm_head`.
    """
    layers = layers_of(model)
    kept = kept_layers(model, params["scope"], params["include_lm_head"])
    others = [name for name, layer in layers.items() if not isinstance(layer, nn.Linear)]
    return group_layers(layers, [*kept, *others])


def check_layers(model: nn.Module) -> None:
    """Refuses a model with experts, whose weights AutoRound would first take apart.

    Raises gate_failed `unknown_layers` naming the first module that has weights of several layers.
    """
    stacked = stacked_layers(model)
    if stacked:
        raise gate_failed(
            "unknown_layers",
            f"{stacked}, which this engine does not score.",
            next_step="Score a mixture of experts with ModelOpt: the op sensitivity_scores.",
        )


def check_batches(yielded: int, steps: int) -> None:
    """Refuses scores over fewer batches than were asked for.

    AutoRound drops samples that it finds too short, and all scores over no samples are zero.
    Raises gate_failed `dropped_samples`.
    """
    if yielded != steps:
        raise gate_failed(
            "dropped_samples",
            f"AutoRound went over {yielded} batches of {steps}.",
            next_step="Report it: the engine's way of handing over batches does not fit.",
        )


def _scored(group: LayerGroup, found: Scored) -> Group:
    calls = [found.calls[name] for name in group.layers] if group.enabled else [0]
    parts = [found.scores[name] for name in group.layers] if group.enabled else [0.0]
    return Group(
        name=next(iter(group.layers)),
        modules=tuple(group.layers),
        weights=group.weights,
        enabled=group.enabled,
        score=sum(parts) if min(calls) or not group.enabled else None,
        executions=sum(calls) if min(calls) else 0,
    )


def _checked(table: Table, name: str, include_lm_head: bool) -> Table | RunnerError:
    try:
        check_groups(table.groups, [path for path, _ in table.modules], include_lm_head, name)
    except RunnerError as error:
        return error
    return table
