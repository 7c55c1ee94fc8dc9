"""Candidate formats: from the request's JSON to ModelOpt's own values, and what they need.

A config is ModelOpt's list style: `{"quant_cfg": [{"quantizer_name", "cfg"?, "enable"?,
"parent_class"?}, ...], "algorithm": ...}`; later entries win.
"""

import re
from typing import Any

from aqm_runner.runner.failures import bad_request, unsupported_here

BARE = ("*", "*weight_quantizer", "*input_quantizer")
# ModelOpt's names of the algorithm by which a range is the largest absolute value.
MAX = ("max", {"method": "max"})
BITS = ("num_bits", "scale_bits")


def native_config(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the config with what JSON cannot say: tuples of bits, integer axes of block sizes."""
    return {key: _native(key, value) for key, value in config.items()}


def check_format(name: str, config: dict[str, Any], device: str) -> None:
    """Refuses a format that would be scored wrongly, or not at all, before any model is loaded.

    Args:
        name: The format's name, for messages.
        config: As in the request.
        device: "cpu" or "cuda".

    Raises:
        RunnerError: bad_request `path_scoped_format`: auto_quantize applies rules to one module at
            a time, so a rule with a path in it never matches and the score is a false zero; rules
            for attention caches are scored with a default INT8 quantizer. bad_request
            `empty_format`: no rule enables a quantizer. unsupported_here `format_needs_cuda`.
    """
    enabled = [
        entry
        for entry in config.get("quant_cfg", [])
        if entry.get("enable", True) and entry.get("cfg") is not None
    ]
    for entry in enabled:
        if entry.get("quantizer_name") not in BARE or "parent_class" in entry:
            raise bad_request(
                "path_scoped_format",
                f"Format {name} enables {entry.get('quantizer_name')}, which AutoQuantize would "
                "not apply while it scores.",
                next_step="Use only the rules *weight_quantizer and *input_quantizer.",
            )
    if not enabled:
        raise bad_request(
            "empty_format",
            f"Format {name} quantizes nothing.",
            next_step="Give its config an enabled *weight_quantizer rule with a cfg.",
        )
    if device != "cuda" and any(_needs_cuda(cfg) for entry in enabled for cfg in _cfgs(entry)):
        raise unsupported_here(
            "format_needs_cuda",
            f"Format {name} has block-scaled FP4/MX numbers, which ModelOpt computes only on CUDA.",
            next_step="Run this target on a CUDA device, or choose an INT8, FP8 or INT4 format.",
        )


def _needs_cuda(cfg: dict[str, Any]) -> bool:
    blocks = cfg.get("block_sizes") or {}
    return (
        tuple(_as_list(cfg.get("num_bits"))) == (2, 1)
        or blocks.get("type") == "dynamic"
        or "scale_bits" in blocks
    )


def _cfgs(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return _as_list(entry["cfg"])


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _native(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {
            int(inner)
            if key == "block_sizes" and re.fullmatch(r"-?\d+", inner)
            else inner: _native(inner, item)
            for inner, item in value.items()
        }
    if isinstance(value, list):
        return tuple(value) if key in BITS else [_native(key, item) for item in value]
    return value
