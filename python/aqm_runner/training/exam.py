"""What a trained model must know of scenes that it has not seen, and the gate."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from aqm_runner.calibration.scenes import Scene
from aqm_runner.runner.failures import gate_failed
from aqm_runner.training.lessons import IGNORED, Batch, picture, question
from aqm_runner.training.train import token_losses

# A model that learned nothing has a loss of 5.9, for which its 380 tokens are all alike. One that
# learned sentences, and not to look, has the same loss with any image.
MOST_LOSS = 0.7
LEAST_SIGHT = 0.7
GREEDY = 12
LONGEST_ANSWER = 64


@dataclass(frozen=True)
class Marks:
    """How well a model describes scenes.

    Attributes:
        loss: Mean cross-entropy of the answers, nats a token.
        swapped_loss: The same, where each answer goes with the image of another scene.
        top1: Share of the answers' tokens that are the model's most likely ones.
        true_captions: How many of the first scenes' greedy captions are exactly true.
        captions: How many captions were asked for.
    """

    loss: float
    swapped_loss: float
    top1: float
    true_captions: int
    captions: int

    def facts(self) -> dict[str, float]:
        """Returns the marks for the record; figures with four digits, as they differ by device."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@torch.no_grad()
def examine(processor: Any, model: torch.nn.Module, scenes: list[Scene], batch: Batch) -> Marks:
    """Returns the marks of a model in evaluation mode on a batch of answers."""
    inputs, labels = batch
    logits = model(**inputs).logits
    wanted = labels[:, 1:]
    counted = wanted != IGNORED
    right = logits[:, :-1][counted].argmax(-1) == wanted[counted]
    captions = greedy_captions(processor, model, scenes[:GREEDY])
    true = sum(text in scene.captions() for text, scene in zip(captions, scenes, strict=False))
    return Marks(
        loss=token_losses(logits, labels).mean().item(),
        swapped_loss=token_losses(model(**_swapped(inputs)).logits, labels).mean().item(),
        top1=right.float().mean().item(),
        true_captions=true,
        captions=len(captions),
    )


@torch.no_grad()
def greedy_captions(processor: Any, model: Any, scenes: list[Scene]) -> list[str]:
    """Returns what the model says of each scene when it always takes the most likely token."""
    pictures = [picture(scene) for scene in scenes]
    texts = [question(processor)] * len(scenes)
    inputs = processor(text=texts, images=pictures, padding=True, return_tensors="pt")
    answers = model.generate(**inputs, do_sample=False, max_new_tokens=LONGEST_ANSWER)
    begin = inputs["input_ids"].shape[1]
    return processor.batch_decode(answers[:, begin:], skip_special_tokens=True)


def check_learned(marks: Marks) -> None:
    """Raises gate_failed `did_not_learn`: too high a loss, or the same loss without the images."""
    sight = marks.swapped_loss - marks.loss
    if marks.loss <= MOST_LOSS and sight >= LEAST_SIGHT:
        return
    raise gate_failed(
        "did_not_learn",
        f"The model did not learn: on scenes that it has not seen its loss is {marks.loss:.3f} "
        f"nats a token, {sight:.3f} less than with the images of other scenes. A trained model "
        f"has at most {MOST_LOSS}, and at least {LEAST_SIGHT} less.",
        next_step="Train for more steps, or with another learning rate: conf/model/ has both.",
    )


def _swapped(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Returns the inputs with each image in the place of the one before it."""
    pixels = inputs["pixel_values"]
    images = pixels.unflatten(0, (len(inputs["image_grid_thw"]), -1))
    return inputs | {"pixel_values": images.roll(1, 0).flatten(0, 1)}
