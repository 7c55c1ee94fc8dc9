"""A format's signature, which ModelOpt compares formats by, is read and not made again."""

import contextlib
from collections.abc import Iterator

from modelopt.torch.quantization.algorithms import QuantRecipe


@contextlib.contextmanager
def kept_signatures() -> Iterator[None]:
    """Takes the place of a property of ModelOpt 0.47.0 for a while.

    A recipe keeps its config as JSON when it is made. The property returns that text, and writes
    the config as JSON each time all the same: as the default of a `getattr`. A search asks for it
    some hundred thousand times, which is a tenth of the time in which nothing is scored.
    """
    original = QuantRecipe.checkpoint_signature
    QuantRecipe.checkpoint_signature = property(  # type: ignore[assignment]
        lambda recipe: recipe._config_signature
    )
    try:
        yield
    finally:
        QuantRecipe.checkpoint_signature = original  # type: ignore[method-assign]
