"""Output differences given back as soon as they are used, instead of at the next forward pass.

For every scored module ModelOpt keeps what each format changes in the module's output, until the
module's next forward pass: for Qwen3-VL-4B about 2.7 GB a format and 1024 tokens of a batch. Its
backward hook is the only reader. Here the hook is wrapped: once it has run, its module's
differences go, so that one layer's worth is in memory. Scores are not touched.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn


@contextlib.contextmanager
def released_differences() -> Iterator[None]:
    """Wraps the backward hooks that are registered meanwhile on modules that are scored."""
    original = nn.Module.register_full_backward_hook

    def register(module: nn.Module, hook: Any, prepend: bool = False) -> Any:
        scored = hasattr(module, "_hparams_for_scoring")
        return original(module, _releasing(hook) if scored else hook, prepend)

    nn.Module.register_full_backward_hook = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_full_backward_hook = original  # type: ignore[method-assign]


def _releasing(hook: Any) -> Any:
    def release(module: Any, grad_input: Any, grad_output: Any) -> Any:
        if not any(module.output_diff_dict.values()):
            # ModelOpt would use the last call's differences a second time; silence would change
            # the score.
            raise RuntimeError(
                f"a scored {type(module).__name__} is called more than once in a forward pass"
            )
        result = hook(module, grad_input, grad_output)
        for differences in module.output_diff_dict.values():
            differences.clear()
        return result

    return release
