"""The tiny checkpoints of families besides Qwen's with images, which `tiny_model` builds.

Texts have 2 layers of width 64 and heads 16 wide, of which two share keys and values; a mixture has
4 experts, of which 2 see a token; vision towers are 32 wide and look at 16 x 16 pixels.
`tiny_model` is part of the key of a trained checkpoint, so that new families have a place here.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    CLIPImageProcessor,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ImageProcessor,
    Gemma3Processor,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaProcessor,
    MistralConfig,
    MixtralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3MoeConfig,
)

from aqm_runner.model.tiny_model import HEAD, MAX_POSITIONS, SMALLEST, UNIT
from aqm_runner.model.tiny_speech import (
    CHATML,
    GEMMA,
    LLAMA,
    LLAVA,
    MISTRAL,
    PHI3,
    Speech,
    build_speech,
)

PIXELS = 16
PATCH = 4
# Of an image of 4 x 4 patches: LLaVA has a token for each, Gemma 3 one for 2 x 2.
GEMMA_TOKENS = 4
STACKED = 3

Config = Callable[[dict[str, Any], PreTrainedTokenizerFast], PreTrainedConfig]


@dataclass(frozen=True)
class Family:
    """How a tiny checkpoint of a family is made.

    Attributes:
        speech: Its tokens and its chat template.
        config: From settings that all texts share, and the tokenizer.
        processor: From a tokenizer; None for a family without images.
    """

    speech: Speech
    config: Config
    processor: Callable[[PreTrainedTokenizerFast], Any] | None = None


def build_family(family: str, seed: int) -> tuple[Any, PreTrainedModel]:
    """Returns what prepares inputs, a tokenizer or processor, and a model in float32.

    Args:
        family: One of FAMILIES.
        seed: Any integer; it alone decides vocabulary and weights.
    """
    parts = FAMILIES[family]
    tokenizer = build_speech(parts.speech, seed)
    config = parts.config(_text(tokenizer), tokenizer)
    kind = AutoModelForCausalLM if parts.processor is None else AutoModelForImageTextToText
    model = kind.from_config(config, dtype=torch.float32)
    model.config.architectures = [type(model).__name__]  # ModelOpt's export needs it
    model.load_state_dict(_weights(model, seed), strict=False)  # tied weights have one name
    prepares = tokenizer if parts.processor is None else parts.processor(tokenizer)
    return prepares, model.eval()


def _text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    heads = SMALLEST.width // HEAD
    return {
        "hidden_size": SMALLEST.width,
        "intermediate_size": 2 * SMALLEST.width,
        "num_hidden_layers": SMALLEST.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "max_position_embeddings": MAX_POSITIONS,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
    }


def _of(kind: type[PreTrainedConfig], **more: Any) -> Config:
    return lambda text, _tokenizer: kind(**(text | more))


def _gemma3_text(text: dict[str, Any], _tokenizer: Any = None) -> Gemma3TextConfig:
    """One layer sees 64 tokens back, the other all; input and output share embeddings."""
    return Gemma3TextConfig(
        **text
        | {
            "head_dim": HEAD,
            "query_pre_attn_scalar": HEAD,
            "sliding_window": 64,
            "layer_types": ["sliding_attention", "full_attention"],
            "tie_word_embeddings": True,
        }
    )


def _gemma3(text: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> Gemma3Config:
    return Gemma3Config(
        text_config=_gemma3_text(text).to_dict(),
        vision_config=_vision(2) | {"vision_use_head": False},
        mm_tokens_per_image=GEMMA_TOKENS,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
    )


def _llava(text: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> LlavaConfig:
    """As the published ones, LLaVA reads the last block but one: the last of 3 is idle."""
    return LlavaConfig(
        text_config=LlamaConfig(**text).to_dict(),
        vision_config=CLIPVisionConfig(**_vision(3), projection_dim=32).to_dict(),
        image_token_index=tokenizer.image_token_id,
        image_seq_length=(PIXELS // PATCH) ** 2,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )


def _vision(blocks: int) -> dict[str, Any]:
    return {
        "hidden_size": SMALLEST.vision_width,
        "intermediate_size": 2 * SMALLEST.vision_width,
        "num_hidden_layers": blocks,
        "num_attention_heads": SMALLEST.vision_width // HEAD,
        "image_size": PIXELS,
        "patch_size": PATCH,
    }


def _gemma3_processor(tokenizer: PreTrainedTokenizerFast) -> Gemma3Processor:
    images = Gemma3ImageProcessor(size={"height": PIXELS, "width": PIXELS})
    return Gemma3Processor(
        images, tokenizer, chat_template=GEMMA.template, image_seq_length=GEMMA_TOKENS
    )


def _llava_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    images = CLIPImageProcessor(
        size={"shortest_edge": PIXELS}, crop_size={"height": PIXELS, "width": PIXELS}
    )
    return LlavaProcessor(
        images,
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=LLAVA.template,
        num_additional_image_tokens=1,
    )


EXPERTS = {"num_experts_per_tok": 2}
FAMILIES: dict[str, Family] = {
    "llama": Family(LLAMA, _of(LlamaConfig)),
    "qwen3": Family(CHATML, _of(Qwen3Config, head_dim=HEAD)),
    "gemma3_text": Family(GEMMA, _gemma3_text),
    "phi3": Family(PHI3, _of(Phi3Config)),
    "mistral": Family(MISTRAL, _of(MistralConfig, sliding_window=None)),
    "qwen3_moe": Family(
        CHATML,
        _of(Qwen3MoeConfig, head_dim=HEAD, num_experts=4, moe_intermediate_size=80, **EXPERTS),
    ),
    "mixtral": Family(MISTRAL, _of(MixtralConfig, num_local_experts=4, **EXPERTS)),
    "llava": Family(LLAVA, _llava, _llava_processor),
    "gemma3": Family(GEMMA, _gemma3, _gemma3_processor),
}


def _weights(model: PreTrainedModel, seed: int) -> dict[str, torch.Tensor]:
    """Returns multiples of 1/1024 for every parameter, as `tiny_model` has them.

    Experts that lie in one tensor (experts, outputs, inputs) are matrices each, and the norms of
    Gemma add one to their weights.
    """
    weights = {}
    for name, parameter in model.named_parameters():
        owner = model.get_submodule(name.rpartition(".")[0])
        weights[name] = _values(name, owner, parameter, seed)
    return weights


def _values(name: str, module: nn.Module, parameter: nn.Parameter, seed: int) -> torch.Tensor:
    bits = np.random.PCG64(np.random.SeedSequence([seed % 2**64, zlib.crc32(name.encode())]))
    raw = bits.random_raw(parameter.numel()) >> np.uint64(32)
    shape = tuple(parameter.shape)
    if len(shape) > 1:
        fan_in = shape[-1] if len(shape) == STACKED else math.prod(shape[1:])
        reach = math.isqrt(3 * UNIT * UNIT // fan_in)
    else:
        reach = UNIT // 16
    integers = (raw % np.uint64(2 * reach + 1)).astype(np.int64) - reach
    if (
        len(shape) == 1
        and name.endswith("weight")
        and not type(module).__name__.startswith("Gemma")
    ):
        integers += UNIT
    return torch.from_numpy((integers / UNIT).astype(np.float32).reshape(shape))
