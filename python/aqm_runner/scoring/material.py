"""What is scored over: the batches of a request, and how much they hold."""

from collections.abc import Callable
from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.model.image_batches import image_batches
from aqm_runner.model.samples import read_samples, read_texts
from aqm_runner.model.text_batches import Packing, text_batches
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def read_batches(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> tuple[list[Batch], Packing | None]:
    """Returns the batches of a request: texts alone for lm, images with captions otherwise.

    What was packed comes with them; None: every sample is a row.

    Args:
        context: Told of the phase `prepare`.
        params: `scope`, `calibration_samples`, `sequence_length`, `padding` and `batch_size`.
        inputs: As the scope takes them.

    Raises:
        RunnerError: gate_failed `too_few_samples`, that of a database, and those of
            `text_batches` and `image_batches`.
    """
    limit, length, padding, size = (
        params[key] for key in ("calibration_samples", "sequence_length", "padding", "batch_size")
    )
    checkpoint = inputs["checkpoint"]
    if params["scope"] == "lm":
        context.phase("prepare", None)
        texts = read_texts(context, inputs["captions"], limit)
        return text_batches(checkpoint, texts, size, length, padding)
    samples = read_samples(context, inputs["database"], limit)
    images = inputs["images"]
    return image_batches(context, checkpoint, images, samples, length, padding, size), None


def check_counted(
    scored: list[Batch],
    tokens: Callable[[Batch], int],
    params: dict[str, Any],
    inputs: dict[str, Place],
) -> None:
    """Refuses a batch that no score can depend on: one in which every caption has one token.

    Nothing follows a single token that could be predicted, so that the batch has no loss.

    Args:
        scored: The batches that are scored, from the first.
        tokens: How many tokens of a batch scores depend on.
        params: `scope`.
        inputs: `captions` or `database`, for the message.

    Raises:
        RunnerError: gate_failed `nothing_to_predict` naming the samples.
    """
    first = 1
    for batch in scored:
        last = first + batch.samples - 1
        if tokens(batch) == 0:
            place = inputs["captions" if params["scope"] == "lm" else "database"]
            one = first == last
            raise gate_failed(
                "nothing_to_predict",
                f"{'Sample' if one else 'Samples'} {first if one else f'{first} to {last}'} of "
                f"{place.name} {'has' if one else 'have'} a caption of one token, after which "
                "nothing is left to predict.",
                file=place.name,
                next_step="Take such captions out of the annotation files, or set padding to "
                "max_length, where a first token is predicted from a pad.",
            )
        first = last + 1


def measured_counts(
    batches: list[Batch],
    score_steps: int,
    tokens: Callable[[Batch], int],
    params: dict[str, Any],
    packing: Packing | None = None,
) -> dict[str, Any]:
    """Returns what the sums of scores run over, in samples, batches and tokens.

    Args:
        batches: All batches, which calibration uses.
        score_steps: How many of them are scored, from the first.
        tokens: How many tokens of a batch scores depend on.
        params: `batch_size` in samples, `sequence_length` in tokens.
        packing: What texts were packed into rows, which then are the samples; None: none were.
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
    } | ({} if packing is None else {"packing": packing.document()})
