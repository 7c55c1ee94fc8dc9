"""Runs of every op, for the tests that are about all of them: small, offline, the same each time.

A new op needs an entry in RUNS. Its runs should reach every branch that imports or draws something.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from autoround_material import choosing, delta_loss, tuned_quality, tuning
from drawn_sets import asking
from hub_web import INCLUDE, REPOSITORY, REVISION
from material import (
    COCO,
    HELD_OUT,
    SAMPLE,
    SUBSET,
    TRAINING,
    answering,
    classifying,
    exporting,
    inc_quantizing,
    inc_scoring,
    measuring,
    ranging,
    recipe_answering,
    recipe_exporting,
    recipe_measuring,
    scoring,
    searching,
    squared_error,
)


@dataclass(frozen=True)
class Given:
    """What there is to run ops on; see the fixtures of the same names.

    Attributes:
        placed: A folder with COCO's own layout.
        hub: URL of a local server that speaks the hub's language.
    """

    coco: Path
    placed: Path
    annotations: dict[str, Path]
    sample: Path
    lm_inputs: dict[str, Path]
    image_inputs: dict[str, Path]
    quality_inputs: dict[str, dict[str, Path]]
    export_inputs: dict[str, dict[str, Path]]
    search_inputs: dict[str, dict[str, Path]]
    vit_inputs: dict[str, Path]
    hub: str


@dataclass(frozen=True)
class Run:
    """Params and inputs (role to path) of one action.

    Attributes:
        refused: The reason with which a gate refuses its result; None: it has one.
    """

    params: dict[str, Any]
    inputs: dict[str, Path]
    refused: str | None = None


def _hub_checkpoint(given: Given) -> list[Run]:
    params = {"hub": REPOSITORY, "revision": REVISION, "endpoint": given.hub, "include": INCLUDE}
    return [Run(params, {})]


def _sensitivity_scores(given: Given) -> list[Run]:
    return [
        Run(scoring("lm"), given.lm_inputs),
        Run(scoring("all_layers", "INT8"), given.image_inputs),
    ]


def _weight_error_scores(given: Given) -> list[Run]:
    return [
        Run(squared_error("lm"), given.lm_inputs),
        Run(squared_error("all_layers"), given.image_inputs),
    ]


def _recipe_export(given: Given) -> list[Run]:
    inputs = {role: given.quality_inputs["lm"][role] for role in ("checkpoint", "database")}
    return [Run(recipe_exporting("INT8_SMOOTHQUANT_CFG"), inputs)]


def _input_ranges(given: Given) -> list[Run]:
    return [
        Run(
            ranging(scope),
            {role: given.quality_inputs[scope][role] for role in ("checkpoint", "database", *more)},
        )
        for scope, more in (("lm", ()), ("all_layers", ("images",)))
    ]


def _export(given: Given) -> list[Run]:
    return [
        Run(exporting(scope, "FP8", "INT8", "INT8_WEIGHTS"), given.export_inputs[scope])
        for scope in ("lm", "all_layers")
    ]


def _plan_quality(given: Given) -> list[Run]:
    return [
        Run(measuring("lm", "INT4_WEIGHTS", "FP8"), given.quality_inputs["lm"]),
        Run(measuring("all_layers", "INT4_WEIGHTS", "FP8"), given.quality_inputs["all_layers"]),
    ]


def _recipe_quality(given: Given) -> list[Run]:
    inputs = {role: path for role, path in given.quality_inputs["lm"].items() if role != "plan"}
    return [Run(recipe_measuring("lm", "INT4_AWQ_CFG"), inputs)]


def _measured_search(given: Given) -> list[Run]:
    return [
        Run(searching("lm", "INT4_WEIGHTS", "FP8", measurements=20), given.search_inputs["limit"]),
        Run(searching("lm", "INT4_WEIGHTS", "FP8", measurements=20), given.search_inputs["goal"]),
    ]


def _plan_answers(given: Given) -> list[Run]:
    images = {"held_out_images": given.coco / "images"}
    return [
        Run(answering(scope, "INT4_WEIGHTS", "FP8"), given.quality_inputs[scope] | images)
        for scope in ("lm", "all_layers")
    ]


def _recipe_answers(given: Given) -> list[Run]:
    inputs = {role: path for role, path in given.quality_inputs["lm"].items() if role != "plan"}
    inputs["held_out_images"] = given.coco / "images"
    return [Run(recipe_answering("lm", "INT4_AWQ_CFG"), inputs)]


def _serving_check(given: Given) -> list[Run]:
    # Where these tests run, there is no vLLM; what it says is tested in its own environment.
    inputs = {"checkpoint": given.lm_inputs["checkpoint"]}
    return [Run({"device": {"kind": "cpu"}}, inputs, refused="no_vllm")]


def _inc_scores(given: Given) -> list[Run]:
    # Where these tests run, there is no INC; what it measures is tested in its own environment.
    return [Run(inc_scoring("lm"), given.lm_inputs, refused="no_inc")]


def _inc_quantize(given: Given) -> list[Run]:
    inputs = given.lm_inputs | {"ops": given.lm_inputs["captions"]}
    return [Run(inc_quantizing("lm"), inputs, refused="no_inc")]


def _autoround_scores(given: Given) -> list[Run]:
    # Where these tests run, there is no AutoRound; its tests are in its own environment.
    return [Run(delta_loss("lm"), given.lm_inputs, refused="no_auto_round")]


def _autoround_choice(given: Given) -> list[Run]:
    return [Run(choosing("lm"), given.lm_inputs, refused="no_auto_round")]


def _autoround_export(given: Given) -> list[Run]:
    inputs = {role: given.quality_inputs["lm"][role] for role in ("checkpoint", "plan", "database")}
    return [Run(tuning("INT8_WEIGHTS"), inputs, refused="no_auto_round")]


def _autoround_quality(given: Given) -> list[Run]:
    inputs = {role: path for role, path in given.quality_inputs["lm"].items() if role != "plan"}
    inputs["quantized"] = inputs["checkpoint"]
    return [Run(tuned_quality("llm_compressor"), inputs, refused="no_auto_round")]


def _text_sample(given: Given) -> list[Run]:
    return [Run(*asking("text_sample", "lines", given.sample / "captions", None))]


def _table_sample(given: Given) -> list[Run]:
    # Where these tests run, there is no pyarrow; tables are read in their own environment.
    asked = asking("table_sample", "parquet", given.sample / "captions", {"field": "text"})
    return [Run(*asked, refused="no_pyarrow")]


RUNS: dict[str, Callable[[Given], list[Run]]] = {
    "autoround_choice": _autoround_choice,
    "autoround_export": _autoround_export,
    "autoround_quality": _autoround_quality,
    "autoround_scores": _autoround_scores,
    "calibration_sample": lambda given: [Run(SAMPLE, given.annotations)],
    "checkpoint_tensors": lambda given: [Run({}, {"checkpoint": given.lm_inputs["checkpoint"]})],
    "calibration_subset": lambda given: [Run(SUBSET, {"database": given.sample / "database"})],
    "calibration_draw": lambda given: [
        Run(
            {**SUBSET, "seed": 1, "apart_from": 0, "number": 1},
            {"database": given.sample / "database"},
        )
    ],
    "coco_annotations": lambda given: [Run({"source": str(given.placed), "archive": None}, {})],
    "coco_images": lambda given: [
        Run({"source": str(given.coco / "images")}, {"database": given.sample / "database"})
    ],
    "compressed_tensors_export": _export,
    "held_out_sample": lambda given: [
        Run(
            HELD_OUT | {"part": part},
            given.annotations | {"calibration": given.sample / "database"},
        )
        for part in ("search", "report")
    ],
    "hub_checkpoint": _hub_checkpoint,
    "inc_quantize": _inc_quantize,
    "inc_scores": _inc_scores,
    "input_ranges": _input_ranges,
    "measured_search": _measured_search,
    "modelopt_export": _export,
    "plan_answers": _plan_answers,
    "plan_quality": _plan_quality,
    "recipe_answers": _recipe_answers,
    "recipe_export": _recipe_export,
    "recipe_quality": _recipe_quality,
    "sensitivity_scores": _sensitivity_scores,
    "serving_check": _serving_check,
    "synthetic_coco": lambda _: [Run(COCO, {})],
    "table_sample": _table_sample,
    "text_sample": _text_sample,
    "tiny_checkpoint": lambda _: [
        Run({"family": family, "seed": 0}, {}) for family in ("qwen3_vl", "qwen2_5_vl", "gemma3")
    ],
    "tiny_vit": lambda _: [Run({"seed": 0}, {})],
    # Two steps teach nothing: that a whole training does is for the committed model to show.
    "trained_checkpoint": lambda _: [Run(TRAINING, {}, refused="did_not_learn")],
    "vit_scores": lambda given: [Run(classifying("INT8"), given.vit_inputs)],
    "weight_error_scores": _weight_error_scores,
}


def runs_of(op: str, given: Given) -> list[Run]:
    """Returns the runs of an op, or fails the test with what to add."""
    if op not in RUNS:
        pytest.fail(
            f"The op {op} has no run that the tests could do. Add one to RUNS in "
            "python/tests/op_runs.py: params and inputs with which it takes about a second and "
            "needs no network. With it, its closure and its determinism are tested.",
            pytrace=False,
        )
    return RUNS[op](given)
