"""The losses that scores are gradients of."""

import torch

from aqm_runner.vlm.batches import IGNORED


def batch_mean(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the mean cross-entropy over all counted tokens of the batch, as the original has it.

    Args:
        logits: (samples, tokens, vocabulary), any float type; computed on in float32.
        labels: (samples, tokens), -100 where not counted. Position t is predicted from t - 1, so
            with left padding a sample's first token is predicted from a pad position.
    """
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
    )


def sample_sum(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the sum over samples of each sample's mean cross-entropy; shapes as above.

    Unlike `batch_mean`, a sample weighs the same in a batch of any size.
    """
    targets = labels[:, 1:]
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none"
    )
    return (losses.sum(1) / (targets != IGNORED).sum(1).clamp(min=1)).sum()


LOSSES = {"batch_mean": batch_mean, "sample_sum": sample_sum}
