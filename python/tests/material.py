"""Params that the tests share."""

from typing import Any

COCO = {"train_images": 40, "val_images": 8, "captions_per_image": 5, "seed": 3}
SAMPLE = {"samples": 64, "seed": 42, "coco_root_relative": "../coco"}
SUBSET = {"samples": 6}
TRAINING = {
    "family": "qwen3_vl",
    "seed": 42,
    "steps": 2,
    "batch_size": 4,
    "learning_rate": 0.002,
}
HELD_OUT = {"samples": 1, "seed": 42, "coco_root_relative": "../coco"}

OFF = {"quantizer_name": "*", "enable": False}


def config(weight: dict[str, Any], activation: dict[str, Any] | None) -> dict[str, Any]:
    """Returns a list-style config as the request's JSON has it."""
    entry = {"cfg": activation} if activation else {"enable": False}
    return {
        "quant_cfg": [
            OFF,
            {"quantizer_name": "*weight_quantizer", "cfg": weight},
            {"quantizer_name": "*input_quantizer", **entry},
        ],
        "algorithm": "max",
    }


E4M3 = {"num_bits": [4, 3], "axis": None}
INT8_ROWS = {"num_bits": 8, "axis": 0}
INT8 = {"num_bits": 8, "axis": None}
INT4_BLOCKS = {"num_bits": 4, "block_sizes": {"-1": 128, "type": "static"}}
NVFP4 = {
    "num_bits": [2, 1],
    "block_sizes": {"-1": 16, "type": "dynamic", "scale_bits": [4, 3]},
}
FORMATS = {
    "FP8": config(E4M3, E4M3),
    "INT8": config(INT8_ROWS, INT8),
    "INT8_WEIGHTS": config(INT8_ROWS, None),
    "INT8_FP8": config(INT8_ROWS, E4M3),
    "FP8_INT8": config(E4M3, INT8),
    "INT4_WEIGHTS": config(INT4_BLOCKS, None),
    "INT4_INT8": config(INT4_BLOCKS, INT8),
    "NVFP4": config(NVFP4, NVFP4),
}
CPU_FORMATS = [name for name in FORMATS if name != "NVFP4"]


def scoring(scope: str = "lm", format_: str = "FP8", **changes: Any) -> dict[str, Any]:
    """Returns params of sensitivity_scores that finish in about a second."""
    return {
        "scope": scope,
        "method": "gradient",
        "format": {"name": format_, "config": FORMATS[format_]},
        "dtype": "float32",
        "batch_size": 4 if scope == "lm" else 1,
        "sequence_length": 64,
        "score_size": 4,
        "calibration_samples": None,
        "padding": "max_length",
        "loss": "batch_mean",
        "include_lm_head": scope == "all_layers",
        "attention": "deterministic",
    } | changes


def classifying(format_: str, **changes: Any) -> dict[str, Any]:
    """Returns params of vit_scores that finish in about a second."""
    return {
        "scope": "all_layers",
        "method": "kl_div",
        "format": {"name": format_, "config": FORMATS[format_]},
        "dtype": "float32",
        "batch_size": 4,
        "score_size": 8,
        "calibration_samples": None,
        "attention": "deterministic",
    } | changes


WEIGHTS = {"INT8_WEIGHTS": INT8_ROWS, "FP8_WEIGHTS": E4M3, "INT4_WEIGHTS": INT4_BLOCKS}


def squared_error(
    scope: str = "lm", format_: str = "INT8_WEIGHTS", **changes: Any
) -> dict[str, Any]:
    """Returns params of weight_error_scores that go with those of `scoring`."""
    shared = scoring(scope)
    del shared["score_size"], shared["loss"]
    return (
        shared
        | {
            "method": "squared_error",
            "format": {"name": format_, "config": {"weight": WEIGHTS[format_]}},
        }
        | changes
    )


def inc_scoring(scope: str = "lm", **changes: Any) -> dict[str, Any]:
    """Returns params of inc_scores that go with those of `scoring`."""
    shared = scoring(scope)
    del shared["loss"]
    return (
        shared
        | {
            "method": "mse_v2",
            "path": "loop",
            "format": {"name": "INT8", "config": {"weight": INT8_ROWS, "input": INT8}},
            "confidence_batches": None,
            "max_ops": None,
            "trace_iterations": 200,
            "seed": 0,
        }
        | changes
    )


def inc_quantizing(scope: str = "lm", **changes: Any) -> dict[str, Any]:
    """Returns params of inc_quantize that go with those of `inc_scoring`."""
    shared = inc_scoring(scope)
    kept = (
        "scope",
        "format",
        "dtype",
        "batch_size",
        "sequence_length",
        "calibration_samples",
        "padding",
        "attention",
    )
    return {key: shared[key] for key in kept} | {"measure_samples": 4} | changes


INT3_ROWS = {"num_bits": 3, "axis": 0}
JUDGED = {"INT3": config(INT3_ROWS, None)} | {
    name: FORMATS[name] for name in ("INT4_WEIGHTS", "INT8", "FP8")
}


def measuring(scope: str = "lm", *candidates: str, **changes: Any) -> dict[str, Any]:
    """Returns params of plan_quality that go with those of `scoring`; all of JUDGED by default."""
    return {
        "scope": scope,
        "candidates": [{"name": name, "config": JUDGED[name]} for name in candidates or JUDGED],
        "dtype": "float32",
        "calibration": {
            "samples": None,
            "batch_size": 4 if scope == "lm" else 1,
            "sequence_length": 64,
            "padding": "max_length",
        },
        "measure": {
            "batch_size": 3,
            "sequence_length": 64,
            "least_tokens": 50,
            "resamples": 200,
            "seed": 1,
        },
        "include_lm_head": scope == "all_layers",
        "attention": "deterministic",
    } | changes


def searching(scope: str, *candidates: str, measurements: int, seed: int = 1) -> dict[str, Any]:
    """Returns params of measured_search that are otherwise those of `measuring`."""
    return measuring(scope, *candidates) | {"measurements": measurements, "seed": seed}


def recipe_exporting(recipe: str, **changes: Any) -> dict[str, Any]:
    """Returns params of recipe_export, scope lm, that are otherwise those of `measuring`."""
    return ranging("lm", **changes) | {"recipe": recipe}


def ranging(scope: str, **changes: Any) -> dict[str, Any]:
    """Returns params of input_ranges that are otherwise those of `measuring`."""
    shared = ("scope", "dtype", "calibration", "include_lm_head", "attention")
    return {key: value for key, value in measuring(scope, **changes).items() if key in shared}


def recipe_measuring(scope: str, recipe: str) -> dict[str, Any]:
    """Returns params of recipe_quality that are otherwise those of `measuring`."""
    params = measuring(scope)
    del params["candidates"]
    return params | {"recipe": recipe}


def answering(scope: str, *candidates: str, **changes: Any) -> dict[str, Any]:
    """Returns params of plan_answers that are otherwise those of `measuring`."""
    params = measuring(scope, *candidates)
    del params["measure"]
    prompts = {
        "texts": ["Name two colours.", "Describe a scene."],
        "image_text": "Describe the image.",
        "images": 2,
    }
    return params | {"prompts": prompts, "max_new_tokens": 12} | changes


def recipe_answering(scope: str, recipe: str) -> dict[str, Any]:
    """Returns params of recipe_answers that are otherwise those of `answering`."""
    params = answering(scope)
    del params["candidates"]
    return params | {"recipe": recipe}


def exporting(scope: str, *candidates: str) -> dict[str, Any]:
    """Returns params of the exports."""
    return {
        "scope": scope,
        "candidates": [{"name": name, "config": FORMATS[name]} for name in candidates],
        "dtype": "float32",
        "include_lm_head": scope == "all_layers",
    }
