"""What the scopes of an analysis mean: the layers that each leaves, the samples of a batch."""

from typing import Any

from aqm_runner.runner.failures import bad_request

VISION = "*visual*"
LM_HEAD = "*lm_head*"


def kept_layers(scope: str, include_lm_head: bool) -> list[str]:
    """Returns the patterns (as of fnmatch) of layers that stay in high precision.

    Args:
        scope: "lm" leaves the vision part as it is; "all_layers" does not.
        include_lm_head: Whether the output head takes part.
    """
    patterns = [VISION] if scope == "lm" else []
    return patterns if include_lm_head else [*patterns, LM_HEAD]


def check_scope(params: dict[str, Any]) -> None:
    """Refuses images in batches of several samples. Raises bad_request `batch_size`."""
    if params["scope"] == "all_layers" and params["batch_size"] != 1:
        raise bad_request(
            "batch_size",
            f"Scope all_layers scores one sample a batch; batch_size is {params['batch_size']}.",
            next_step="Set batch_size to 1 for all_layers.",
        )
