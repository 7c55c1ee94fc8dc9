"""What a measurement is made from: calibration batches and held-out batches that share nothing."""

from dataclasses import dataclass
from typing import Any

from aqm_runner.calibration.overlap import refuse_overlap, require_leaked
from aqm_runner.model.batches import Batch
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.samples import read_samples, read_texts
from aqm_runner.quality.figures import Intervals
from aqm_runner.quality.held_out import (
    LEAST_SAMPLES,
    HeldOut,
    check_held_out,
    image_rows,
    make_batches,
    text_rows,
)
from aqm_runner.runner.places import Place

# Roles of inputs; their images have the same name with _images behind it.
HELD_OUT, CONFIRM = "held_out", "held_out_confirm"
APART = "What a search has found on one of them must hold on data that did not drive it."


@dataclass(frozen=True)
class Material:
    """What a measurement is made from.

    Attributes:
        calibration: Batches to find ranges on.
        held_out: What is measured on.
        intervals: How intervals are made.
    """

    calibration: list[Batch]
    held_out: HeldOut
    intervals: Intervals


def intervals_of(params: dict[str, Any]) -> Intervals:
    """Returns how intervals are made, from params of plan_quality."""
    measure = params["measure"]
    return Intervals(measure["resamples"], measure["seed"])


def read_material(context: Any, params: dict[str, Any], inputs: dict[str, Place]) -> Material:
    """Returns the batches of a request.

    Args:
        context: Told of the phase `prepare`.
        params: `scope`, `dtype`, `calibration`, `measure` and maybe `leaked` of plan_quality.
        inputs: `checkpoint`, `database`, `held_out`, and `sample` if there is one; for scope
            all_layers `images` and `held_out_images`.

    Raises:
        RunnerError: bad_request `batch_size`; gate_failed `held_out_overlaps`, `not_leaked`,
            `too_few_samples`, `too_few_tokens`, `nothing_to_predict`, those of a database, and
            those of `text_batches` and `image_batches`.
    """
    context.phase("prepare", None)
    check_apart(inputs, leaked=is_leaked(params))
    batches = calibration_batches(context, params, inputs)
    held_out = _read_held_out(context, params, inputs, HELD_OUT)
    return Material(batches, held_out, intervals_of(params))


def read_confirming(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], least_samples: int
) -> HeldOut:
    """Returns the held-out data by which is confirmed what was found on other such data.

    Args:
        context: Warned.
        params: As of `read_material`.
        inputs: As of `read_material`, `held_out_confirm`, and for scope all_layers
            `held_out_confirm_images`.
        least_samples: So many there must be.

    Raises:
        RunnerError: As `read_material`.
    """
    check_apart(inputs, CONFIRM)
    refuse_overlap(inputs[CONFIRM], inputs[HELD_OUT], APART)
    return _read_held_out(context, params, inputs, CONFIRM, least_samples)


def _read_held_out(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Place],
    role: str,
    least_samples: int = LEAST_SAMPLES,
) -> HeldOut:
    checkpoint, measure = inputs["checkpoint"], params["measure"]
    length = measure["sequence_length"]
    if params["scope"] == "lm":
        rows = text_rows(checkpoint, read_texts(context, inputs[role], None), length)
    else:
        unseen = read_samples(context, inputs[role], None)
        images = inputs[f"{role}_images"]
        rows = image_rows(context, checkpoint, images, unseen, length, params["dtype"])
    held_out = make_batches(rows, measure["batch_size"])
    check_held_out(held_out, measure["least_tokens"], inputs[role], least_samples)
    return held_out


def is_leaked(params: dict[str, Any]) -> bool:
    """Returns whether a request says that its held-out data is part of the calibration data."""
    return params.get("leaked", False)


def check_apart(inputs: dict[str, Place], role: str = HELD_OUT, *, leaked: bool = False) -> None:
    """Looks whether held-out data is what the request says.

    Args:
        inputs: That of `role`, `database`, and `sample` if there is one.
        role: Of the held-out data.
        leaked: All held-out data is said to be in the calibration data; else none may be.

    Raises:
        RunnerError: gate_failed `held_out_overlaps`, or `not_leaked`; those of a database.
    """
    if leaked:
        require_leaked(inputs[role], inputs.get("sample", inputs["database"]))
        return
    refuse_overlap(inputs[role], inputs["database"])
    if "sample" in inputs:
        refuse_overlap(inputs[role], inputs["sample"])
