"""The training: AdamW over batches of lessons, one thread, the same weights each time."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from aqm_runner.training.lessons import IGNORED, Batch

WARM_UP = 100
LEAST_SHARE = 0.05
LONGEST_GRADIENT = 1.0
REPORTS = 20


def train(
    context: Any, model: torch.nn.Module, batches: Iterator[Batch], steps: int, learning_rate: float
) -> None:
    """Trains the model in place, and leaves it in evaluation mode.

    The learning rate rises over 100 steps and falls along a half cosine to a twentieth. Progress
    tells the loss (nats a counted token) of the last batch now and then.

    Raises:
        RunnerError: class cancelled, between two steps.
    """
    _soften(model)
    model.train()
    optimizer = AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = LambdaLR(optimizer, lambda step: _share(step, steps))
    context.phase("train", steps)
    for step in range(steps):
        inputs, labels = next(batches)
        losses = token_losses(model(**inputs).logits, labels)
        loss = losses.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if step % math.ceil(steps / REPORTS) == 0:
            context.phase(f"train, loss {loss.item():.2f}", steps)
        context.step(step + 1)
    model.eval()


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the cross-entropy of every counted token, in nats, in reading order.

    Args:
        logits: (samples, tokens, vocabulary).
        labels: (samples, tokens), -100 where not counted; the token at t is predicted at t - 1.
    """
    wanted = labels[:, 1:]
    counted = wanted != IGNORED
    return cross_entropy(logits[:, :-1][counted], wanted[counted], reduction="none")


def _share(step: int, steps: int) -> float:
    """Returns the share of the full learning rate at a step."""
    cosine = (1 + math.cos(math.pi * step / steps)) / 2
    return min(1, (step + 1) / WARM_UP) * (LEAST_SHARE + (1 - LEAST_SHARE) * cosine)


@torch.no_grad()
def _soften(model: torch.nn.Module) -> None:
    """Scales the first weights to a size from which a model learns.

    The tiny models keep the activations' scale through their layers, so that scores of all layers
    are of one size. A model to be trained starts smaller, its norms at one and its biases at zero.
    """
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.mul_(0.25 if "embed" in name or "lm_head" in name else 0.7)
        else:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
