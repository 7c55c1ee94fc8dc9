"""Whether a model says the same from an exported folder as in the simulation that was measured.

Both are fed texts, and in scope all_layers images, that are the same for every checkpoint: no
calibration data is read. The divergence of the exported model from the simulated one is held
against that of the simulated one from the unquantized one: see docs/export.md for the share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from aqm_runner.model.batches import caption_batches
from aqm_runner.model.checkpoint import load_processor
from aqm_runner.model.image_batches import begins
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

LOGITS = "logits_differ"
TEXTS = (
    "A red circle lies to the left of two small blue squares.",
    "The weather was mild in the morning, and it began to rain at noon.",
    "Three people sit at a wooden table with bread, cheese and a jug of water.",
    "In 1969 the first letters went from one computer to another, far away.",
    "def add(a, b):\n    return a + b",
    "Why is the sky blue? Because short waves are scattered more than long ones.",
    "El tren sale a las ocho y llega a la ciudad por la tarde.",
    "12 plus 30 is 42, and 7 times 6 is 42 as well.",
)
LENGTH = 64
SIDE = 64
# Of the divergence that quantization causes; see docs/export.md.
SHARES = {torch.float32: 0.01, torch.bfloat16: 0.1}
# The same where inputs are quantized: a flipped code is an error like that of quantization, and in
# a deep model a last bit flips codes in every layer (see `layer_outputs`).
SHARE_WITH_INPUTS = 0.5
# What the order of sums alone may cause, in nats.
FLOORS = {torch.float32: 1e-8, torch.bfloat16: 1e-4}


@dataclass(frozen=True)
class SaidAlike:
    """How far the exported model is from the simulated one.

    Attributes:
        largest_difference: Of one logit.
        kl: Mean divergence of a token's distribution, in nats.
        tolerance: The most that `kl` may be.
        tokens: How many were compared.
    """

    largest_difference: float
    kl: float
    tolerance: float
    tokens: int


Prompt = Mapping[str, Tensor]


def make_prompts(checkpoint: Place, scope: str) -> list[Prompt]:
    """Returns inputs of the model, each of one sample and without pads.

    Args:
        checkpoint: Folder with tokenizer, and in scope all_layers a processor and chat template.
        scope: "lm" or "all_layers".

    Raises:
        RunnerError: What `caption_batches` and `load_processor` raise.
    """
    batches = caption_batches(checkpoint, list(TEXTS), 1, LENGTH, "longest")
    prompts: list[Prompt] = [batch.inputs for batch in batches]
    if scope == "all_layers":
        processor = load_processor(checkpoint)
        content = [{"type": "image"}, {"type": "text", "text": TEXTS[0]}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        for picture in _pictures():
            more = not begins(processor.tokenizer, text)
            prompts.append(
                dict(
                    processor(
                        text=[text],
                        images=[picture],
                        return_tensors="pt",
                        add_special_tokens=more,
                    )
                )
            )
    return prompts


@torch.inference_mode()
def logits_of(model: nn.Module, prompts: list[Prompt], device: str) -> list[Tensor]:
    """Returns the logits of every prompt, (tokens, vocabulary), in float32 on the CPU."""
    dtype = next(each.dtype for each in model.parameters() if each.is_floating_point())
    found = []
    for prompt in prompts:
        inputs = {
            name: value.to(device, dtype if value.is_floating_point() else None)
            for name, value in prompt.items()
        }
        found.append(model(**inputs, use_cache=False).logits[0].float().cpu())
    return found


def compare_logits(
    unquantized: list[Tensor],
    simulated: list[Tensor],
    exported: list[Tensor],
    rounds_inputs: bool,
    name: str,
    dtype: torch.dtype = torch.float32,
) -> SaidAlike:
    """Returns how far the exported model is from the simulated one.

    Args:
        unquantized: As `logits_of` returns them.
        simulated: As those.
        exported: As those.
        rounds_inputs: Whether inputs of any layer are quantized.
        name: The folder, for the message.
        dtype: In which all three were computed.

    Raises:
        RunnerError: gate_failed `logits_differ`.
    """
    effect, noise = _divergence(unquantized, simulated), _divergence(simulated, exported)
    largest = max(float((a - b).abs().max()) for a, b in zip(simulated, exported, strict=True))
    share = SHARE_WITH_INPUTS if rounds_inputs else SHARES[dtype]
    tolerance = share * effect + FLOORS[dtype]
    if not noise <= tolerance:  # a divergence that is no number is none that is small
        raise gate_failed(
            LOGITS,
            f"The model that transformers loads from {name} says something else than the one that "
            f"was measured: its tokens diverge by {noise:.3g} nats, where {tolerance:.3g} may be "
            f"(quantization itself: {effect:.3g}); one logit differs by {largest:.3g}.",
            file=name,
            next_step="Report it: what was written is not the model that was measured.",
        )
    return SaidAlike(largest, noise, tolerance, sum(len(each) for each in simulated))


def _divergence(of: list[Tensor], other: list[Tensor]) -> float:
    """Returns the mean of sum_v p_v (log p_v - log q_v) over tokens, in float64."""
    total, tokens = 0.0, 0
    for ours, theirs in zip(of, other, strict=True):
        p, q = ours.double().log_softmax(-1), theirs.double().log_softmax(-1)
        total += float((p.exp() * (p - q)).sum())
        tokens += len(ours)
    return max(total / tokens, 0.0) if total == total else total


def _pictures() -> list[Any]:
    """Returns two pictures with smooth and with sharp parts."""
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    smooth = np.stack([4 * row, 4 * column, 2 * (row + column)], -1)
    sharp = np.stack([row // 8 % 2, column // 8 % 2, (row + column) // 16 % 2], -1) * 255
    return [Image.fromarray(each.astype(np.uint8)) for each in (smooth, sharp)]
