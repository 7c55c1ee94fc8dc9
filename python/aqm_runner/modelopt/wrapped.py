"""Which modules ModelOpt wrapped with quantizers."""

from collections.abc import Iterator

from modelopt.torch.quantization.nn import QuantModule
from torch import nn


def wrapped_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yields (path, module) of every wrapped linear or convolution layer, in module order.

    Found by what it is, not by asking the searcher: the partition gate compares the two. Embeddings
    are wrapped as well, but AutoQuantize never searches them and formats leave them alone.
    """
    for name, module in model.named_modules():
        quantized = isinstance(module, QuantModule) and hasattr(module, "weight_quantizer")
        if quantized and not isinstance(module, nn.Embedding):
            yield name, module
