"""AutoScheme's scores of one format, from AutoRound's own scoring, with four repairs.

The score of a layer (`get_score_for_scheme` of AutoRound 0.16.1) is a sum over batches:

    sum |dL/dW * (W - Q(W))|  +  sum |dL/dX * (X - Q(X))|

over the elements of its weight W and, where the format rounds activations, of its input X. L is the
mean cross-entropy of a batch's counted tokens, and the gradients are those of the model in which
all scored layers are quantized. Source: AutoRound's delta-loss, a Taylor term of the first order
(arXiv 2309.05516 has the tuning; AutoScheme is described in the package's docs alone). The absolute
value is taken of each element, so that scores of layers add up to that of their group.

What is repaired in 0.16.1, each held by a test:

- `_custom_score_forward` leaves activations out of the forward pass and of the score: turned off.
- The input of a model's first layers needs no gradient, so that the error of their activations is
  left out silently: the input is made to need one.
- The gradient of a block of MXFP4 activations that are all zero, as those of a pad may be, is NaN
  and spoils the gradients of all layers: such a block gets zero.
- The public way in keeps scores in a cache whose key leaves out the weights, drops short samples,
  and reads data from the network: the scoring function is called itself, with our batches.
"""

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from aqm_runner.autoround.formats import Format
from aqm_runner.autoround.library import all_fields, part
from aqm_runner.model.batches import Loader


class Batches:
    """Our batches in the form in which AutoRound takes them, with the labels of our loss.

    Args:
        context: Told of the steps, counted from `done`.
        loader: All batches.
        steps: How many of them are scored, from the first.
        done: Steps that were told of before.
    """

    def __init__(self, context: Any, loader: Loader, steps: int, done: int) -> None:
        self._context = context
        self._loader = loader
        self._steps = steps
        self._done = done
        self.yielded = 0

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in self._loader:
            if self.yielded == self._steps:
                break
            self.yielded += 1
            yield {**batch.inputs, "labels": batch.labels}
            self._context.step(self._done + self.yielded)


class Scored:
    """What scoring found.

    Attributes:
        scores: By path of the layer.
        bits: Of all weights of a layer with their scales, as AutoScheme counts them, by path.
        calls: Forward calls of each layer while it was quantized, by path.
    """

    def __init__(self, layers: list[str]) -> None:
        self.scores: dict[str, float] = {}
        self.bits: dict[str, int] = {}
        self.calls = dict.fromkeys(layers, 0)


def score_layers(
    model: nn.Module, layers: dict[str, nn.Module], format_: Format, batches: Batches
) -> Scored:
    """Returns the scores of one format; the model is as before afterwards.

    Args:
        model: In evaluation mode, on the device of the batches.
        layers: Path and module of the linear layers to score; all of them are quantized at a time.
        format_: What they are quantized to.
        batches: What the scores are sums over.
    """
    delta_loss = part("auto_scheme.delta_loss")
    utils = part("auto_scheme.utils")
    found = Scored(list(layers))
    asked = [(weight, weight.requires_grad) for weight in model.parameters()]
    with _repaired(delta_loss, {id(layer): name for name, layer in layers.items()}, found, batches):
        try:
            utils.apply_quant_scheme(model, list(layers), {}, all_fields(format_.scheme))
            scores = delta_loss.get_score_for_scheme(
                model,
                None,
                list(layers),
                {},
                "",
                need_weight_grad=True,
                enable_torch_compile=False,
                low_gpu_mem_usage=False,
            )
        finally:
            utils.remove_quant_scheme(model)
            for weight, before in asked:
                weight.requires_grad_(before)
                weight.grad = None
            # The library's wrappers refer to each other; what they hold is most of a GPU's memory.
            gc.collect()
    # In our order: the library's goes by what a set of names gives.
    found.scores = {name: float(scores[name][1]) for name in layers}
    found.bits = {name: int(scores[name][0]) for name in layers}
    return found


def without_empty_blocks(gradient: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Returns the gradient of values with zero for NaN where the value itself is zero."""
    return gradient.masked_fill(gradient.isnan() & (values == 0), 0)


@contextlib.contextmanager
def _repaired(
    delta_loss: Any, names: dict[int, str], found: Scored, batches: Batches
) -> Iterator[None]:
    """Puts our batches and the repairs in place for one call."""
    wrapper = delta_loss.AutoSchemeWrapperLinear
    original, loader = wrapper.__init__, delta_loss.get_dataloader

    def init(self: Any, orig_layer: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, orig_layer, *args, **kwargs)
        self._custom_score_forward = False
        name = names[id(orig_layer)]

        def reach(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            found.calls[name] += 1
            first, *others = inputs
            if not first.requires_grad:
                first = first.detach().requires_grad_()
            # A hook that held the tensor itself would keep it, and all that it was made from.
            values = first.detach()
            first.register_hook(lambda gradient: without_empty_blocks(gradient, values))
            return (first, *others)

        self.register_forward_pre_hook(reach)

    wrapper.__init__ = init
    delta_loss.get_dataloader = lambda *_args, **_kwargs: batches
    try:
        yield
    finally:
        wrapper.__init__ = original
        delta_loss.get_dataloader = loader
