"""What the wraps around ModelOpt do, and that nothing of them is left afterwards."""

from pathlib import Path
from typing import Any

import pytest
import torch
from harness import FakeContext, place
from material import FORMATS
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms, model_calib, model_quant, utils
from modelopt.torch.quantization.calib import MaxCalibrator
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import nn
from torch.nn.functional import cross_entropy

from aqm_runner.model import loss
from aqm_runner.model.batches import Batch, Loader, caption_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.loss import LOSSES
from aqm_runner.model.samples import read_captions
from aqm_runner.modelopt import memory, squares
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.modelopt.scoring import Scorer, Setting
from aqm_runner.modelopt.shared_scoring import shared_scoring
from aqm_runner.runner.failures import RunnerError

SETTING = Setting("lm", "batch_mean", include_lm_head=False, score_steps=2)
LAYERS = 14  # linear layers of the tiny model's language part


def batches_of(inputs: dict[str, Path]) -> list[Batch]:
    captions = read_captions(place(inputs["captions"], "file"), None)
    return caption_batches(place(inputs["checkpoint"], "folder"), captions, 3, 64, "longest")


def score(inputs: dict[str, Path], *names: str) -> Any:
    """Returns the model after its formats were scored."""
    make_deterministic("cpu")
    model = load_model(place(inputs["checkpoint"], "folder"), "float32", "cpu")
    formats = [as_format(name, FORMATS[name]) for name in names]
    Scorer(FakeContext(), SETTING).score(model, Loader(batches_of(inputs), "cpu"), formats)
    return model


def quantizers(model: nn.Module) -> list[TensorQuantizer]:
    return [
        quantizer
        for _, hparam in named_hparams(model, unique=True)
        if isinstance(hparam, algorithms.QuantRecipeHparam)
        for chosen in hparam._all_quantizer_choices.values()
        for of_module in chosen.values()
        for quantizer in of_module.values()
    ]


def insides() -> list[Any]:
    return [
        algorithms.tqdm,
        algorithms.AutoQuantizeGradientSearcher.estimate_sensitivity_scores,
        algorithms._AutoQuantizeBaseSearcher.run_search,
        model_calib.weight_only_quantize,
        model_calib._ENABLE_FOLDING_PQS_TO_WEIGHTS,
        model_quant.calibrate,
        MaxCalibrator.collect,
        nn.Module.register_full_backward_hook,
        algorithms.QuantRecipe.checkpoint_signature,
    ]


def test_tensors_are_looked_at_once_and_no_difference_is_kept(monkeypatch, lm_inputs):
    looks = []
    largest = utils.reduce_amax
    monkeypatch.setattr(
        utils, "reduce_amax", lambda x, **more: (looks.append(x.shape), largest(x, **more))[1]
    )
    before = insides()
    # FP8 and INT8 take activations whole; INT8 takes weights in rows, FP8 whole.
    model = score(lm_inputs, "INT8", "FP8", "INT8_FP8", "FP8_INT8", "INT8_WEIGHTS")
    assert insides() == before
    batches = 2
    assert len(looks) == LAYERS * batches + LAYERS * 2
    assert not any(hasattr(module, "output_diff_dict") for module in model.modules())
    assert not any("forward" in vars(module) for module in quantizers(model))


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_range_that_is_no_number_is_found_in_any_batch(lm_inputs, odd):
    before = insides()
    model = load_model(place(lm_inputs["checkpoint"], "folder"), "float32", "cpu")
    batches = batches_of(lm_inputs)
    last = batches[-1].inputs["input_ids"]
    alone = next(
        int(token) for token in last.unique() if not (batches[0].inputs["input_ids"] == token).any()
    )
    with torch.no_grad():
        model.get_input_embeddings().weight[alone] = odd
    formats = [as_format(name, FORMATS[name]) for name in ("INT8", "FP8")]
    scorer = Scorer(FakeContext(), SETTING)
    with pytest.raises(RunnerError) as caught:
        scorer.score(model, Loader(batches, "cpu"), formats)
    assert caught.value.reason == "non_finite_score"
    assert "amax" in caught.value.message
    assert insides() == before


def test_formats_share_what_they_quantize_alike(monkeypatch, lm_inputs):
    quantized = []
    quantize = TensorQuantizer._fake_quantize
    monkeypatch.setattr(
        TensorQuantizer,
        "_fake_quantize",
        lambda self, tensor: (quantized.append(tensor.shape), quantize(self, tensor))[1],
    )
    score(lm_inputs, "INT8", "FP8", "INT8_FP8", "FP8_INT8", "INT8_WEIGHTS")
    # In each of two steps weights and inputs of a layer, each in INT8 and in FP8.
    assert len(quantized) == LAYERS * 2 * 4


def test_nothing_is_left_of_the_wraps_after_a_failure(monkeypatch, lm_inputs):
    before = insides()

    def lose(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.Tensor, "clamp_", lose)
    with pytest.raises(RuntimeError, match="out of memory"):
        score(lm_inputs, "FP8")
    assert insides() == before


def test_a_kernel_counts_as_equal_only_if_it_is_so_to_the_bit():
    def unrounded(gradient, quantized, output, largest):
        values = (quantized.float() - output.float()) * gradient
        return values.clamp(-largest, largest).square()

    def swallowing(gradient, quantized, output, largest):
        return squares.in_passes(gradient, quantized, output).nan_to_num(0)

    def same(gradient, quantized, output, largest):
        return squares.in_passes(gradient, quantized, output)

    cpu = torch.device("cpu")
    assert squares.gives_equal_bits(same, cpu)
    assert not squares.gives_equal_bits(unrounded, cpu)
    assert not squares.gives_equal_bits(swallowing, cpu)


class Layer(nn.Module):
    """A layer with nothing to choose, scored as ModelOpt would set it up."""

    def __init__(self) -> None:
        super().__init__()
        self._hparams_for_scoring: set[Any] = set()
        self.shift = nn.Parameter(torch.ones(2))

    def _forward_original(self, data: torch.Tensor) -> torch.Tensor:
        return data + self.shift


def test_a_layer_that_is_called_twice_is_no_layer_to_guess_at():
    layer = Layer()
    with shared_scoring():
        layer.register_full_backward_hook(lambda *_: None)
    data = torch.ones(1, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="called more than once"):
        layer(layer(data)).sum().backward()


def test_an_input_that_is_overwritten_is_not_used_for_scores():
    layer = Layer()
    with shared_scoring():
        layer.register_full_backward_hook(lambda *_: None)
    data = torch.ones(1, 2, requires_grad=True) * 1
    output = layer(data)
    with torch.no_grad():
        data.add_(1)
    with pytest.raises(RuntimeError, match="overwritten"):
        output.backward(torch.ones(1, 2))


def whole_batch_loss(name: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    values, targets = logits[:, :-1].float().flatten(0, 1), labels[:, 1:]
    if name == "batch_mean":
        return cross_entropy(values, targets.flatten())
    each = cross_entropy(values, targets.flatten(), reduction="none").view_as(targets)
    return (each.sum(1) / (targets != -100).sum(1)).sum()


@pytest.mark.parametrize("at_once", [1, 12, 512])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_made_in_parts_is_that_of_the_whole_batch(monkeypatch, name, dtype, at_once):
    monkeypatch.setattr(loss, "TOKENS_AT_ONCE", at_once)
    torch.manual_seed(1)
    logits = torch.randn(3, 7, 501, dtype=dtype).mul_(4).requires_grad_()
    labels = torch.randint(0, 501, (3, 7))
    labels[0, :4] = labels[2, 5] = -100
    expected = whole_batch_loss(name, logits, labels)
    (wanted,) = torch.autograd.grad(expected, logits)
    found = LOSSES[name](logits, labels)
    (gradient,) = torch.autograd.grad(found, logits)
    assert torch.equal(gradient, wanted)
    torch.testing.assert_close(found, expected.float())


def test_the_estimate_counts_what_grows(lm_inputs):
    model = load_model(place(lm_inputs["checkpoint"], "folder"), "float32", "cpu")
    batches = batches_of(lm_inputs)
    tokens = max(batch.labels.numel() for batch in batches)
    text = model.config.text_config
    off = SETTING.disabled_layers(model)
    shared, own = memory.call_bytes(model, batches, off, keeps_differences=True)
    heads = text.head_dim * (text.num_attention_heads * 1 + text.num_key_value_heads * 2)
    block = heads + 2 * text.intermediate_size + 2 * text.hidden_size
    assert own == 4 * tokens * block
    assert shared > tokens * text.vocab_size * 8
    _, with_head = memory.call_bytes(model, batches, ["*visual*"], keeps_differences=True)
    assert with_head - own == 4 * tokens * text.vocab_size
    assert memory.call_bytes(model, batches, off, keeps_differences=False) == (shared, 0)


@pytest.mark.parametrize(
    ("free", "size"), [(None, 16), (10**9, 16), (1700, 8), (1300, 6), (300, 1), (0, 1)]
)
def test_groups_are_equally_large(free, size):
    assert memory.group_size(16, free, shared=500, own=100) == size


def test_no_group_is_split_where_formats_cost_nothing():
    assert memory.group_size(16, free=0, shared=500, own=0) == 16
