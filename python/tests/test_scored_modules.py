"""Modules of many kinds, scored in the wraps and by ModelOpt alone: the same bits, or an error."""

import contextlib
from collections.abc import Callable

import modelopt.torch.quantization as mtq
import pytest
import torch
from material import config
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import model_calib
from modelopt.torch.quantization.algorithms import QuantRecipeHparam
from torch import nn
from transformers import Qwen2MoeConfig, Qwen2MoeForCausalLM

from aqm_runner.model.determinism import make_deterministic
from aqm_runner.modelopt.shared_scoring import shared_scoring

WIDTH = 16
PER_ROW, PER_TENSOR = {"num_bits": 8, "axis": 0}, {"num_bits": 8, "axis": None}
FORMATS = [config(PER_ROW, PER_TENSOR), config({"num_bits": 4, "axis": 0}, None)]


def scores(
    make: Callable[[], nn.Module], batches: list[torch.Tensor], wrapped: bool
) -> dict[tuple[str, str, str], float]:
    """Returns (group, format, module) to its score."""
    make_deterministic("cpu")
    model = make()
    with shared_scoring() if wrapped else contextlib.nullcontext():
        mtq.auto_quantize(
            model,
            constraints={"effective_bits": 16.0},
            quantization_formats=[each | {"algorithm": "max"} for each in FORMATS],
            data_loader=batches,
            forward_step=lambda model, batch: model(batch),
            loss_func=lambda output, _: getattr(output, "logits", output).float().square().mean(),
            num_calib_steps=len(batches),
            num_score_steps=len(batches),
            disabled_layers=["*lm_head*"],
            verbose=False,
        )
    names = {module: name for name, module in model.named_modules()}
    return {
        (group, str(recipe), names[module]): score.item()
        for group, hparam in named_hparams(model, unique=True)
        if isinstance(hparam, QuantRecipeHparam)
        for recipe, found in hparam._importance_dict.items()
        for module, score in found.items()
        if score is not None
    }


def numbers() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(2, 5, WIDTH, generator=draw).clamp(-1, 1) for _ in range(2)]


class Two(nn.Module):
    """Two linear layers, and something between them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(WIDTH, WIDTH)
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def between(self, data: torch.Tensor) -> torch.Tensor:
        return data.tanh()

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return self.second(self.between(self.first(self.embed(data))))


class NewWeight(Two):
    """A model that gives a layer another weight before each call."""

    def between(self, data: torch.Tensor) -> torch.Tensor:
        self.second.weight = nn.Parameter(self.second.weight.detach() * 1.01)
        return data


def hooked() -> nn.Module:
    model = Two()
    model.second.register_forward_hook(lambda _module, _input, output: output * 3)
    return model


def experts() -> nn.Module:
    shape = Qwen2MoeConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        moe_intermediate_size=32,
        shared_expert_intermediate_size=32,
        num_experts=8,
        num_experts_per_tok=4,
        use_cache=False,
    )
    shape._experts_implementation = "eager"
    return Qwen2MoeForCausalLM(shape).to(torch.bfloat16).eval()


@pytest.mark.parametrize("make", [Two, NewWeight, hooked])
def test_linear_layers_have_modelopts_scores(make):
    ours = scores(make, numbers(), wrapped=True)
    assert len(ours) >= 4
    assert ours == scores(make, numbers(), wrapped=False)


def test_experts_whose_input_others_read_have_modelopts_scores():
    """Gradients of experts are summed up before those of the shared expert and the router join."""
    draw = torch.Generator().manual_seed(1)
    tokens = [torch.randint(0, 64, (2, 24), generator=draw) for _ in range(2)]
    ours = scores(experts, tokens, wrapped=True)
    assert any(name.endswith("experts") for _, _, name in ours)
    assert ours == scores(experts, tokens, wrapped=False)


@pytest.mark.parametrize("overwritten", [(0, 1), (0,), (1,)])
def test_an_output_that_is_overwritten_in_some_batches_has_no_scores(monkeypatch, overwritten):
    """What is written takes the output's hook away, so that this call's gradient never comes."""
    # ModelOpt leaves it turned over where it is stopped by an error.
    name = "_ENABLE_FOLDING_PQS_TO_WEIGHTS"
    monkeypatch.setattr(model_calib, name, getattr(model_calib, name))
    batches = numbers()
    for at in overwritten:
        batches[at][0, 0, 0] = 2

    class Overwriting(Two):
        def forward(self, data: torch.Tensor) -> torch.Tensor:
            hidden = self.first(self.embed(data))
            if data[0, 0, 0] == 2:
                hidden[:, 0] = 0
            return self.second(hidden)

    with pytest.raises(RuntimeError, match="overwritten"):
        scores(Overwriting, batches, wrapped=True)
