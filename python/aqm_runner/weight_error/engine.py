"""The engine weight_error: how far a format moves a layer's output, as far as weights say it.

A group's score is the sum over its layers' weights of

    (Q(W)_ij - W_ij)^2 * mean_t (x_tj)^2

where Q(W) is the quantized weight, i an output and j an input feature (for a convolution, an input
channel and a place in the kernel), and t runs over the tokens (for vision layers, patches) of all
batches. Its unit is that of a squared output, summed over output features and averaged over tokens.

It is the expected squared error of the output, E ||(Q(W) - W) x||^2, without the products of
different input features: the diagonal of the matrix X X^T, whose double is the Hessian of the
layer's squared error. Sources: that objective, Frantar, Singh and Alistarh, Optimal Brain
Compression (arXiv 2208.11580), equation 2; the diagonal with the squared error of a column, as a
measure of sensitivity, Lee et al., OWQ (arXiv 2306.02272).

The score is of weights alone: formats that differ only in activations score the same. It knows no
loss, so that it compares layers by how large their outputs are, and not by what depends on them.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.partials import Partials
from aqm_runner.scoring.gates import check_groups
from aqm_runner.scoring.grouping import LayerGroup, group_layers, layers_of, stacked_layers
from aqm_runner.scoring.scopes import kept_layers
from aqm_runner.scoring.table import Group, Scored, Table
from aqm_runner.weight_error.inputs import InputSquares
from aqm_runner.weight_error.quantize import WeightFormat, fake_quantize, weight_format


class WeightError:
    """Scores by the squared error of weights, weighted with the mean square of their inputs."""

    name = "weight_error"

    def check(self) -> None:
        """Passes: the engine needs torch alone."""

    def versions(self) -> dict[str, str]:
        """Returns nothing besides torch and transformers."""
        return {}

    def candidate(self, name: str, config: dict[str, Any], device: str) -> tuple[str, WeightFormat]:
        """Returns name and format; raises what `weight_format` raises."""
        del device
        return name, weight_format(name, config)

    def tokens(self, batch: Batch) -> int:
        """Returns how many tokens reach text layers: all but pads, those of images included."""
        return batch.unpadded

    def score_steps(self, params: dict[str, Any], batches: int) -> int:
        """Returns all: the mean squares are over all batches, and nothing else needs data."""
        del params
        return batches

    def score(
        self,
        context: Any,
        params: dict[str, Any],
        candidates: list[tuple[str, WeightFormat]],
        load: Callable[[], nn.Module],
        loader: Loader,
        partials: list[Partials],
    ) -> Iterator[tuple[list[Scored], int]]:
        """Yields all scores at once; formats with the same weights are worked out once."""
        del partials  # seconds on a GPU: nothing worth keeping
        model = load()
        _check_layers(model)
        layers = layers_of(model)
        groups = group_layers(
            layers, kept_layers(model, params["scope"], params["include_lm_head"])
        )
        watched = {
            name: layer for group in groups if group.enabled for name, layer in group.layers.items()
        }
        squares = InputSquares(watched)
        squares.watch(context, model, loader)
        modules = [(name, type(layer).__name__) for name, layer in layers.items()]
        formats = list(dict.fromkeys(format_ for _, format_ in candidates))
        context.phase("score", len(formats) * len(groups))
        tables: dict[WeightFormat, Table] = {}
        for format_ in formats:
            scored: list[Group] = []
            for group in groups:
                scored.append(_scored(group, format_, squares))
                context.step(len(tables) * len(groups) + len(scored))
            tables[format_] = Table(scored, modules, format_.charged_bits)
        yield (
            [
                (index, _checked(tables[format_], name, params["include_lm_head"]))
                for index, (name, format_) in enumerate(candidates)
            ],
            1,
        )


@torch.no_grad()
def squared_error(layer: nn.Module, means: torch.Tensor, format_: WeightFormat) -> float:
    """Returns the sum over a layer's weights of squared error times mean square of the input.

    Args:
        layer: Its `weight` is (outputs, inputs, ...).
        means: Mean squares, float64, of the weight's shape without its first axis.
        format_: What the weight is rounded to.
    """
    difference = fake_quantize(layer.weight, format_).float() - layer.weight.float()
    return float((difference.square_().sum(0, dtype=torch.float64) * means).sum())


def _check_layers(model: nn.Module) -> None:
    """Refuses a model with experts: leaving them out would leave out most of its weights.

    Raises gate_failed `unknown_layers` naming the first module that has weights of several layers.
    """
    stacked = stacked_layers(model)
    if stacked:
        raise gate_failed(
            "unknown_layers",
            f"{stacked}, which weight_error does not score.",
            next_step="Score a mixture of experts with ModelOpt: the op sensitivity_scores.",
        )


def _scored(group: LayerGroup, format_: WeightFormat, squares: InputSquares) -> Group:
    score: float | None = 0.0
    calls = [0]
    if group.enabled:
        calls = [squares.calls[name] for name in group.layers]
        parts = [
            None if means is None else squared_error(layer, means, format_)
            for name, layer in group.layers.items()
            for means in [squares.mean(name)]
        ]
        score = None if None in parts else sum(parts)
    return Group(
        name=next(iter(group.layers)),
        modules=tuple(group.layers),
        weights=group.weights,
        enabled=group.enabled,
        score=score,
        executions=sum(calls) if min(calls) else 0,
    )


def _checked(table: Table, name: str, include_lm_head: bool) -> Table | RunnerError:
    try:
        check_groups(table.groups, [path for path, _ in table.modules], include_lm_head, name)
    except RunnerError as error:
        return error
    return table
