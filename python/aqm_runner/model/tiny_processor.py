"""Tokenizer, image processor and chat template of the tiny checkpoints."""

import os
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from aqm_runner.calibration.scenes import draw_scene

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
VOCABULARY = 505
TRAINING_SCENES = 400
MAX_LENGTH = 1024
PATCH = {"patch_size": 4, "temporal_patch_size": 2, "merge_size": 2}

# The family's own layout of a conversation, without tools and system prompts.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}
<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' -%}
<|vision_start|><|video_pad|><|vision_end|>
{%- elif part.type == 'text' -%}
{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""


def build_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Returns a byte-level BPE tokenizer trained on captions that `seed` draws; pads on the left.

    Special tokens have the first ids, in the order of SPECIAL.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    source = random.Random(seed)
    captions = [text for _ in range(TRAINING_SCENES) for text in draw_scene(source).captions()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        padding_side="left",
        model_max_length=MAX_LENGTH,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
        chat_template=CHAT_TEMPLATE,
    )


def build_processor(
    family: str, tokenizer: PreTrainedTokenizerFast
) -> Qwen3VLProcessor | Qwen2_5_VLProcessor:
    """Returns the family's processor; an image of 64 x 64 pixels becomes 16 tokens."""
    images = Qwen2VLImageProcessor(min_pixels=256, max_pixels=1024, **PATCH)
    if family == "qwen3_vl":
        videos = Qwen3VLVideoProcessor(**PATCH)
        return Qwen3VLProcessor(images, tokenizer, videos, chat_template=CHAT_TEMPLATE)
    videos = Qwen2VLVideoProcessor(min_pixels=256, max_pixels=1024, **PATCH)
    return Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=CHAT_TEMPLATE)
