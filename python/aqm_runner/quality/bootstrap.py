"""Percentile bootstrap intervals over samples, with bits that do not depend on the machine.

A resample draws as many samples as there are, with repetition, each with all of its tokens. The
interval of a figure is that of its values on all resamples: at a confidence of 0.95 from the 2.5th
to the 97.5th percentile (Efron and Tibshirani, An Introduction to the Bootstrap, section 13.3).

Only operations enter whose result IEEE 754 fixes: no library may choose the order of a sum. Draws
come from `random_raw` of PCG64, the one stream that NumPy promises to keep.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


@lru_cache(maxsize=2)
def draw_counts(samples: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Returns how often each resample holds each sample, (samples, resamples).

    The draw number r * samples + i, a raw 64-bit number x of PCG64(seed), gives place i of resample
    r the sample floor(floor(x / 2^32) * samples / 2^32).
    """
    raw = np.random.PCG64(seed).random_raw(resamples * samples)
    drawn = ((raw >> np.uint64(32)) * np.uint64(samples)) >> np.uint64(32)
    rows = np.repeat(np.arange(resamples, dtype=np.int64), samples)
    flat = np.bincount(rows * samples + drawn.astype(np.int64), minlength=resamples * samples)
    counts = np.ascontiguousarray(flat.reshape(resamples, samples).T, dtype=np.float64)
    counts.setflags(write=False)
    return counts


def nearest_rank(count: int, thousandths: int) -> int:
    """Returns the place, from 1, of a percentile among `count` sorted values: ceil(p * count)."""
    return _rank(count, Fraction(thousandths, 1000))


def interval(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Returns what bounds a figure's values on all resamples.

    Args:
        values: One for each resample.
        confidence: Share of values between the bounds, as 0.95, taken for the decimal number that
            it is written as.
    """
    ordered = np.sort(values)
    beyond = (1 - Fraction(repr(confidence))) / 2
    low, high = (_rank(len(ordered), share) for share in (beyond, 1 - beyond))
    return float(ordered[low - 1]), float(ordered[high - 1])


def resampled_sums(
    per_sample: Sequence[Sequence[float]], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the sum over each resample of several figures, (figures, resamples).

    Args:
        per_sample: Each figure's value for each sample.
        counts: As `draw_counts` returns them.
    """
    figures = np.array(per_sample, dtype=np.float64)
    sums = np.zeros((len(figures), counts.shape[1]))
    for sample in range(counts.shape[0]):  # one after the other: the order of a sum shows
        sums += figures[:, sample, None] * counts[sample]
    return sums


def resampled_percentiles(
    values: NDArray[np.float64],
    owners: NDArray[np.int64],
    tokens: NDArray[np.int64],
    counts: NDArray[np.float64],
    thousandths: Sequence[int],
) -> list[NDArray[np.float64]]:
    """Returns percentiles of token values on each resample, by nearest rank.

    Args:
        values: One for each token, the largest first.
        owners: The sample of each.
        tokens: How many tokens each resample has.
        counts: As `draw_counts` returns them.
        thousandths: The percentiles, as 950; high ones are quick.
    """
    # Counted from the largest: so many tokens are at or above each percentile.
    above = [tokens - np.maximum(1, -(-each * tokens // 1000)) + 1 for each in thousandths]
    looked_at = int(max(each.max() for each in above))
    while True:  # the largest tokens suffice, unless resamples leave many of them out
        looked_at = min(2 * looked_at, len(values))
        seen = np.cumsum(counts[owners[:looked_at]], axis=0)
        if looked_at == len(values) or all(bool((seen[-1] >= each).all()) for each in above):
            return [values[np.argmax(seen >= each, axis=0)] for each in above]


def _rank(count: int, share: Fraction) -> int:
    return max(1, math.ceil(share * count))
