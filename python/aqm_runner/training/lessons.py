"""Batches of scenes with their captions, in the three forms in which aqm feeds a model.

`answer`: image and question are the user's turn, the caption is the assistant's; its tokens and
the one that ends the turn count. So plans are judged. `told`: image and caption are both in the
user's turn; the caption's tokens count. So layers are scored by images. `alone`: the caption, whose
every token counts that another one precedes. So layers are scored by captions.
"""

import io
import random
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image

from aqm_runner.calibration.painting import write_picture
from aqm_runner.calibration.scenes import Scene, draw_scene

QUESTION = "Describe the image."
IGNORED = -100
# One form a step, in turn.
FORMS = ("answer", "told", "answer", "alone")

Batch = tuple[dict[str, torch.Tensor], torch.Tensor]


def lessons(
    processor: Any, source: random.Random, unseen: frozenset[Scene], size: int
) -> Iterator[Batch]:
    """Yields batches without an end: the model's keyword arguments, and labels.

    Args:
        processor: The model's processor; its tokenizer pads on the left.
        source: Decides scenes, and which caption of a scene is taken.
        unseen: Scenes that are passed over.
        size: Scenes a batch.

    Yields:
        Inputs, and int64 labels of the shape of the ids (scenes, tokens), -100 where a token
        does not count.
    """
    while True:
        for form in FORMS:
            scenes = _draw(source, unseen, size)
            yield batch_of(processor, form, scenes, [_caption(source, scene) for scene in scenes])


def exam_batch(processor: Any, source: random.Random, size: int) -> tuple[list[Scene], Batch]:
    """Returns different scenes and their batch in the form `answer`."""
    scenes: list[Scene] = []
    while len(scenes) < size:
        scenes += _draw(source, frozenset(scenes), 1)
    captions = [_caption(source, scene) for scene in scenes]
    return scenes, batch_of(processor, "answer", scenes, captions)


def batch_of(processor: Any, form: str, scenes: list[Scene], captions: list[str]) -> Batch:
    """Returns the batch of scenes with one caption each, in one of the forms above."""
    tokenizer = processor.tokenizer
    if form == "alone":
        inputs = dict(tokenizer(captions, padding=True, return_tensors="pt"))
        mask = inputs["attention_mask"]
        # A token counts where there is one before it.
        before = torch.nn.functional.pad(mask, (1, 0))[:, :-1]
        return inputs, inputs["input_ids"].masked_fill(before == 0, IGNORED)
    if form == "answer":
        end = tokenizer.eos_token
        counted, after = [caption + end for caption in captions], 0
        texts = [question(processor) + text for text in counted]
    else:
        counted = captions
        texts = [_turn(processor, caption) for caption in captions]
        after = len(tokenizer(texts[0].split(captions[0])[-1])["input_ids"])
    pictures = [picture(scene) for scene in scenes]
    inputs = dict(processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
    ids = inputs["input_ids"]
    labels = torch.full_like(ids, IGNORED)
    stop = ids.shape[1] - after
    for row, text in enumerate(counted):
        start = stop - len(tokenizer(text)["input_ids"])
        labels[row, start:stop] = ids[row, start:stop]
    return inputs, labels


def question(processor: Any) -> str:
    """Returns the user's turn with an image, up to where the assistant begins to answer."""
    return _turn(processor, QUESTION)


def picture(scene: Scene) -> Image.Image:
    """Returns the scene as the data set has it: read back from its JPEG."""
    data = io.BytesIO()
    write_picture(scene, data)
    return Image.open(data).convert("RGB")


def _turn(processor: Any, text: str) -> str:
    content = [{"type": "image"}, {"type": "text", "text": text}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )


def _draw(source: random.Random, unseen: frozenset[Scene], size: int) -> list[Scene]:
    scenes: list[Scene] = []
    while len(scenes) < size:
        scene = draw_scene(source)
        if scene not in unseen:
            scenes.append(scene)
    return scenes


def _caption(source: random.Random, scene: Scene) -> str:
    captions = scene.captions()
    return captions[source.randrange(len(captions))]
