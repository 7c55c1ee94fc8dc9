"""Configuration and weights of the tiny checkpoints."""

import math
import zlib

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

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": MAX_POSITIONS,
}
VISION = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "in_channels": 3,
    "patch_size": 4,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
# The three sections share out head_dim / 2 rotary frequencies: time, height, width.
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}

MODELS: dict[str, type[PreTrainedModel]] = {
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration,
}


def build_model(family: str, ids: dict[str, int], vocabulary: int, seed: int) -> PreTrainedModel:
    """Returns the family's architecture in float32 with weights that only `seed` decides.

    Args:
        family: "qwen3_vl" or "qwen2_5_vl".
        ids: Token id of each special token, by its text.
        vocabulary: Rows of the embedding.
        seed: Any integer.
    """
    config = _config(family, ids, vocabulary)
    config.architectures = [MODELS[family].__name__]  # ModelOpt's export needs it
    with torch.device("meta"):
        model = MODELS[family](config)
    model = model.to_empty(device="cpu")
    model.load_state_dict(_weights(model, seed))
    return model.eval()


def _config(family: str, ids: dict[str, int], vocabulary: int) -> PreTrainedConfig:
    text = TEXT | {
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
    if family == "qwen3_vl":
        text |= {"head_dim": 16, "rope_parameters": ROPE | {"mrope_interleaved": True}}
        vision = VISION | {
            "out_hidden_size": TEXT["hidden_size"],
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        }
        return Qwen3VLConfig(text_config=text, vision_config=vision, **top)
    text |= {"rope_parameters": dict(ROPE)}
    vision = VISION | {
        "out_hidden_size": TEXT["hidden_size"],
        "window_size": 16,
        "fullatt_block_indexes": [1],
    }
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
