"""A tiny checkpoint with a mixture of experts, Qwen3-VL-MoE, made from a dense one."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

EXPERTS = {
    "model_type": "qwen3_vl_moe_text",
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 80,  # no multiple of 128, so that blocks are padded
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
}
NOT_TAKEN = ("architectures", "transformers_version", "dtype", "model_type")


def make_experts(dense: Path, folder: Path, **changes: Any) -> Path:
    """Copies tokenizer and processor of a dense Qwen3-VL; the weights are new, and random."""
    shutil.copytree(dense, folder)
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= EXPERTS | changes
    config["vision_config"]["model_type"] = "qwen3_vl_moe_vision"
    kept = {key: value for key, value in config.items() if key not in NOT_TAKEN}
    torch.manual_seed(0)
    model = Qwen3VLMoeForConditionalGeneration(Qwen3VLMoeConfig(**kept))
    model.save_pretrained(folder)
    return folder
