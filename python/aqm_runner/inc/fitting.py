"""A model with chosen ops in INT8, made by INC's own quantization."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from aqm_runner.inc.subgraphs import WRAPPED
from aqm_runner.model.batches import IGNORED, Batch

KEPT = {"activation": {"dtype": ["fp32"]}, "weight": {"dtype": ["fp32"]}}
# What a whole type of op stays: normalizations and embeddings are kept, and no patch convolution
# can be INT8 (docs/inc.md).
KEPT_TYPES = ("Embedding", "EmbeddingBag", "LayerNorm", "Conv1d", "Conv2d", "Conv3d")


class _Calibration:
    """The batches as INC walks them: pairs of inputs and something that it takes for a label."""

    def __init__(self, batches: list[Batch]) -> None:
        self._batches = batches
        self.batch_size = max(batch.samples for batch in batches)

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], int]]:
        for batch in self._batches:
            yield batch.inputs, 0


@torch.no_grad()
def fit(model: nn.Module, linears: list[str], ops: list[str], batches: list[Batch]) -> Any:
    """Returns INC's model with exactly `ops` in INT8; the given model must not be used again.

    Args:
        model: In float32 on a CPU.
        linears: Paths of all linear layers.
        ops: Those to be INT8.
        batches: What the ranges of activations are found on.
    """
    from neural_compressor import quantization, set_workspace
    from neural_compressor.config import PostTrainingQuantConfig

    # A name that INC wrapped ends otherwise; a pattern that fits no name is ignored in silence.
    kept = {
        rf"{re.escape(name)}({re.escape(WRAPPED)})?": KEPT for name in linears if name not in ops
    }
    config = PostTrainingQuantConfig(
        approach="static",
        quant_level=1,
        calibration_sampling_size=[len(batches) * max(batch.samples for batch in batches)],
        op_name_dict=kept,
        op_type_dict=dict.fromkeys(KEPT_TYPES, KEPT),
        excluded_precisions=["bf16"],
    )
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="aqm-inc-") as scratch:
        os.chdir(scratch)  # INC writes its history where it stands
        try:
            set_workspace(scratch)
            return quantization.fit(model, config, calib_dataloader=_Calibration(batches))
        finally:
            os.chdir(before)


def int8_ops(model: nn.Module) -> list[str]:
    """Returns the paths of all ops that are INT8 in a model, without INC's endings, sorted."""
    from torch.ao.nn.quantized import Conv1d, Conv2d, Conv3d, Embedding, Linear

    kinds = (Linear, Conv1d, Conv2d, Conv3d, Embedding)
    return sorted(
        name.removesuffix(WRAPPED)
        for name, module in model.named_modules()
        if isinstance(module, kinds)
    )


@torch.no_grad()
def loss(model: nn.Module, batches: list[Batch]) -> float:
    """Returns the mean cross-entropy over all tokens in the loss, in nats a token."""
    total, tokens = 0.0, 0
    for batch in batches:
        logits = model(**batch.inputs, use_cache=False).logits[:, :-1].flatten(0, 1)
        labels = batch.labels[:, 1:].flatten()
        total += float(cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
        tokens += int((labels != IGNORED).sum())
    return total / tokens
