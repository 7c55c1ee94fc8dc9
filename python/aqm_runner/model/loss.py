"""The losses that scores are gradients of.

Logits are large: for Qwen3-VL-4B 4,096 tokens are 1.2 GB in bfloat16, and float32 copies,
logarithms and their gradients are four times 2.5 GB. A token's gradient depends on no other
token's logits, so both losses work on a few samples at a time and keep only the gradient, in the
logits' own type. Its bits are those of the loss over the whole batch.
"""

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from aqm_runner.model.batches import IGNORED

# Enough rows to keep a device busy, few enough to be small beside the logits of a batch.
TOKENS_AT_ONCE = 512


def batch_mean(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the mean cross-entropy over all counted tokens of the batch, as the original has it.

    Args:
        logits: (samples, tokens, vocabulary), any float type; computed on in float32.
        labels: (samples, tokens), -100 where not counted. Position t is predicted from t - 1, so
            with left padding a sample's first token is predicted from a pad position.
    """
    counted = (labels[:, 1:] != IGNORED).sum().float()
    return _Weighted.apply(logits, labels, (1 / counted).expand(len(labels)))


def sample_sum(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the sum over samples of each sample's mean cross-entropy; shapes as above.

    Unlike `batch_mean`, a sample weighs the same in a batch of any size.
    """
    counted = (labels[:, 1:] != IGNORED).sum(1).clamp(min=1).float()
    return _Weighted.apply(logits, labels, 1 / counted)


LOSSES = {"batch_mean": batch_mean, "sample_sum": sample_sum}


class _Weighted(torch.autograd.Function):
    """The sum over tokens of their sample's weight * cross-entropy; makes the gradient as well."""

    @staticmethod
    def forward(
        context: Any, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        gradient = torch.zeros_like(logits)
        total = torch.zeros((), dtype=torch.float32, device=logits.device)
        tokens = logits.shape[1] - 1
        step = max(1, TOKENS_AT_ONCE // tokens)
        for start in range(0, len(labels), step):
            part = slice(start, start + step)
            slopes = weights[part].repeat_interleave(tokens)
            with torch.enable_grad():
                values = logits[part, :-1].detach().float().flatten(0, 1).requires_grad_()
                losses = cross_entropy(
                    values, labels[part, 1:].flatten(), ignore_index=IGNORED, reduction="none"
                )
            (found,) = torch.autograd.grad(losses, values, slopes)
            gradient[part, :-1] = found.unflatten(0, (-1, tokens))
            total += (losses.detach() * slopes).sum()
        context.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(context: Any, *slopes: torch.Tensor) -> tuple[Any, ...]:
        (gradient,) = context.saved_tensors
        # In its place: a second copy would be the largest tensor of the step. The slope is one.
        return gradient.mul_(slopes[0]), None, None
