"""An exported folder as transformers loads it, with the library compressed-tensors."""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from compressed_tensors.compressors.nvfp4 import base as nvfp4
from torch import nn
from transformers import AutoConfig

from aqm_runner.export.architecture import empty_model
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import Form
from aqm_runner.export.gates import config_differs
from aqm_runner.export.plain_model import load_plain
from aqm_runner.model.architectures import attention_of, auto_class
from aqm_runner.model.checkpoint import OURS
from aqm_runner.model.stacked_experts import stacked_modules


def load_exported(
    folder: ExportedFolder, forms: Mapping[str, Form], dtype: torch.dtype, device: str
) -> nn.Module:
    """Returns the model in evaluation mode; it quantizes inputs as the config says.

    The library finds the forms by itself. Experts that transformers holds in one tensor are read by
    our own formulas: transformers dequantizes them and leaves their inputs as they are.

    Raises:
        RunnerError: gate_failed `config_and_files` where transformers has no place for a tensor, or
            no tensor for a place, which it would leave as it happens to be.
    """
    if stacked_modules(empty_model(folder.place)):
        return load_plain(folder, forms, dtype, device)
    config = AutoConfig.from_pretrained(folder.place.path, **OURS)
    model, info = auto_class(config).from_pretrained(
        folder.place.path,
        dtype=dtype,
        attn_implementation=attention_of(config),
        use_safetensors=True,
        output_loading_info=True,
        **OURS,
    )
    _check(folder, info)
    model = model.to(device).eval()
    with _fp4_in(dtype):
        # Otherwise the first forward pass does it.
        model.hf_quantizer.compressor.decompress_model(model)
    return model


@contextlib.contextmanager
def _fp4_in(dtype: torch.dtype) -> Iterator[None]:
    """Has FP4 weights computed in a dtype for a while: 0.17.0 knows only bfloat16 for them."""
    unpack = nvfp4.unpack_fp4_from_uint8
    nvfp4.unpack_fp4_from_uint8 = functools.partial(unpack, dtype=dtype)
    try:
        yield
    finally:
        nvfp4.unpack_fp4_from_uint8 = unpack


def _check(folder: ExportedFolder, info: dict[str, Any]) -> None:
    for what, said in (
        ("missing_keys", "lacks"),
        ("mismatched_keys", "has in another shape"),
        ("unexpected_keys", "has, without a place for it,"),
    ):
        names = sorted(str(name) for name in info[what])
        if names:
            raise config_differs(
                folder, "config.json", f"describes a model to which the folder {said} {names[0]}"
            )
