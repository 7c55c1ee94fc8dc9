"""Which class of transformers a checkpoint's model has: its config.json decides.

A model that reads images is loaded as one, whatever is asked of it, so that the names of its layers
are those of its files; any other as a causal language model.
"""

from typing import Any

import transformers
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)

from aqm_runner.model.checkpoint_files import CONFIG, read_config, unreadable
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def check_architecture(place: Place) -> None:
    """Refuses a model that transformers cannot generate text with, before anything is imported.

    Raises:
        RunnerError: gate_failed `unreadable_checkpoint` where config.json says no model_type;
            `unknown_architecture` naming the one that it says, unless a trusted checkpoint brings
            the class itself.
    """
    type_ = _model_type(place)
    if place.trusted and _own_classes(read_config(place, CONFIG)):
        return
    if type_ in CONFIG_MAPPING_NAMES and (
        type_ in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        or type_ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    ):
        return
    known = "has it as another kind of model" if type_ in CONFIG_MAPPING_NAMES else "lacks it"
    raise gate_failed(
        "unknown_architecture",
        f"config.json of {place.name} says model_type {type_!r}. aqm scores causal language models "
        f"and models of images and text, and transformers {transformers.__version__} {known}.",
        file=f"{place.name}/{CONFIG}",
        next_step="Place a checkpoint of a family that transformers has among its models for "
        "causal language modelling or for images and text. An older one may carry another "
        "model_type than its architecture is called today.",
    )


def check_images(place: Place, scope: str) -> None:
    """Refuses the scope all_layers for a model that reads no images.

    Raises:
        RunnerError: gate_failed `no_images` naming the model's type.
    """
    if scope == "all_layers" and not reads_images(place):
        raise gate_failed(
            "no_images",
            f"The scope all_layers takes images, and {place.name} (model_type "
            f"{_model_type(place)!r}) is a "
            "model of text alone.",
            file=f"{place.name}/{CONFIG}",
            next_step="Take the scope lm, which has all layers of such a model, and say "
            "images: false in the model's config.",
        )


def reads_images(place: Place) -> bool:
    """Returns whether a checkpoint's model takes images beside text."""
    own = _own_classes(read_config(place, CONFIG)) if place.trusted else set()
    return _reads_images(_model_type(place), own)


def auto_class(config: PreTrainedConfig) -> Any:
    """Returns the Auto class that a config's model is loaded with."""
    own = _own_classes({"auto_map": getattr(config, "auto_map", None)})
    with_images = _reads_images(config.model_type, own)
    return AutoModelForImageTextToText if with_images else AutoModelForCausalLM


def attention_of(config: PreTrainedConfig) -> str:
    """Returns the implementation of attention: torch's own (sdpa) where the model has it."""
    kind = auto_class(config)._model_mapping.get(type(config), None)
    return "sdpa" if kind is None or kind._supports_sdpa else "eager"


def _own_classes(config: dict[str, Any]) -> set[str]:
    """Returns those of the two Auto classes that code of the checkpoint stands for."""
    auto_map = config.get("auto_map")
    known = {"AutoModelForCausalLM", "AutoModelForImageTextToText"}
    return known & set(auto_map) if isinstance(auto_map, dict) else set()


def _reads_images(type_: str, own: set[str]) -> bool:
    if own:
        return "AutoModelForImageTextToText" in own
    return type_ in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


def _model_type(place: Place) -> str:
    type_ = read_config(place, CONFIG).get("model_type")
    if not isinstance(type_, str):
        raise unreadable(place, CONFIG, "it does not say model_type, the family of the model")
    return type_
