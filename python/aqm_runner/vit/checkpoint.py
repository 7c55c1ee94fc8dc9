"""Reading a ViT from its checkpoint folder, whole or not at all."""

from typing import Any

import torch
from transformers import AutoImageProcessor, ViTForImageClassification

from aqm_runner.model.checkpoint import OURS
from aqm_runner.model.checkpoint_files import CONFIG, check_checkpoint, loading, read_config
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

ARCHITECTURE = "ViTForImageClassification"
SHOWN = 3


def check_vit(place: Place) -> None:
    """Refuses a folder that is no ViT classifier, before any library opens the weights.

    Raises:
        RunnerError: gate_failed of `check_checkpoint`; `no_vit` naming what config.json says.
    """
    check_checkpoint(place)
    found = read_config(place, CONFIG).get("architectures")
    if found != [ARCHITECTURE]:
        raise gate_failed(
            "no_vit",
            f"{place.name}/{CONFIG} says that the architectures are {found!r}, where this op "
            f"scores [{ARCHITECTURE!r}] alone.",
            file=f"{place.name}/{CONFIG}",
            next_step="Place the checkpoint of a ViT for image classification; for a "
            "vision-language model take the op sensitivity_scores.",
        )


def load_vit(place: Place, dtype: str, device: str) -> ViTForImageClassification:
    """Returns the model in evaluation mode.

    Args:
        place: The checkpoint folder.
        dtype: "float32" or "bfloat16".
        device: "cpu" or "cuda".

    Raises:
        RunnerError: gate_failed `no_vit`, `unreadable_checkpoint`; `incomplete_checkpoint` if a
            weight is missing, has another shape or has no place in the model.
    """
    check_vit(place)
    with loading(place, "the model") as folder:
        model, info = ViTForImageClassification.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            attn_implementation="sdpa",
            use_safetensors=True,
            output_loading_info=True,
            **OURS,
        )
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        names = sorted(str(name) for name in info[what])
        if names:
            more = ", ..." if len(names) > SHOWN else ""
            raise gate_failed(
                "incomplete_checkpoint",
                f"The weights of {place.name} do not fit its config.json ({what}: "
                f"{', '.join(names[:SHOWN])}{more}); the scores would be of random weights.",
                file=place.name,
                next_step="Download the checkpoint again, with config.json and all its "
                "*.safetensors files.",
            )
    return model.to(device).eval()


def load_image_processor(place: Place) -> Any:
    """Returns what turns images into pixel values; raises gate_failed `unreadable_checkpoint`."""
    with loading(place, "the image processor") as folder:
        return AutoImageProcessor.from_pretrained(folder, **OURS)
