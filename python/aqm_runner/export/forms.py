"""How one layer is stored in an exported folder, and how its weight is computed from that.

The formulas are written here again, independent of the libraries that write the folders. Names of
dtypes are those of safetensors. N is the number of rows of a weight (outputs of its layer), K that
of its columns (inputs).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

# The magnitudes of FP4 (E2M1), by the lower three bits of a code; the fourth is the sign.
FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FP4_BLOCK = 16
FP4_LARGEST, FP8_LARGEST, INT8_LARGEST = 6.0, 448.0, 127.0
# Of the largest weight of a layer. A quotient, a division and a product of the simulation stand
# against a quotient and a product of the file: each rounds by at most 2^-24.
LAST_BITS = 2.0**-22
# The simulated weight is rounded to bfloat16, and so is the one of the file: where the two lie on
# both sides of a tie, they differ by one unit in the last of 8 bits. For the smallest number of 8
# bits, 1.0000000 in binary, that is 2^-7 of the number.
LAST_BIT_OF_BFLOAT16 = 2.0**-7


# Of a layer whose input features are scaled first (SmoothQuant, AWQ), its weight inversely.
FEATURE_SCALES = "pre_quant_scale"


@dataclass(frozen=True)
class Stored:
    """Dtype, as safetensors names it, and shape of a stored tensor."""

    dtype: str
    shape: tuple[int, ...]


class Form(Protocol):
    """How a layer is stored.

    Attributes:
        label: What the folder's config calls it.
        block: K must be a multiple of this number.
        rows: N must be a multiple of this number.
        shared: Last parts of the names of tensors that hold one number for the layer, so that
            layers which a server fuses must have the same.
    """

    label: str
    block: int
    rows: int
    shared: tuple[str, ...]

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """Returns what is stored for a weight (N, K), by the last part of its name."""
        ...

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Returns the weight (N, K) in float32."""
        ...

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """Returns the largest magnitude of the inputs that their scale stands for, or None."""
        ...

    def tolerance(self, dtype: torch.dtype) -> float:
        """Returns how far it may be from the simulated weight, as a share of the largest weight.

        Args:
            dtype: Of the simulated weight, to which the weight of the file is rounded as well.
        """
        ...


@dataclass(frozen=True)
class EightBits:
    """A code of 8 bits for each weight, FP8 (E4M3) or INT8: weight = code * weight_scale.

    Attributes:
        codes: "F8_E4M3" or "I8".
        one_scale: Whether the whole weight has one scale; else each row has one.
        scalar: Shape of a tensor that holds one number: (1,) or ().
        column: Whether scales of rows have the shape (N, 1); else (N,).
        inputs: Whether the inputs are quantized, with one scale.
        exact: Whether the scale is bit for bit that of the simulation.
    """

    label: str
    codes: str
    one_scale: bool
    scalar: tuple[int, ...]
    column: bool
    inputs: bool
    exact: bool
    block: int = 1
    rows: int = 1

    @property
    def shared(self) -> tuple[str, ...]:
        """Returns the scales that are one number."""
        weight = ("weight_scale",) if self.one_scale else ()
        return (*weight, "input_scale") if self.inputs else weight

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """See `Form`."""
        of_rows = (shape[0], 1) if self.column else (shape[0],)
        scale = Stored("F32", self.scalar if self.one_scale else of_rows)
        found = {"weight": Stored(self.codes, shape), "weight_scale": scale}
        return found | ({"input_scale": Stored("F32", self.scalar)} if self.inputs else {})

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """See `Form`."""
        scale = tensors["weight_scale"]
        return tensors["weight"].float() * scale.reshape(1 if self.one_scale else -1, 1)

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """See `Form`."""
        bound = FP8_LARGEST if self.codes == "F8_E4M3" else INT8_LARGEST
        return tensors["input_scale"] * bound if self.inputs else None

    def tolerance(self, dtype: torch.dtype) -> float:
        """See `Form`."""
        return 0.0 if self.exact else _last_bits(dtype)


@dataclass(frozen=True)
class PackedIntegers:
    """INT4 or INT8 weights of compressed-tensors, in 32-bit words: weight = code * weight_scale.

    A word holds 32 / bits codes of one row, the first in its lowest bits, each with 2^(bits - 1)
    added. The scale of a block of columns, or of a row, is a bfloat16 number: a server keeps it so.
    """

    label: str
    bits: int
    # Columns that share a scale; None: the whole row.
    group: int | None
    rows: int = 1
    shared: tuple[str, ...] = ()

    @property
    def block(self) -> int:
        """Returns the columns of a block."""
        return self.group or 1

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """See `Form`."""
        rows, columns = shape
        return {
            "weight_packed": Stored("I32", (rows, -(-columns // (32 // self.bits)))),
            "weight_scale": Stored("BF16", (rows, columns // self.group if self.group else 1)),
            "weight_shape": Stored("I64", (2,)),
        }

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """See `Form`."""
        packed, scale = tensors["weight_packed"], tensors["weight_scale"].float()
        rows, columns = tensors["weight_shape"].tolist()
        places = torch.arange(0, 32, self.bits, dtype=torch.int32, device=packed.device)
        words = packed.unsqueeze(-1) >> places
        codes = (words & (2**self.bits - 1)) - 2 ** (self.bits - 1)
        codes = codes.reshape(rows, -1)[:, :columns].float()
        return (codes.reshape(rows, scale.shape[1], -1) * scale.unsqueeze(-1)).reshape(
            rows, columns
        )

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """See `Form`; the inputs are not quantized."""
        del tensors
        return None

    def tolerance(self, dtype: torch.dtype) -> float:
        """See `Form`."""
        return _last_bits(dtype)


@dataclass(frozen=True)
class PackedPairsOfRows:
    """INT4 weights of ModelOpt: a byte holds the codes of two rows, in two's complement.

    weight = code * weight_scale, the scale of a block of columns; the lower four bits are those of
    the first row of the two.
    """

    label: str
    group: int
    shared: tuple[str, ...] = ()
    rows: int = 2

    @property
    def block(self) -> int:
        """Returns the columns of a block."""
        return self.group

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """See `Form`."""
        rows, columns = shape
        return {
            "weight": Stored("U8", (rows // 2, columns)),
            "weight_scale": Stored("F32", (rows, columns // self.group)),
        }

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """See `Form`."""
        packed, scale = tensors["weight"].int(), tensors["weight_scale"].float()
        codes = torch.stack([packed & 15, packed >> 4], 1).reshape(-1, packed.shape[1])
        codes = codes - 16 * (codes > 7).int()
        rows, columns = codes.shape
        blocks = codes.reshape(rows, columns // self.group, self.group).float()
        return (blocks * scale.unsqueeze(-1)).reshape(rows, columns)

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """See `Form`; the inputs are not quantized."""
        del tensors
        return None

    def tolerance(self, dtype: torch.dtype) -> float:
        """See `Form`."""
        return _last_bits(dtype)


@dataclass(frozen=True)
class Fp4Blocks:
    """NVFP4: two FP4 codes a byte, an FP8 scale a block of 16 columns, one scale for all blocks.

    weight = code * weight_scale * all, where `all` is `weight_scale_2` in ModelOpt's folders and
    1 / `weight_global_scale` in those of compressed-tensors. The lower four bits of a byte are the
    first column's.

    Attributes:
        packed: Name of the codes.
        of_blocks: Name of the scale of all blocks.
        of_input: Name of the scale of the inputs; None where they are not quantized.
        inverse: Whether `of_blocks` is the inverse of the scale.
        scalar: Shape of a tensor that holds one number.
    """

    label: str
    packed: str
    of_blocks: str
    of_input: str | None
    inverse: bool
    scalar: tuple[int, ...]
    block: int = FP4_BLOCK
    rows: int = 1

    @property
    def shared(self) -> tuple[str, ...]:
        """Returns the scales that are one number."""
        return (self.of_blocks, self.of_input) if self.of_input else (self.of_blocks,)

    def tensors(self, shape: tuple[int, int]) -> dict[str, Stored]:
        """See `Form`."""
        rows, columns = shape
        one = Stored("F32", self.scalar)
        return {
            self.packed: Stored("U8", (rows, columns // 2)),
            "weight_scale": Stored("F8_E4M3", (rows, columns // FP4_BLOCK)),
        } | dict.fromkeys(self.shared, one)

    def dequantize(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """See `Form`."""
        packed, all_ = tensors[self.packed].int(), tensors[self.of_blocks].reshape(())
        codes = torch.stack([packed & 15, packed >> 4], -1).reshape(packed.shape[0], -1)
        values = torch.tensor((*FP4, *(-each for each in FP4)), device=packed.device)[codes]
        scale = tensors["weight_scale"].float() * (1 / all_ if self.inverse else all_)
        blocks = values.reshape(*scale.shape, FP4_BLOCK) * scale.unsqueeze(-1)
        return blocks.reshape(values.shape)

    def input_range(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        """See `Form`."""
        if self.of_input is None:
            return None
        scale = tensors[self.of_input]
        return FP4_LARGEST * FP8_LARGEST * (1 / scale if self.inverse else scale)

    def tolerance(self, dtype: torch.dtype) -> float:
        """See `Form`."""
        return _last_bits(dtype)


def _last_bits(dtype: torch.dtype) -> float:
    return LAST_BITS if dtype == torch.float32 else LAST_BIT_OF_BFLOAT16
