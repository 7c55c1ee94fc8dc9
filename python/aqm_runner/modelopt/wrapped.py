"""Which modules ModelOpt wrapped with quantizers."""

from collections.abc import Iterator

from modelopt.torch.quantization.nn import QuantModule
from torch import nn


def wrapped_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yields (path, module) of every wrapped layer, in module order.

    Layers are linear ones, convolutions, and the experts of a block, which are one module with the
    weights of all of them. Found by what it is, not by asking the searcher: the partition gate
    compares the two. Embeddings are wrapped as well, but AutoQuantize never searches them and
    formats leave them alone.
    """
    for name, module in model.named_modules():
        wrapped = isinstance(module, QuantModule) and not isinstance(module, nn.Embedding)
        if wrapped and any(True for _ in module.iter_weights_for_calibration()):
            yield name, module


def weights_of(module: nn.Module) -> int:
    """Returns the number of weight elements of a wrapped layer, over all its experts."""
    return sum(weight.numel() for weight, _ in module.iter_weights_for_calibration())
