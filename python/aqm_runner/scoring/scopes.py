"""What the scopes of an analysis mean: the layers that each leaves."""

from torch import nn

from aqm_runner.model.module_kinds import (
    head_patterns,
    idle_patterns,
    router_patterns,
    vision_patterns,
)


def kept_layers(model: nn.Module, scope: str, include_lm_head: bool) -> list[str]:
    """Returns the patterns (as of fnmatch) of layers that stay in high precision.

    What chooses experts always does.

    Args:
        model: With or without numbers (on the device "meta"); without quantizers.
        scope: "lm" leaves all as it is that is not of the language model; "all_layers" only those
            vision layers whose output is not used.
        include_lm_head: Whether the output head takes part.
    """
    patterns = vision_patterns(model) if scope == "lm" else idle_patterns(model)
    head = [] if include_lm_head else head_patterns(model)
    return [*patterns, *router_patterns(model), *head]
