"""The calibration data of a request as batches, for all that find ranges on it."""

from typing import Any

from aqm_runner.model.batches import Batch, caption_batches
from aqm_runner.model.image_batches import image_batches
from aqm_runner.model.samples import Sample, read_samples
from aqm_runner.runner.places import Place


def calibration_batches(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> list[Batch]:
    """Returns captions alone for scope lm, images with captions for all_layers.

    Args:
        context: Told of the phase `prepare` where there are images, and warned.
        params: `scope`, and `calibration` with `samples`, `batch_size` in samples,
            `sequence_length` in tokens and `padding`.
        inputs: `checkpoint`, `database`, and for all_layers `images`.

    Raises:
        RunnerError: gate_failed `too_few_samples`, those of a database, and those of
            `caption_batches` and `image_batches`.
    """
    calibration, checkpoint = params["calibration"], inputs["checkpoint"]
    samples = read_samples(context, inputs["database"], calibration["samples"])
    length, padding = calibration["sequence_length"], calibration["padding"]
    if params["scope"] == "lm":
        return caption_batches(
            checkpoint, as_lines(samples), calibration["batch_size"], length, padding
        )
    return image_batches(context, checkpoint, inputs["images"], samples, length, padding)


def as_lines(samples: list[Sample]) -> list[str]:
    """Returns the captions as `write_samples` writes them into a text file, and scoring reads."""
    return [sample.caption.replace("\n", " ").strip() for sample in samples]
