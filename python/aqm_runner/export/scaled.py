"""A layer whose input features are scaled before all else, as SmoothQuant and AWQ have it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from aqm_runner.export.forms import FEATURE_SCALES, Form, Stored


def plain_form(form: Form) -> Form:
    """Returns how weight and inputs are stored, whether features are scaled first or not."""
    return form.form if isinstance(form, ScaledInputs) else form


@dataclass(frozen=True)
class ScaledInputs:
    """A form with one more tensor: output = weight (N, K) x (input x pre_quant_scale (K,)).

    The stored weight is the original one divided by the scales.

    Attributes:
        form: How weight and inputs are stored.
        dtype: Of the scales, as safetensors names it: the model's.
    """

    form: Form
    dtype: str

    @property
    def label(self) -> str:
        """Returns what the config calls it; no config says which layers have scales."""
        return self.form.label

    @property
    def block(self) -> int:
        """See `Form`."""
        return self.form.block

    @property
    def rows(self) -> int:
        """See `Form`."""
        return self.form.rows

    @property
    def shared(self) -> tuple[str, ...]:
        """Returns the scales that fused layers have in common: these, too."""
        return (*self.form.shared, FEATURE_SCALES)

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """See `Form`."""
        return self.form.tensors(shape) | {FEATURE_SCALES: Stored(self.dtype, (shape[1],))}

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Returns the weight that scaled inputs are multiplied with."""
        return self.form.dequantize(tensors)

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """Returns the range of the scaled inputs."""
        return self.form.input_range(tensors)

    def tolerance(self, dtype: torch.dtype) -> float:
        """See `Form`."""
        return self.form.tolerance(dtype)
