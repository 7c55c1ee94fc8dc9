"""What each counted token says of a model beside the unquantized one."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Logits in float32 that are worked on at once, some copies of which are in memory together.
VALUES_AT_ONCE = 1 << 26


@dataclass(frozen=True)
class TokenFigures:
    """One float64 for each counted token, samples one after the other.

    Attributes:
        kl: Divergence of the model's next-token distribution from the unquantized one, in nats.
        agreement: 1 where both hold the same token for the most likely, else 0.
        loss: Cross-entropy of the text's own token, in nats.
        squared_error: Mean over the vocabulary of the squared difference of logits.
    """

    kl: NDArray[np.float64]
    agreement: NDArray[np.float64]
    loss: NDArray[np.float64]
    squared_error: NDArray[np.float64]

    @property
    def finite(self) -> bool:
        """Whether all are numbers; an infinite or undefined logit shows in `squared_error`."""
        return all(bool(np.isfinite(values).all()) for values in vars(self).values())


@torch.inference_mode()
def compare(unquantized: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Returns kl, agreement, loss and squared error as (4, tokens) in float64.

    Logarithms are those of float32, sums are in float64:

        kl = sum_v p_v (log p_v - log q_v),  loss = -log q_label,  error = mean_v (b_v - a_v)^2

    with p the softmax of the unquantized logits a, and q that of the logits b.

    Args:
        unquantized: Logits (tokens, vocabulary) in any float type.
        logits: As those, of the model that is judged.
        labels: The token of the text, int64 (tokens).
    """
    rows = max(1, VALUES_AT_ONCE // logits.shape[1])
    parts = []
    for start in range(0, len(logits), rows):
        part = slice(start, start + rows)
        ours, theirs = logits[part].float(), unquantized[part].float()
        error = (ours - theirs).square_().mean(-1, dtype=torch.float64)
        agreement = (ours.argmax(-1) == theirs.argmax(-1)).double()
        ours, theirs = ours.log_softmax(-1), theirs.log_softmax(-1)
        loss = -ours.gather(1, labels[part, None])[:, 0].double()
        kl = theirs.sub(ours).mul_(theirs.exp_()).sum(-1, dtype=torch.float64)
        parts.append(torch.stack([kl, agreement, loss, error]))
    return torch.cat(parts, dim=1)
