"""Fixed prompts, what models answer to them, and in which tokens two answers differ.

A prompt is a user's turn by the checkpoint's chat template: text alone, or an image with a text.
Answers are greedy: the most likely token each time, whatever generation_config.json of the
checkpoint says of sampling and penalties; of that file only the tokens that end an answer are
taken. Each prompt is answered alone, without pads.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from aqm_runner.model.architectures import reads_images
from aqm_runner.model.batches import check_plain, check_vocabulary
from aqm_runner.model.checkpoint import load_processor, load_tokenizer
from aqm_runner.model.checkpoint_files import naming_errors
from aqm_runner.model.image_batches import begins, image_batches
from aqm_runner.model.samples import Sample, read_samples
from aqm_runner.quality.measuring import non_finite_logits
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place

# How the tokenizer shows bytes that are no whole letter yet.
INCOMPLETE = "\ufffd"


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        text: What is asked.
        image: Path of the image below the images' folder; None: there is none.
        inputs: The model's keyword arguments, a batch of one.
    """

    text: str
    image: str | None
    inputs: dict[str, Tensor]


@dataclass(frozen=True)
class Answer:
    """What a model answers to a prompt.

    Attributes:
        tokens: Their ids, with the one that ends the answer.
        pieces: The text that each token adds, special tokens by their names. A token that ends
            within a letter adds nothing; the next one adds the letter.
        text: Of all tokens but special ones.
        ended: Whether the model ended it; else `max_new_tokens` did.
    """

    tokens: list[int]
    pieces: list[str]
    text: str
    ended: bool


@dataclass(frozen=True)
class Difference:
    """Where an answer differs from the unquantized model's.

    Attributes:
        first: Place from 0 of the first token that differs; None: they are the same.
        unquantized: Places of the tokens of the unquantized model's answer that the other lacks.
        plan: Places of the other answer's tokens that the unquantized model's lacks.
    """

    first: int | None
    unquantized: list[int]
    plan: list[int]


def read_prompts(context: Any, params: dict[str, Any], inputs: dict[str, Place]) -> list[Prompt]:
    """Returns the prompts of a request: those of text alone, then one for each image.

    Args:
        context: Told of the phase `prepare`.
        params: `prompts` (`texts`, `image_text`, `images`) and `dtype`.
        inputs: `checkpoint`, `held_out` (the first `images` rows have the images), and
            `held_out_images` where prompts ask for images.

    Raises:
        RunnerError: bad_request `no_images`; gate_failed `special_token_in_caption`,
            `token_beyond_vocabulary`, `too_few_samples`, `unreadable_checkpoint`, and what
            `image_batches` raises.
    """
    asked, checkpoint = params["prompts"], inputs["checkpoint"]
    speaker = _speaker(checkpoint)
    tokenizer = _tokenizer_of(speaker)
    check_plain(tokenizer, asked["texts"])
    prompts = []
    for text in asked["texts"]:
        turn = _turn(checkpoint, speaker, text)
        # A template may have written the token that begins every text already.
        more = not begins(tokenizer, turn)
        given = tokenizer(turn, return_tensors="pt", add_special_tokens=more)
        prompts.append(Prompt(text, None, dict(given)))
    if asked["images"] > 0:
        if "held_out_images" not in inputs:
            raise bad_request(
                "no_images",
                f"{asked['images']} prompts ask for images, and no images are given.",
                next_step="Give held_out_images, or ask for no prompts with images.",
            )
        rows = read_samples(context, inputs["held_out"], asked["images"])
        samples = [Sample(row.image_relpath, asked["image_text"]) for row in rows]
        images = inputs["held_out_images"]
        batches = image_batches(context, checkpoint, images, samples, 0, "longest")
        prompts += [
            Prompt(sample.caption, sample.image_relpath, _typed(batch.inputs, params["dtype"]))
            for sample, batch in zip(samples, batches, strict=True)
        ]
    check_vocabulary(checkpoint, (int(each.inputs["input_ids"].max()) for each in prompts))
    return prompts


def _speaker(checkpoint: Place) -> Any:
    """Returns what has the chat template: a processor, or a tokenizer of a text model."""
    return load_processor(checkpoint) if reads_images(checkpoint) else load_tokenizer(checkpoint)


def _tokenizer_of(speaker: Any) -> Any:
    return getattr(speaker, "tokenizer", speaker)


def _turn(checkpoint: Place, speaker: Any, text: str) -> str:
    """Returns a text as a user's turn; as it is where a model of text alone has no template."""
    if speaker.chat_template is None:
        return text
    # Templates of models of text alone take nothing but a string.
    parts = [{"type": "text", "text": text}] if hasattr(speaker, "tokenizer") else text
    with naming_errors(checkpoint, "a user's turn by its chat template"):
        turn: str = speaker.apply_chat_template(
            [{"role": "user", "content": parts}], tokenize=False, add_generation_prompt=True
        )
        if text.strip() not in turn:
            raise ValueError("it leaves out the text")
    return turn


def _typed(inputs: dict[str, Tensor], dtype: str) -> dict[str, Tensor]:
    """Returns inputs with pixels in the model's type."""
    return {
        name: value.to(getattr(torch, dtype)) if value.is_floating_point() else value
        for name, value in inputs.items()
    }


class Answering:
    """Lets models answer the same prompts; the unquantized one first, and once for all others.

    Args:
        checkpoint: Folder with the tokenizer.
        prompts: What is asked.
        most: Most tokens of an answer.
        device: "cpu" or "cuda".

    Attributes:
        unquantized: The unquantized model's answers, once it was looked at.
    """

    def __init__(self, checkpoint: Place, prompts: list[Prompt], most: int, device: str) -> None:
        self.prompts = prompts
        self.unquantized: list[Answer] = []
        self._checkpoint = checkpoint
        self._tokenizer = _tokenizer_of(_speaker(checkpoint))
        self._most = most
        self._device = device

    def look_at_unquantized(self, model: Any) -> None:
        """Keeps the answers of the unquantized model.

        Raises:
            RunnerError: gate_failed `non_finite_logits`.
        """
        name = self._checkpoint.name
        self.unquantized = self.answer(model, f"the unquantized model of {name}", name)

    def answer(self, model: Any, whose: str, file: str) -> list[Answer]:
        """Returns the answers of a model in evaluation mode.

        Args:
            model: As transformers made it, whatever its layers compute with.
            whose: For messages: "the plan X".
            file: For messages.

        Raises:
            RunnerError: gate_failed `non_finite_logits`.
        """
        ends = model.generation_config.eos_token_id
        stops = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
        own = model.generation_config
        # What generate() is not told it takes from here: penalties of the checkpoint too.
        model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=own.pad_token_id)
        try:
            return [self._answer(model, prompt, stops, whose, file) for prompt in self.prompts]
        finally:
            model.generation_config = own

    @torch.inference_mode()
    def _answer(
        self, model: Any, prompt: Prompt, stops: list[int], whose: str, file: str
    ) -> Answer:
        inputs = {name: value.to(self._device) for name, value in prompt.inputs.items()}
        made = model.generate(
            **inputs,
            do_sample=False,
            num_beams=1,
            max_new_tokens=self._most,
            output_logits=True,
            return_dict_in_generate=True,
        )
        if not all(bool(logits.isfinite().all()) for logits in made.logits):
            raise non_finite_logits(whose, file)
        tokens = made.sequences[0, inputs["input_ids"].shape[1] :].tolist()
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return Answer(tokens, pieces_of(self._tokenizer, tokens), text, tokens[-1] in stops)


def pieces_of(tokenizer: Any, tokens: list[int]) -> list[str]:
    """Returns the text that each token adds; joined, they are the text of all."""
    pieces: list[str] = []
    told = 0
    for count in range(1, len(tokens) + 1):
        text = tokenizer.decode(tokens[:count])
        whole = not text.endswith(INCOMPLETE) or count == len(tokens)
        pieces.append(text[told:] if whole else "")
        told = len(text) if whole else told
    return pieces


def difference(unquantized: list[int], plan: list[int]) -> Difference:
    """Returns in which tokens two answers differ.

    Tokens that both have are paired by the longest run of equal ones, and again on either side of
    it (`difflib`), so that a token more does not make all others different.

    Args:
        unquantized: Ids of the unquantized model's tokens.
        plan: Those of the other answer.
    """
    same = SequenceMatcher(None, unquantized, plan, autojunk=False).get_matching_blocks()
    ours = {at + step for at, _, size in same for step in range(size)}
    theirs = {at + step for _, at, size in same for step in range(size)}
    pairs = zip(unquantized, plan, strict=False)
    shorter = min(len(unquantized), len(plan))
    first = next((place for place, (one, other) in enumerate(pairs) if one != other), shorter)
    return Difference(
        None if unquantized == plan else first,
        [place for place in range(len(unquantized)) if place not in ours],
        [place for place in range(len(plan)) if place not in theirs],
    )
