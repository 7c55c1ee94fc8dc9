"""Configuration and weights of the tiny checkpoints."""

import math
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

UNIT = 1024
MAX_POSITIONS = 1024
HEAD = 16


@dataclass(frozen=True)
class Size:
    """How large a model is; heads are 16 wide, and two heads of the text share keys and values.

    Attributes:
        layers: Layers of the text.
        width: Hidden size of the text.
        blocks: Blocks of the vision.
        vision_width: Hidden size of the vision.
    """

    layers: int
    width: int
    blocks: int
    vision_width: int


SMALLEST = Size(layers=2, width=64, blocks=2, vision_width=32)
# Large enough to learn its data, and for INT4-AWQ to be exported: that fails at a width of 64.
LEARNING = Size(layers=4, width=128, blocks=3, vision_width=64)

# The three sections share out head_dim / 2 rotary frequencies: time, height, width.
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}

MODELS: dict[str, type[PreTrainedModel]] = {
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration,
}


def build_model(
    family: str, ids: dict[str, int], vocabulary: int, seed: int, size: Size = SMALLEST
) -> PreTrainedModel:
    """Returns the family's architecture in float32 with weights that only `seed` decides.

    Args:
        family: "qwen3_vl" or "qwen2_5_vl".
        ids: Token id of each special token, by its text.
        vocabulary: Rows of the embedding.
        seed: Any integer.
        size: Layers and widths.
    """
    config = _config(family, ids, vocabulary, size)
    config.architectures = [MODELS[family].__name__]  # ModelOpt's export needs it
    # Not on the meta device: rotary frequencies are no weights, so that nothing would fill them.
    model = MODELS[family](config)
    model.load_state_dict(_weights(model, seed))
    return model.eval()


def _config(family: str, ids: dict[str, int], vocabulary: int, size: Size) -> PreTrainedConfig:
    text = {
        "hidden_size": size.width,
        "intermediate_size": 2 * size.width,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.width // HEAD,
        "num_key_value_heads": size.width // HEAD // 2,
        "max_position_embeddings": MAX_POSITIONS,
        "vocab_size": vocabulary,
        "bos_token_id": None,
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    top = {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": False,
        "dtype": "float32",
    }
    vision = {
        "depth": size.blocks,
        "hidden_size": size.vision_width,
        "intermediate_size": 2 * size.vision_width,
        "num_heads": size.vision_width // HEAD,
        "in_channels": 3,
        "patch_size": 4,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": size.width,
    }
    if family == "qwen3_vl":
        text |= {"head_dim": HEAD, "rope_parameters": ROPE | {"mrope_interleaved": True}}
        vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
        return Qwen3VLConfig(text_config=text, vision_config=vision, **top)
    text |= {"rope_parameters": dict(ROPE)}
    vision |= {"window_size": 16, "fullatt_block_indexes": [1]}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, **top)


def _weights(model: PreTrainedModel, seed: int) -> dict[str, torch.Tensor]:
    """Returns multiples of 1/1024 for every parameter, exact in float32 on any processor.

    Matrices are uniform with variance 1 / fan-in, so that activations keep their scale through
    the layers; norms are near 1, biases near 0. A parameter's values depend on its name and the
    seed only. `random_raw` is the one stream that NumPy promises never to change.
    """
    weights = {}
    for name, parameter in model.named_parameters():
        bits = np.random.PCG64(np.random.SeedSequence([seed % 2**64, zlib.crc32(name.encode())]))
        raw = bits.random_raw(parameter.numel()) >> np.uint64(32)
        shape = tuple(parameter.shape)
        if len(shape) > 1:
            fan_in = shape[1] if "embed_tokens" in name else math.prod(shape[1:])
            reach = math.isqrt(3 * UNIT * UNIT // fan_in)
        else:
            reach = UNIT // 16
        integers = (raw % np.uint64(2 * reach + 1)).astype(np.int64) - reach
        if len(shape) == 1 and name.endswith("weight"):
            integers += UNIT
        values = (integers / UNIT).astype(np.float32).reshape(shape)
        weights[name] = torch.from_numpy(values)
    return weights
