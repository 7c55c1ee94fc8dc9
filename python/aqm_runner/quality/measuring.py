"""Measuring a model on held-out batches, beside what the unquantized model said of them."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aqm_runner.quality.figures import Intervals, reference_figures
from aqm_runner.quality.held_out import TOKENS, HeldOut, HeldOutBatch
from aqm_runner.quality.tokens import TokenFigures, compare
from aqm_runner.runner.failures import RunnerError, gate_failed

# Share of the free memory that batches and reference logits may take; the rest is for the model.
SHARE = 0.5


# Which batch, and what computes its logits → the logits.
Forward = Callable[[Hashable, Callable[[], Tensor]], Tensor]


class Measurement:
    """Compares models with the unquantized one, which is looked at first.

    The unquantized model's logits are kept in the type in which it gives them, on the device where
    they fit, else in the host's memory; what is computed from them has the same bits.

    Args:
        held_out: What to measure on.
        device: "cpu" or "cuda".

    Attributes:
        loss: Cross-entropy of each counted token by the unquantized model, once it was looked at.
    """

    def __init__(self, held_out: HeldOut, device: str) -> None:
        self._held_out = held_out
        self._device = device
        self._home = device
        self._batches: list[HeldOutBatch] = []
        self._unquantized: list[Tensor] = []
        self._reference: dict[Intervals, dict[str, Any]] = {}
        self.loss: NDArray[np.float64] = np.empty(0)

    def look_at_unquantized(self, model: nn.Module, name: str) -> None:
        """Keeps the logits of the unquantized model.

        Args:
            model: Unquantized, in evaluation mode.
            name: The checkpoint, for messages.

        Raises:
            RunnerError: gate_failed `non_finite_logits`.
        """
        self._home = self._home_for(model)
        self._batches = [batch.to(self._home) for batch in self._held_out.batches]
        found = []
        self._unquantized = []
        for batch in self._batches:
            there = batch.to(self._device)
            logits = _logits(model, there)
            if not bool(logits.isfinite().all()):
                raise non_finite_logits(f"the unquantized model of {name}", name)
            found.append(compare(logits, logits, there.labels))
            self._unquantized.append(logits.to(self._home))
        self.loss = self._collect(found).loss
        self._reference = {}

    def reference(self, intervals: Intervals) -> dict[str, Any]:
        """Returns `reference_figures` of the unquantized model, worked out once."""
        if intervals not in self._reference:
            self._reference[intervals] = reference_figures(
                self.loss, self._held_out.sample_tokens, intervals
            )
        return self._reference[intervals]

    def measure(self, model: nn.Module, forward: Forward | None = None) -> TokenFigures:
        """Returns what each counted token says of a model; samples in their own order.

        Args:
            model: In evaluation mode.
            forward: Computes logits instead of a plain forward pass, to the same bits.
        """
        found = []
        for index, batch in enumerate(self._batches):
            there = batch.to(self._device)
            compute = functools.partial(_logits, model, there)
            logits = compute() if forward is None else forward((id(self), index), compute)
            unquantized = self._unquantized[index].to(self._device)
            found.append(compare(unquantized, logits, there.labels))
        return self._collect(found)

    def block_bytes(self, model: Any) -> int:
        """Returns how many bytes one block of a model makes of all batches, pads included."""
        tokens = sum(batch.inputs[TOKENS].numel() for batch in self._held_out.batches)
        element = next(model.parameters()).element_size()
        return int(tokens * model.config.get_text_config().hidden_size * element)

    def _home_for(self, model: nn.Module) -> str:
        if self._device != "cuda":
            return self._device
        free, _ = torch.cuda.mem_get_info()
        free += torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        parameter = next(model.parameters())
        vocabulary = model.config.get_text_config().vocab_size
        needed = self._held_out.tokens * vocabulary * parameter.element_size() + sum(
            value.nbytes for batch in self._held_out.batches for value in batch.inputs.values()
        )
        return "cuda" if needed < SHARE * free else "cpu"

    def _collect(self, found: list[Tensor]) -> TokenFigures:
        """Returns batches' (4, tokens) in the order of the samples."""
        lengths = self._held_out.sample_tokens
        starts = np.concatenate([[0], np.cumsum(lengths)])
        collected = np.empty((4, self._held_out.tokens))
        for batch, values in zip(self._batches, found, strict=True):
            places = [np.arange(starts[s], starts[s + 1]) for s in batch.samples]
            collected[:, np.concatenate(places)] = values.cpu().numpy()
        return TokenFigures(*collected)


def non_finite_logits(whose: str, file: str) -> RunnerError:
    """Returns the failure of the gate `non_finite_logits`; `whose` follows "logits of"."""
    return gate_failed(
        "non_finite_logits",
        f"The logits of {whose} are not all finite numbers, so that nothing measured from them "
        "means anything.",
        file=file,
        next_step="Check the checkpoint's weights for NaN and infinity; with bfloat16, try "
        "float32.",
    )


@torch.inference_mode()
def _logits(model: Any, batch: HeldOutBatch) -> Tensor:
    """Returns the logits that predict counted tokens, (tokens, vocabulary)."""
    output = model(**batch.inputs, use_cache=False, logits_to_keep=batch.kept)
    return output.logits.flatten(0, 1)[batch.rows]
