"""The engine weight_error by itself: its formula by hand, its documents, the same bits twice."""

import json

import pytest
import torch
from harness import FakeContext, compile_schema, run_op
from material import squared_error
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.runner.failures import RunnerError
from aqm_runner.weight_error.engine import squared_error as error_of
from aqm_runner.weight_error.inputs import InputSquares
from aqm_runner.weight_error.quantize import fake_quantize, weight_format

INT4 = weight_format("INT4", {"weight": {"num_bits": 4, "axis": 0}})


class Text(nn.Module):
    """A model of one text layer, which is called with what it shall see."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: torch.Tensor, attention_mask: torch.Tensor, use_cache: bool) -> None:
        del attention_mask, use_cache
        self.layer(values)


def squares_of(layer: nn.Module, *batches: Batch) -> InputSquares:
    squares = InputSquares({"layer": layer})
    squares.watch(FakeContext(), Text(layer), Loader(list(batches), "cpu"))
    return squares


def batch(values: torch.Tensor, mask: list[list[int]]) -> Batch:
    attention_mask = torch.tensor(mask)
    inputs = {"values": values, "attention_mask": attention_mask}
    return Batch(inputs, torch.zeros_like(attention_mask))


def test_the_score_is_the_squared_error_times_the_mean_square_of_the_input():
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[7.0, 1.4, 0.0], [0.7, 0.26, -0.14]]))
    # Int4, a scale a row: largest / 7 apart, so 1.4 -> 1, and 0.26 -> 0.3, -0.14 -> -0.1.
    means = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    by_hand = 0.4**2 * 10 + 0.04**2 * 10 + 0.04**2 * 100
    assert error_of(layer, means, INT4) == pytest.approx(by_hand, rel=1e-5)


def test_the_mean_is_over_all_tokens_but_pads():
    layer = nn.Linear(2, 1)
    first = torch.tensor([[[9.0, 9.0], [1.0, 2.0]], [[3.0, 0.0], [1.0, 4.0]]])
    second = torch.tensor([[[5.0, 2.0]]])
    squares = squares_of(layer, batch(first, [[0, 1], [1, 1]]), batch(second, [[1]]))
    assert squares.mean("layer").tolist() == [(1 + 9 + 1 + 25) / 4, (4 + 0 + 16 + 4) / 4]
    assert squares.calls == {"layer": 2}


def test_a_layer_that_no_token_reaches_has_no_mean():
    squares = squares_of(nn.Linear(2, 1), batch(torch.ones(1, 1, 2), [[0]]))
    assert squares.mean("layer") is None


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 2, 2), ((2, 1), (0, 1), (1, 2))]
)
def test_a_convolution_is_a_linear_layer_at_every_place(stride, padding, dilation):
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 5, (2, 3), stride, padding, dilation)
    images = torch.randn(4, 3, 9, 8)
    squares = squares_of(layer, batch(images, [[1]]))
    patches = nn.functional.unfold(images, (2, 3), dilation, padding, stride)
    places = patches.transpose(1, 2).flatten(0, 1)
    expected = places.double().square().mean(0).reshape(3, 2, 3)
    torch.testing.assert_close(squares.mean("layer"), expected, rtol=1e-5, atol=1e-6)


def test_a_convolution_in_groups_is_refused():
    layer = nn.Conv2d(4, 4, 1, groups=2)
    with pytest.raises(RunnerError) as caught:
        squares_of(layer, batch(torch.ones(1, 4, 2, 2), [[1]]))
    assert caught.value.reason == "unsupported_layer"


def test_the_expected_output_error_is_met_where_input_features_do_not_go_together():
    """By its source the score is E ||(Q(W) - W) x||^2 for features that are not correlated."""
    torch.manual_seed(0)
    layer = nn.Linear(16, 8, bias=False)
    tokens = torch.randn(1, 200_000, 16) * torch.linspace(0.1, 3, 16)
    squares = squares_of(layer, batch(tokens, [[1] * tokens.shape[1]]))
    difference = fake_quantize(layer.weight, INT4) - layer.weight
    measured = float((tokens @ difference.T).square().sum(-1).mean())
    assert error_of(layer, squares.mean("layer"), INT4) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize(
    "weight",
    [
        {"num_bits": [2, 1], "axis": None},
        {"num_bits": 16},
        {"num_bits": 8, "block_sizes": {"-1": 16, "type": "dynamic"}},
        {"num_bits": 8, "block_sizes": {"-1": 16, "scale_bits": [4, 3]}},
        {"num_bits": [4, 3], "block_sizes": {"-1": 128, "-2": 128}},
        {"num_bits": 8, "effective_bits": 6},
    ],
)
def test_what_it_cannot_simulate_is_refused_by_name(weight):
    with pytest.raises(RunnerError, match="weights of ODD") as caught:
        weight_format("ODD", {"weight": weight})
    assert caught.value.reason == "unsupported_format"


def test_images_that_share_batches_count_as_they_do_alone(image_inputs, tmp_path):
    """Pads count for nothing, so that only the order of sums differs."""
    found = []
    for size in (1, 4):
        params = squared_error("all_layers", batch_size=size, padding="longest")
        run_op("weight_error_scores", params, image_inputs, tmp_path / str(size))
        groups = json.loads((tmp_path / str(size) / "scores").read_text())["groups"]
        found.append({group["name"]: group["score"] for group in groups if group["enabled"]})
    alone, shared = found
    assert shared == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("scope", ["lm", "all_layers"])
def test_a_document_is_whole_and_the_same_twice(scope, lm_inputs, image_inputs, tmp_path):
    inputs = lm_inputs if scope == "lm" else image_inputs
    texts = []
    for time in ("first", "second"):
        run_op("weight_error_scores", squared_error(scope), inputs, tmp_path / time)
        texts.append((tmp_path / time / "scores").read_bytes())
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    compile_schema("scores").validate(document)
    assert document["engine"] == "weight_error"
    assert document["format"] == {
        "name": "INT8_WEIGHTS",
        "charged_bits": 8.0,
        "weight_error": {"weight": {"num_bits": 8, "axis": 0}},
    }
    assert "modelopt" not in document["environment"]
    scored = [group for group in document["groups"] if group["enabled"]]
    assert all(group["score"] > 0 for group in scored)
    vision = [group for group in document["groups"] if ".visual." in group["name"]]
    assert all(group["enabled"] == (scope == "all_layers") for group in vision)
