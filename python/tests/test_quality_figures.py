"""Figures and intervals, each against a computation of its own: loops over samples, no sharing."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from aqm_runner.quality import bootstrap, tokens
from aqm_runner.quality.bootstrap import draw_counts
from aqm_runner.quality.figures import (
    Intervals,
    figures_of,
    reference_figures,
    sample_sums,
    single_figure,
)
from aqm_runner.quality.tokens import TokenFigures, compare

LENGTHS = [3, 1, 7, 4, 12, 2]
INTERVALS = Intervals(resamples=300, seed=5)


def some_tokens(lengths: list[int] = LENGTHS, seed: int = 0) -> TokenFigures:
    random = np.random.default_rng(seed)
    count = sum(lengths)
    agreement = (random.random(count) < 0.8).astype(float)
    return TokenFigures(
        random.exponential(0.01, count),
        agreement,
        random.exponential(2, count),
        random.random(count),
    )


def resamples(samples: int, intervals: Intervals) -> list[list[int]]:
    """Returns the samples of each resample, drawn one number at a time."""
    generator = np.random.PCG64(intervals.seed)
    return [
        [(int(generator.random_raw()) >> 32) * samples >> 32 for _ in range(samples)]
        for _ in range(intervals.resamples)
    ]


def rank(values: list[float], thousandths: int) -> float:
    """Returns the smallest value that so many thousandths of the values do not exceed."""
    ordered = sorted(values)
    return next(
        value
        for place, value in enumerate(ordered, start=1)
        if place * 1000 >= thousandths * len(ordered)
    )


def by_hand(figure, lengths: list[int], intervals: Intervals) -> dict[str, float]:
    """Returns a figure of all samples and its interval; `figure` takes samples' token places."""
    ends = np.cumsum([0, *lengths])
    places = [list(range(start, end)) for start, end in pairwise(ends.tolist())]
    values = [
        figure([places[sample] for sample in drawn]) for drawn in resamples(len(lengths), intervals)
    ]
    return {"value": figure(places), "low": rank(values, 25), "high": rank(values, 975)}


def flat(samples: list[list[int]]) -> list[int]:
    return [place for sample in samples for place in sample]


@pytest.mark.parametrize("lengths", [LENGTHS, [5, 5], [1] * 40, [300, 1, 1]])
def test_every_figure_and_interval_is_that_of_a_loop_over_samples(lengths):
    found = some_tokens(lengths)
    mean = lambda values: lambda samples: math.fsum(values[flat(samples)]) / len(flat(samples))  # noqa: E731
    expected = {
        "kl": mean(found.kl),
        "kl_p95": lambda samples: rank(found.kl[flat(samples)].tolist(), 950),
        "kl_p99": lambda samples: rank(found.kl[flat(samples)].tolist(), 990),
        "top1_agreement": mean(found.agreement),
        "loss": mean(found.loss),
        "perplexity": lambda samples: math.exp(mean(found.loss)(samples)),
        "logit_mse": mean(found.squared_error),
        "logit_mse_last": lambda samples: (
            math.fsum(found.squared_error[sample[-1]] for sample in samples) / len(samples)
        ),
        "kl_last": lambda samples: (
            math.fsum(found.kl[sample[-1]] for sample in samples) / len(samples)
        ),
    }
    figures = figures_of(found, lengths, INTERVALS)
    assert figures.keys() == expected.keys()
    for name, figure in expected.items():
        by_hand_ = by_hand(figure, lengths, INTERVALS)
        assert figures[name] == pytest.approx(by_hand_, rel=1e-12, abs=1e-15), name
    short = figures_of(found, lengths, INTERVALS, only_kl=True)
    assert short["kl"] == figures["kl"]
    assert all(short[name] == {"value": figures[name]["value"]} for name in short if name != "kl")
    assert reference_figures(found.loss, lengths, INTERVALS) == {
        name: figures[name] for name in ("loss", "perplexity")
    }
    assert sample_sums(found.kl, lengths) == pytest.approx(
        [found.kl[start:end].sum() for start, end in pairwise(np.cumsum([0, *lengths]))]
    )


def test_the_ratio_of_perplexities_is_that_of_a_loop_over_the_same_samples_of_both():
    found, before = some_tokens(LENGTHS), some_tokens(LENGTHS, seed=8).loss
    mean = lambda values, samples: math.fsum(values[flat(samples)]) / len(flat(samples))  # noqa: E731
    figures = figures_of(found, LENGTHS, INTERVALS, unquantized_loss=before)
    ratio = lambda samples: math.exp(mean(found.loss, samples)) / math.exp(mean(before, samples))  # noqa: E731
    assert figures["perplexity_ratio"] == pytest.approx(by_hand(ratio, LENGTHS, INTERVALS))
    assert figures["loss"] == figures_of(found, LENGTHS, INTERVALS)["loss"]
    same = figures_of(found, LENGTHS, INTERVALS, unquantized_loss=found.loss)
    assert same["perplexity_ratio"] == {"value": 1.0, "low": 1.0, "high": 1.0}


@pytest.mark.parametrize("name", ["kl", "top1_agreement", "perplexity_ratio", "logit_mse"])
def test_a_single_figure_is_that_of_all_figures_with_an_interval_of_any_confidence(name):
    found, before = some_tokens(LENGTHS), some_tokens(LENGTHS, seed=8).loss
    figures = figures_of(found, LENGTHS, INTERVALS, unquantized_loss=before)
    asked = (name, found, before, LENGTHS, INTERVALS)
    assert single_figure(*asked, None) == {"value": figures[name]["value"]}
    assert single_figure(*asked, 0.95) == figures[name]
    wide, narrow = single_figure(*asked, 0.99), single_figure(*asked, 0.5)
    assert wide["low"] <= figures[name]["low"] <= narrow["low"] <= narrow["high"]
    assert narrow["high"] <= figures[name]["high"] <= wide["high"]
    assert wide["low"] < narrow["low"]


@pytest.mark.parametrize(
    ("confidence", "low", "high"),
    [(0.9, 50, 950), (0.95, 25, 975), (0.99, 5, 995), (0.5, 250, 750)],
)
def test_an_interval_has_the_share_of_resamples_that_its_confidence_says(confidence, low, high):
    for count in (100, 300, 2000, 333):
        values = np.random.default_rng(count).random(count)
        expected = rank(values.tolist(), low), rank(values.tolist(), high)
        assert bootstrap.interval(values, confidence) == expected


def test_draws_are_those_of_pcg64_and_every_resample_is_as_large_as_the_set():
    counts = draw_counts(len(LENGTHS), INTERVALS.resamples, INTERVALS.seed)
    drawn = resamples(len(LENGTHS), INTERVALS)
    expected = [[each.count(sample) for each in drawn] for sample in range(len(LENGTHS))]
    assert counts.tolist() == expected
    assert set(counts.sum(axis=0)) == {len(LENGTHS)}
    # The raw stream is the promise that intervals rest on.
    assert np.random.PCG64(5).random_raw(2).tolist() == [14849682912918955432, 14903876974979881461]


def test_a_percentile_is_right_where_a_resample_leaves_out_the_largest_tokens():
    lengths = [1] * 30
    found = some_tokens(lengths, seed=3)
    figures = figures_of(found, lengths, Intervals(resamples=2000, seed=0))
    assert figures["kl_p99"]["low"] < figures["kl_p99"]["value"] == max(found.kl)
    assert bootstrap.nearest_rank(30, 990) == 30


def test_a_loss_beyond_all_floats_has_a_perplexity_that_json_can_say():
    loss = np.array([800.0, 900.0])
    found = reference_figures(loss, [1, 1], INTERVALS)
    assert math.isfinite(found["perplexity"]["value"])


@pytest.mark.parametrize("at_once", [1, 40, 1 << 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tokens_are_compared_as_the_formulas_say_in_parts_of_any_size(monkeypatch, dtype, at_once):
    monkeypatch.setattr(tokens, "VALUES_AT_ONCE", at_once)
    torch.manual_seed(2)
    ours, theirs = (torch.randn(9, 33, dtype=dtype) * 3 for _ in range(2))
    labels = torch.randint(0, 33, (9,))
    found = compare(theirs, ours, labels)
    p, q = theirs.double().softmax(-1), ours.double().softmax(-1)
    expected = torch.stack(
        [
            (p * (p / q).log()).sum(-1),
            (p.argmax(-1) == q.argmax(-1)).double(),
            -q[range(9), labels].log(),
            (ours.double() - theirs.double()).square().mean(-1),
        ]
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    same = compare(ours, ours, labels)
    assert same[[0, 1, 3]].unique(dim=1).flatten().tolist() == [0, 1, 0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_single_logit_that_is_no_number_is_noticed(bad):
    ours = torch.randn(4, 10)
    broken = ours.clone()
    broken[2, 7] = bad
    found = TokenFigures(*compare(ours, broken, torch.zeros(4, dtype=torch.int64)).numpy())
    assert not found.finite
    assert TokenFigures(*compare(ours, ours, torch.zeros(4, dtype=torch.int64)).numpy()).finite
