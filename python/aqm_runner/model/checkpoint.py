"""Loading a Hugging Face checkpoint folder, whole or not at all.

Its own code runs only where the rule trusts the place, from a folder of this process alone.
"""

import functools
import tempfile
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    dynamic_module_utils,
)

from aqm_runner.model.architectures import attention_of, auto_class, check_architecture
from aqm_runner.model.checkpoint_files import check_checkpoint, check_code, loading
from aqm_runner.model.placement import (
    check_room,
    check_shared_out,
    free_memory,
    release_memory,
    shared_out,
)
from aqm_runner.model.weight_files import unreadable
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

# What every call of transformers that reads a checkpoint gets: no network, no code of others.
OURS = {"local_files_only": True, "trust_remote_code": False}
SHOWN = 3
# One of these is what transformers reads words from, unless code of the checkpoint does.
TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


def reading(place: Place) -> dict[str, bool]:
    """Returns `OURS`, with code of the checkpoint allowed where its place is trusted."""
    if place.trusted:
        check_code(place)
        _keep_code_apart()
    return OURS | {"trust_remote_code": place.trusted}


@functools.cache
def _keep_code_apart() -> tempfile.TemporaryDirectory[str]:
    """Has transformers copy a checkpoint's modules to a folder that goes with this process.

    By itself it imports them from a cache in the user's home, which other programs write to.
    """
    folder = tempfile.TemporaryDirectory(prefix="aqm-checkpoint-code-")
    dynamic_module_utils.HF_MODULES_CACHE = folder.name
    return folder


def load_model(place: Place, dtype: str, device: str) -> PreTrainedModel:
    """Returns the full model in evaluation mode, with its vision part if it has one.

    Args:
        place: The checkpoint folder.
        dtype: "float32" or "bfloat16".
        device: "cpu" or "cuda"; of several CUDA devices that are seen, each gets some layers.

    Raises:
        RunnerError: gate_failed of `check_checkpoint` and `check_architecture`; out_of_memory
            `model_too_large`;
            `unreadable_checkpoint`;
            `incomplete_checkpoint` if a weight is missing, which transformers would replace by
            random numbers; `unused_weights` if the model has no place for one.
    """
    release_memory(device)  # what an earlier job of this process left would count as taken
    free = free_memory(device)
    check_room(place, check_checkpoint(place).values(), dtype, free)
    sharing = shared_out(free)
    config = load_config(place)
    with loading(place, "the model") as folder:
        model, info = auto_class(config).from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            attn_implementation=attention_of(config),
            # One expert at a time on every device, as ModelOpt quantizes them.
            experts_implementation="eager",
            use_safetensors=True,
            output_loading_info=True,
            **sharing,
            **reading(place),
        )
        _check_loaded(place, model, info)
    if sharing:
        check_shared_out(place, model, free)
        return model.eval()
    return model.to(device).eval()


def load_config(place: Place) -> PreTrainedConfig:
    """Returns the model's configuration.

    Raises gate_failed `unreadable_checkpoint`, and what `check_architecture` raises.
    """
    check_architecture(place)
    with loading(place, "the model's configuration") as folder:
        return AutoConfig.from_pretrained(folder, **reading(place))


def load_tokenizer(place: Place) -> Any:
    """Returns the tokenizer; raises gate_failed `unreadable_checkpoint`."""
    if not place.trusted and not any((place.path / name).is_file() for name in TOKENIZERS):
        raise unreadable(
            place,
            "",
            f"it has no {TOKENIZERS[0]} (a tokenizer.model alone is not read)",
            "Place the tokenizer's files beside the weights (transformers: save_pretrained).",
        )
    with loading(place, "the tokenizer") as folder:
        return AutoTokenizer.from_pretrained(folder, **reading(place))


def load_processor(place: Place) -> Any:
    """Returns the processor of images and texts; raises gate_failed `unreadable_checkpoint`."""
    with loading(place, "the image processor") as folder:
        processor = AutoProcessor.from_pretrained(folder, **reading(place))
        if not hasattr(processor, "image_processor"):
            raise ValueError("it has no preprocessor_config.json or processor_config.json")
        if processor.chat_template is None:
            raise ValueError("it has no chat template (chat_template.jinja or chat_template.json)")
        return processor


def _check_loaded(place: Place, model: PreTrainedModel, info: dict[str, Any]) -> None:
    for what in ("missing_keys", "mismatched_keys"):
        names = sorted(str(name) for name in info[what])
        if names:
            raise _incomplete(place, model, what, names)
    unused = sorted(str(name) for name in info["unexpected_keys"])
    if unused:
        raise gate_failed(
            "unused_weights",
            f"{place.name} holds {len(unused)} weights for which {type(model).__name__}, as its "
            f"config.json describes it, has no place: {_some(unused)}; they would be ignored.",
            file=f"{place.name}/config.json",
            next_step="Check that config.json belongs to these weights (model_type, number of "
            "layers), or save the model without what it does not use.",
        )


def _incomplete(place: Place, model: PreTrainedModel, what: str, names: list[str]) -> RunnerError:
    head = model.get_output_embeddings()
    tied = {name for name, module in model.named_modules() if head is not None and module is head}
    if what == "missing_keys" and names == [f"{name}.weight" for name in tied]:
        return gate_failed(
            "incomplete_checkpoint",
            f"{place.name} lacks {names[0]}, which would be random, while its config.json says "
            "that the head has weights of its own (tie_word_embeddings is false, or not there).",
            file=f"{place.name}/config.json",
            next_step='If the head shares the weights of the embedding, set "tie_word_embeddings": '
            "true at the top of config.json; otherwise download the weights again.",
        )
    return gate_failed(
        "incomplete_checkpoint",
        f"{place.name} lacks weights of its model ({what}: {_some(names)}); they would be random.",
        file=place.name,
        next_step="Download the checkpoint again, with all its *.safetensors files.",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
