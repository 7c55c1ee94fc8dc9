"""An image classifier in the shape that the engines read: a text of which one token is predicted.

Engines compare the distribution at one position with the label at the next (`model.batches`). The
class of an image is such a prediction: of the second and last token of a sample.
"""

from typing import Any

import torch
from torch import nn

from aqm_runner.model.batches import IGNORED, Batch
from aqm_runner.model.images import read_image, unreadable_image
from aqm_runner.model.samples import Sample
from aqm_runner.runner.places import Place

# A divergence compares distributions, so that the class that stands at a counted place is not read.
ANY_CLASS = 0


def predict_one_token(model: nn.Module) -> nn.Module:
    """Returns the model, whose logits (samples, classes) become (samples, 2, classes).

    The names of its layers stay as they are. The last position is counted by no loss.
    """
    model.register_forward_hook(_with_positions)
    return model


def pixel_batches(
    context: Any, processor: Any, images: Place, samples: list[Sample], batch_size: int
) -> list[Batch]:
    """Returns batches of images; captions are left alone.

    Args:
        context: Told of the phase `prepare` and its steps.
        processor: Of the checkpoint.
        images: Folder that the samples' paths begin at.
        samples: One image each.
        batch_size: Images a batch; the last may have fewer.

    Returns:
        Inputs `pixel_values` (samples, 3, height, width); labels (samples, 2) with one counted.

    Raises:
        RunnerError: gate_failed `unreadable_image` naming the image.
    """
    context.phase("prepare", len(samples))
    pixels = []
    for done, sample in enumerate(samples, start=1):
        image = read_image(images, sample.image_relpath)
        try:
            pixels.append(processor(images=image, return_tensors="pt")["pixel_values"])
        except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
            said = f"cannot be used by the image processor: {error}"
            raise unreadable_image(images, sample.image_relpath, said) from error
        context.step(done)
    return [
        Batch(
            {"pixel_values": torch.cat(part)},
            torch.tensor([[IGNORED, ANY_CLASS]]).expand(len(part), -1),
        )
        for start in range(0, len(pixels), batch_size)
        for part in [pixels[start : start + batch_size]]
    ]


def _with_positions(module: nn.Module, inputs: Any, output: Any) -> Any:
    del module, inputs
    output.logits = output.logits.unsqueeze(1).expand(-1, 2, -1)
    return output
