"""From tokens to figures, each with its interval."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aqm_runner.quality.bootstrap import (
    draw_counts,
    interval,
    nearest_rank,
    resampled_percentiles,
    resampled_sums,
)
from aqm_runner.quality.tokens import TokenFigures

# Means over samples, not over tokens.
OF_SAMPLES = ("logit_mse_last", "kl_last")
PERCENTILES = {"kl_p95": 950, "kl_p99": 990}


@dataclass(frozen=True)
class Intervals:
    """How intervals are made: see `bootstrap`."""

    resamples: int
    seed: int


def figures_of(
    tokens: TokenFigures,
    sample_tokens: list[int],
    intervals: Intervals,
    *,
    only_kl: bool = False,
    unquantized_loss: NDArray[np.float64] | None = None,
) -> dict[str, dict[str, float]]:
    """Returns the figures of a plan by name: `value`, `low` and `high`.

    `kl` (nats a token), `top1_agreement` (share of tokens), `loss` (nats a token) and `logit_mse`
    are means over all counted tokens; `perplexity` is exp(loss); `logit_mse_last` and `kl_last` are
    means over samples of that of their last counted token; `kl_p95` and `kl_p99` are percentiles
    over tokens by nearest rank. `perplexity_ratio` is the plan's perplexity over the unquantized
    model's, both on the same tokens and resamples: exp(mean of the differences of losses).

    Args:
        tokens: Of all samples, one after the other.
        sample_tokens: Counted tokens of each sample; none is zero.
        intervals: How to make them.
        only_kl: Whether only `kl` gets an interval; the others have a `value` alone.
        unquantized_loss: Of each token by the unquantized model, nats; None: there is no
            `perplexity_ratio`.
    """
    lengths = np.array(sample_tokens, dtype=np.int64)
    counts = draw_counts(len(lengths), intervals.resamples, intervals.seed)
    last = np.cumsum(lengths) - 1
    per_sample = {
        "kl": _sums(tokens.kl, lengths),
        "top1_agreement": _sums(tokens.agreement, lengths),
        "loss": _sums(tokens.loss, lengths),
        "logit_mse": _sums(tokens.squared_error, lengths),
        "logit_mse_last": tokens.squared_error[last].tolist(),
        "kl_last": tokens.kl[last].tolist(),
    }
    if unquantized_loss is not None:
        per_sample["excess"] = _sums(tokens.loss - unquantized_loss, lengths)
    measured = ["kl"] if only_kl else list(per_sample)
    sums = resampled_sums(
        [*(per_sample[name] for name in measured), lengths.astype(float).tolist()], counts
    )
    found: dict[str, dict[str, float]] = {}
    for name, values in per_sample.items():
        of_samples = name in OF_SAMPLES
        found[name] = {"value": math.fsum(values) / (len(lengths) if of_samples else lengths.sum())}
        if name in measured:
            weights = len(lengths) if of_samples else sums[-1]
            found[name] |= _bounds(sums[measured.index(name)] / weights)
    found["perplexity"] = {key: exponential(value) for key, value in found["loss"].items()}
    if "excess" in found:
        excess = found.pop("excess")
        found["perplexity_ratio"] = {key: exponential(value) for key, value in excess.items()}
    order = np.argsort(-tokens.kl, kind="stable")
    owners = np.repeat(np.arange(len(lengths)), lengths)[order]
    largest_first = tokens.kl[order]
    for name, thousandths in PERCENTILES.items():
        place = len(order) - nearest_rank(len(order), thousandths)
        found[name] = {"value": float(largest_first[place])}
    if not only_kl:
        totals = sums[-1].astype(np.int64)
        resampled = resampled_percentiles(
            largest_first, owners, totals, counts, list(PERCENTILES.values())
        )
        for name, bounds in zip(PERCENTILES, map(_bounds, resampled), strict=True):
            found[name] |= bounds
    return {name: {key: float(each) for key, each in of.items()} for name, of in found.items()}


def single_figure(
    name: str,
    tokens: TokenFigures,
    unquantized: NDArray[np.float64],
    sample_tokens: list[int],
    intervals: Intervals,
    confidence: float | None,
) -> dict[str, float]:
    """Returns one figure of a plan: `value`, and `low` and `high` where a confidence is asked for.

    `kl`, `top1_agreement` and `logit_mse` are those of `figures_of`; `perplexity_ratio` is that of
    the plan by that of the unquantized model, exp of the mean difference of their losses.

    Args:
        name: Of the figure.
        tokens: Of all samples, one after the other.
        unquantized: Loss of each token by the unquantized model.
        sample_tokens: Counted tokens of each sample; none is zero.
        intervals: How to make them.
        confidence: Of the interval, as 0.95.
    """
    lengths = np.array(sample_tokens, dtype=np.int64)
    per_token = {
        "kl": tokens.kl,
        "top1_agreement": tokens.agreement,
        "logit_mse": tokens.squared_error,
        "perplexity_ratio": tokens.loss - unquantized,
    }[name]
    per_sample = _sums(per_token, lengths)
    found = {"value": float(math.fsum(per_sample) / lengths.sum())}
    if confidence is not None:
        counts = draw_counts(len(lengths), intervals.resamples, intervals.seed)
        sums = resampled_sums([per_sample, lengths.astype(float).tolist()], counts)
        found["low"], found["high"] = interval(sums[0] / sums[1], confidence)
    if name == "perplexity_ratio":
        return {key: exponential(value) for key, value in found.items()}
    return found


def reference_figures(
    loss: NDArray[np.float64], sample_tokens: list[int], intervals: Intervals
) -> dict[str, Any]:
    """Returns `loss` and `perplexity` of the unquantized model, as `figures_of` does."""
    nothing = np.zeros_like(loss)
    found = figures_of(TokenFigures(nothing, nothing, loss, nothing), sample_tokens, intervals)
    return {name: found[name] for name in ("loss", "perplexity")}


def sample_sums(values: NDArray[np.float64], sample_tokens: list[int]) -> list[float]:
    """Returns the sum over each sample's tokens, correctly rounded."""
    return _sums(values, np.array(sample_tokens, dtype=np.int64))


def exponential(loss: float) -> float:
    """Returns exp(loss); the largest float where that is larger than any."""
    try:
        return math.exp(loss)
    except OverflowError:
        return float(np.finfo(np.float64).max)


def _bounds(values: NDArray[np.float64]) -> dict[str, float]:
    low, high = interval(values)
    return {"low": low, "high": high}


def _sums(values: NDArray[np.float64], lengths: NDArray[np.int64]) -> list[float]:
    ends = np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    return [math.fsum(values[start:end]) for start, end in zip(starts, ends, strict=True)]
