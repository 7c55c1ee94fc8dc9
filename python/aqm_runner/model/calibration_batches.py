"""The calibration data of a request as batches, for all that find ranges on it."""

from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.model.image_batches import image_batches
from aqm_runner.model.samples import read_samples, read_texts
from aqm_runner.model.text_batches import text_batches
from aqm_runner.runner.places import Place


def calibration_batches(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> list[Batch]:
    """Returns texts alone for scope lm, images with captions for all_layers.

    Args:
        context: Told of the phase `prepare` where there are images, and warned.
        params: `scope`, and `calibration` with `samples`, `batch_size` in samples,
            `sequence_length` in tokens and `padding`.
        inputs: `checkpoint`, `database`, and for all_layers `images`.

    Raises:
        RunnerError: gate_failed `too_few_samples`, those of a database, and those of
            `text_batches` and `image_batches`.
    """
    calibration, checkpoint = params["calibration"], inputs["checkpoint"]
    length, padding = calibration["sequence_length"], calibration["padding"]
    size = calibration["batch_size"]
    if params["scope"] == "lm":
        texts = read_texts(context, inputs["database"], calibration["samples"])
        return text_batches(checkpoint, texts, size, length, padding)[0]
    samples = read_samples(context, inputs["database"], calibration["samples"])
    return image_batches(context, checkpoint, inputs["images"], samples, length, padding, size)
