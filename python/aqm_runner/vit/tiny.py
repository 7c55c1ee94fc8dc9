"""A Vision Transformer of three blocks with random weights, and its image processor."""

import torch
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

SIDE = 64  # pixels, as large as the scenes of synthetic_coco
PATCH = 8  # pixels
CLASSES = 10
WIDTH = 128


def build_vit(seed: int) -> ViTForImageClassification:
    """Returns the model, float32, in evaluation mode; the same seed gives the same weights."""
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        image_size=SIDE,
        patch_size=PATCH,
        num_labels=CLASSES,
    )
    return ViTForImageClassification(config).eval()


def build_processor() -> ViTImageProcessor:
    """Returns the processor that resizes to SIDE x SIDE pixels and scales colours to -1 to 1."""
    return ViTImageProcessor(
        size={"height": SIDE, "width": SIDE},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
