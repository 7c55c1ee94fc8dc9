"""HAWQ_V2: how much the loss bends in the weights of an op, times how far INT8 moves them.

The score of an op is |t| * ||Q(W) - W||^2: t is the mean of the diagonal of the Hessian of the
loss (cross-entropy, nats a token) with respect to the op's weight, Q is INC's rounding of weights.
t is estimated by Hutchinson's method: the mean of v' H v over random vectors v of signs. Source:
Dong et al., HAWQ-V2 (arXiv 1911.03852), where the model is trained, so that t is not negative.
Where it is, its absolute value counts, and the document shows t.

The loss is the mean over samples of each sample's mean, without pads.

The estimates are INC's (`HessianTrace`), with the changes that docs/inc.md names. Two seeds share
the work: the score is of the mean of both, and how well they agree is told beside it.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from aqm_runner.inc.agreement import spearman
from aqm_runner.inc.findings import Findings
from aqm_runner.model.batches import IGNORED, Batch
from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.partials import Partials

# Random vectors of one partial result.
AT_ONCE = 10


class Logits(nn.Module):
    """A language model as INC calls it: from embeddings to logits, (samples, vocabulary, tokens).

    INC asks for a gradient of the input, which token ids have not, and has one input alone, so that
    the batch at hand is set from outside.

    Args:
        model: With eager attention, which has second derivatives.
    """

    # INC fuses modules of a model that has no attribute of this name, which fails on these.
    graph = True

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.batch: Batch | None = None

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Returns the logits that predict a token each: all but those of the last position."""
        assert self.batch is not None
        samples, tokens = self.batch.labels.shape
        positions = torch.arange(tokens).expand(3, samples, tokens)
        found = self.model(
            inputs_embeds=embeddings,
            attention_mask=self.batch.inputs["attention_mask"],
            position_ids=positions,
            use_cache=False,
        )
        return found.logits[:, :-1].transpose(1, 2)


class Embedded:
    """The batches as INC walks them: embeddings and what is to be predicted.

    Args:
        logits: Is told the batch at hand.
        batches: At least one.
    """

    def __init__(self, logits: Logits, batches: list[Batch]) -> None:
        self._logits = logits
        self._batches = batches
        self.batch_size = batches[0].samples

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        embed = self._logits.model.get_input_embeddings()
        for batch in self._batches:
            self._logits.batch = batch
            yield embed(batch.inputs["input_ids"]).detach().clone(), batch.labels[:, 1:]


def traces(
    model: nn.Module, pairs: Any, samples: int, iterations: int, seed: int
) -> dict[str, float]:
    """Returns the mean of the Hessian's diagonal, by path of a weight without its last part.

    Args:
        model: Parameters that require a gradient count.
        pairs: Yields inputs and targets; has `batch_size`.
        samples: How many there are.
        iterations: Random vectors.
        seed: Of these.
    """
    from neural_compressor.adaptor.torch_utils.hawq_metric import HessianTrace

    class Held:
        """What INC takes for its own model."""

    held = Held()
    held.model = model  # type: ignore[attr-defined]
    found = HessianTrace(held, pairs, None, criterion=nn.CrossEntropyLoss(ignore_index=IGNORED))
    # INC adds the products to noise instead of to zero, and stops when a sum of traces is negative.
    found._sample_normal_like_params = lambda: [torch.zeros_like(p) for p in found.params]
    found.tolerance = -math.inf
    found.max_iter = iterations
    torch.manual_seed(seed)
    return found.get_weight_traces(samples)


def hessian_findings(
    context: Any,
    model: nn.Module,
    ops: dict[str, nn.Module],
    configs: dict[str, Any],
    batches: list[Batch],
    iterations: int,
    seed: int,
    partials: Partials,
) -> Findings:
    """Returns the scores of ops.

    Args:
        context: Gets a phase and steps.
        model: A language model in float32 on a CPU; its attention becomes eager.
        ops: Path and layer of all ops that the scope lets be scored.
        configs: torch's QConfig by class name of a layer.
        batches: What the loss is measured on.
        iterations: Random vectors of each seed.
        seed: Of the first half; the other half has the next.
        partials: Keeps each ten vectors.
    """
    model.set_attn_implementation("eager")
    model.requires_grad_(False)
    embedding = model.get_input_embeddings().weight
    for name, layer in ops.items():
        if layer.weight is embedding:
            raise unsupported_here(
                "tied_head",
                f"{name} shares its weight with the embedding, whose part of the trace is another.",
                next_step="Leave the output layer out (include_lm_head: false), or take mse_v2.",
            )
        layer.weight.requires_grad_(True)
    logits = Logits(model)
    alone = unpadded(batches)
    pairs, samples = Embedded(logits, alone), len(alone)
    starts = range(0, iterations, AT_ONCE)
    context.phase("score", 2 * len(starts))
    halves: list[dict[str, float]] = []
    for own in (seed, seed + 1):
        sums = dict.fromkeys(ops, 0.0)
        for start in starts:
            count = min(AT_ONCE, iterations - start)
            found = partials.measure(
                f"{len(batches)} batches, seed {own}, vectors {start} to {start + count}",
                lambda count=count, own=own, start=start: traces(
                    logits, pairs, samples, count, own * 1_000_003 + start
                ),
            )
            for name in ops:
                sums[name] += found[f"model.{name}"] * count
            context.step(len(halves) * len(starts) + start // AT_ONCE + 1)
        halves.append({name: total / iterations for name, total in sums.items()})
    errors = {name: weight_error(layer, configs) for name, layer in ops.items()}
    check = diagonal_check(logits, pairs, next(iter(ops)), next(iter(ops.values())))
    model.requires_grad_(False)
    first, second = ([abs(half[name]) * errors[name] for name in ops] for half in halves)
    means = {name: (halves[0][name] + halves[1][name]) / 2 for name in ops}
    return Findings(
        {name: abs(means[name]) * errors[name] for name in ops},
        dict.fromkeys(ops, len(batches)),
        {name: {"trace": means[name], "weight_error": errors[name]} for name in ops},
        {
            "trace_iterations": iterations,
            "seeds": [seed, seed + 1],
            "spearman_of_seeds": spearman(first, second),
            "negative_traces": sum(mean < 0 for mean in means.values()),
            "diagonal_check": check,
        },
    )


def unpadded(batches: list[Batch]) -> list[Batch]:
    """Returns each sample as a batch of its own without its pads; a lone token predicts nothing.

    Attention of a pad that sees nothing is constant, yet its derivative is not zero: one entry of
    the diagonal was off by a sixth.
    """
    found = []
    for batch in batches:
        mask = batch.inputs["attention_mask"].bool()
        for row, own in enumerate(mask):
            inputs = {name: value[row, own][None] for name, value in batch.inputs.items()}
            labels = batch.labels[row, own][None]
            if labels.shape[1] > 1:
                found.append(Batch(inputs, labels))
    return found


@torch.no_grad()
def weight_error(layer: nn.Module, configs: dict[str, Any]) -> float:
    """Returns ||Q(W) - W||^2 of a layer's weight, rounded as INC's observer of weights has it."""
    observer = configs[type(layer).__name__].weight()
    weight = layer.weight.detach()
    observer(weight)
    scales, zeros = observer.calculate_qparams()
    rounded = torch.quantize_per_channel(
        weight, scales, zeros.long(), observer.ch_axis, torch.qint8
    )
    return float((rounded.dequantize() - weight).square().sum(dtype=torch.float64))


def diagonal_check(logits: nn.Module, pairs: Any, name: str, layer: nn.Module) -> dict[str, Any]:
    """Returns one entry of the Hessian's diagonal by derivatives and by differences.

    It is that of the op's largest weight: the second derivative that the traces are made from, and
    (g(w + e) - g(w - e)) / 2e with the first derivative g and e a tenth of the weight.
    """
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORED)
    weight = layer.weight
    row, column = divmod(int(weight.detach().abs().argmax()), weight.shape[-1])
    embeddings, targets = next(iter(pairs))

    def gradient(create: bool) -> torch.Tensor:
        loss = criterion(logits(embeddings), targets)
        return torch.autograd.grad(loss, weight, create_graph=create)[0][row, column]

    exact = float(torch.autograd.grad(gradient(True), weight)[0][row, column])
    with torch.no_grad():
        value = weight[row, column].clone()
        step = float(value.abs()) / 10
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[row, column] = value + sign * step
        sides.append(float(gradient(False)))
    with torch.no_grad():
        weight[row, column] = value
    return {
        "op_name": name,
        "entry": [row, column],
        "second_derivative": exact,
        "difference": (sides[0] - sides[1]) / (2 * step),
    }
