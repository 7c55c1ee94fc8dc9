"""What is scored over: the batches of a request, and how much they hold."""

from collections.abc import Callable
from typing import Any

from aqm_runner.model.batches import Batch, caption_batches, image_batches
from aqm_runner.model.samples import read_captions, read_samples
from aqm_runner.runner.places import Place


def read_batches(context: Any, params: dict[str, Any], inputs: dict[str, Place]) -> list[Batch]:
    """Returns the batches of a request: captions alone for lm, images with captions otherwise.

    Args:
        context: Told of the phase `prepare`.
        params: `scope`, `calibration_samples`, `sequence_length`, `padding` and `batch_size`.
        inputs: As the scope takes them.

    Raises:
        RunnerError: gate_failed `too_few_samples`, `unreadable_image` or that of a database.
    """
    limit, length, padding = (
        params[key] for key in ("calibration_samples", "sequence_length", "padding")
    )
    if params["scope"] == "lm":
        context.phase("prepare", None)
        captions = read_captions(inputs["captions"], limit)
        return caption_batches(
            inputs["checkpoint"], captions, params["batch_size"], length, padding
        )
    samples = read_samples(context, inputs["database"], limit)
    return image_batches(context, inputs["checkpoint"], inputs["images"], samples, length, padding)


def measured_counts(
    batches: list[Batch],
    score_steps: int,
    tokens: Callable[[Batch], int],
    params: dict[str, Any],
) -> dict[str, int]:
    """Returns what the sums of scores run over, in samples, batches and tokens.

    Args:
        batches: All batches, which calibration uses.
        score_steps: How many of them are scored, from the first.
        tokens: How many tokens of a batch scores depend on.
        params: `batch_size` in samples, `sequence_length` in tokens.
    """
    scored = batches[:score_steps]
    return {
        "calibration_samples": sum(batch.samples for batch in batches),
        "calibration_batches": len(batches),
        "score_samples": sum(batch.samples for batch in scored),
        "score_batches": len(scored),
        "score_tokens": sum(tokens(batch) for batch in scored),
        "batch_size": params["batch_size"],
        "sequence_length": params["sequence_length"],
    }
