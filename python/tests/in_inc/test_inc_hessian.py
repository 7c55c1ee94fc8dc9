"""HAWQ_V2 of Intel Neural Compressor, as it is once its traces are what they are called."""

import json

import pytest
import torch
from harness import FakeContext, run_op
from material import inc_scoring
from torch import nn

from aqm_runner.inc.agreement import spearman
from aqm_runner.inc.hessian import traces
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.partials import Partials


class Small(nn.Module):
    """Two layers, small enough to write down the whole Hessian."""

    graph = True  # as of `hessian.Logits`

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4, bias=False)
        self.second = nn.Linear(4, 2, bias=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(values)))


class Pairs:
    batch_size = 5

    def __init__(self) -> None:
        self.values, self.targets = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])

    def __iter__(self):
        yield self.values.clone(), self.targets


def test_a_trace_is_the_mean_of_the_hessian_s_diagonal():
    torch.manual_seed(0)
    model, pairs = Small(), Pairs()
    found = traces(model, pairs, 5, iterations=2000, seed=1)
    for name in ("first", "second"):
        weight = model.get_submodule(name).weight

        def loss(flat, name=name, weight=weight):
            parameters = {f"{name}.weight": flat.reshape(weight.shape)}
            output = torch.func.functional_call(model, parameters, (pairs.values,))
            return nn.functional.cross_entropy(output, pairs.targets)

        hessian = torch.autograd.functional.hessian(loss, weight.detach().flatten())
        # Products of different weights average out slowly: at 2000 vectors to some thousandths.
        assert found[name] == pytest.approx(float(hessian.diagonal().mean()), abs=5e-3)


def test_scores_say_how_far_two_seeds_agree_and_continue_where_they_stopped(lm_inputs, tmp_path):
    asked = inc_scoring(method="hawq_v2", path="inc", trace_iterations=20, confidence_batches=1)
    for run, expected in (("a", (4, 0)), ("b", (0, 4))):
        context = FakeContext()
        context.partials = Partials(tmp_path / "kept")
        run_op("inc_scores", asked, lm_inputs, tmp_path / run, context)
        measured, reused = expected
        assert context.partials.facts() == {"items": {"measured": measured, "reused": reused}}
    assert (tmp_path / "a/ops").read_bytes() == (tmp_path / "b/ops").read_bytes()
    ops = json.loads((tmp_path / "a/ops").read_text())
    meta, items = ops["meta"], ops["int8_requant_sensitivity"]
    assert meta["seeds"] == [0, 1]
    assert -1 <= meta["spearman_of_seeds"] <= 1
    assert meta["negative_traces"] == sum(item["trace"] < 0 for item in items)
    for item in items:
        assert item["mse"] == pytest.approx(abs(item["trace"]) * item["weight_error"])
    check = meta["diagonal_check"]
    assert check["difference"] == pytest.approx(check["second_derivative"], rel=0.01)


@pytest.mark.parametrize(
    ("scope", "changes", "reason"),
    [("lm", {"path": "loop"}, "path"), ("all_layers", {"path": "inc"}, "scope")],
)
def test_what_inc_cannot_do_is_refused(lm_inputs, image_inputs, tmp_path, scope, changes, reason):
    inputs = lm_inputs if scope == "lm" else image_inputs
    with pytest.raises(RunnerError) as refused:
        run_op("inc_scores", inc_scoring(scope, method="hawq_v2", **changes), inputs, tmp_path)
    assert refused.value.reason == reason


def test_ranks_of_equal_values_are_shared():
    assert spearman([1, 2, 3], [10, 20, 30]) == 1
    assert spearman([1, 2, 3], [3, 2, 1]) == -1
    assert spearman([1, 1, 2], [1, 1, 2]) == pytest.approx(1)
    assert spearman([1, 1], [1, 2]) is None
