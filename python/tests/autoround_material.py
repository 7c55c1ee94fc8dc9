"""Params of AutoRound's ops that the tests share."""

from typing import Any

from material import measuring, scoring

WEIGHTS = {"group_size": -1, "sym": True, "data_type": "int", "act_bits": 16}
TOKENS = {
    "act_bits": 8,
    "act_group_size": -1,
    "act_sym": True,
    "act_data_type": "int",
    "act_dynamic": True,
}
BLOCKS = {"bits": 4, "group_size": 32, "sym": True, "data_type": "mx_fp"}
SCHEMES: dict[str, dict[str, Any]] = {
    "INT4_WEIGHTS": WEIGHTS | {"bits": 4, "group_size": 32},
    "INT8_WEIGHTS": WEIGHTS | {"bits": 8},
    "INT8": WEIGHTS | {"bits": 8} | TOKENS,
    "FP8_WEIGHTS": WEIGHTS | {"bits": 8, "data_type": "fp"},
    "FP8": WEIGHTS | {"bits": 8, "data_type": "fp"} | TOKENS | {"act_data_type": "fp"},
    "MXFP4_WEIGHTS": BLOCKS | {"act_bits": 16},
    "MXFP4": BLOCKS | TOKENS | {"act_bits": 4, "act_group_size": 32, "act_data_type": "mx_fp"},
    "NVFP4_WEIGHTS": BLOCKS | {"group_size": 16, "data_type": "nv_fp", "act_bits": 16},
}


def delta_loss(scope: str = "lm", format_: str = "INT8", **changes: Any) -> dict[str, Any]:
    """Returns params of autoround_scores that go with those of `scoring`."""
    shared = scoring(scope)
    del shared["loss"]
    format_given = {"name": format_, "config": SCHEMES[format_]}
    return shared | {"method": "delta_loss", "format": format_given} | changes


def choosing(scope: str = "lm", **changes: Any) -> dict[str, Any]:
    """Returns params of autoround_choice: two candidates, two budgets, a format a group."""
    shared = delta_loss(scope)
    del shared["format"]
    names = ("INT4_WEIGHTS", "INT8")
    return (
        shared
        | {
            "candidates": [{"name": name, "config": SCHEMES[name]} for name in names],
            "budgets": [6.0, 9.0],
            "unit": "group",
            "count_scales": True,
        }
        | changes
    )


def tuning(*candidates: str, **changes: Any) -> dict[str, Any]:
    """Returns params of autoround_export that finish in seconds."""
    return {
        "scope": "lm",
        "candidates": [{"name": name, "config": SCHEMES[name]} for name in candidates],
        "format": "llm_compressor",
        "iters": 0,
        "seed": 0,
        "dtype": "float32",
        "calibration": measuring("lm")["calibration"],
        "include_lm_head": False,
    } | changes


def tuned_quality(form: str) -> dict[str, Any]:
    """Returns params of autoround_quality that go with those of `tuning`."""
    shared = measuring("lm")
    names = ("scope", "dtype", "calibration", "measure", "attention")
    return {name: shared[name] for name in names} | {"format": form}
