"""Candidate formats in AutoRound's form: the fields of its QuantizationScheme.

Rules make them from the quantizers of a pair of formats; `ops/autoround_scores.json` says what each
field means. Numbers are rounded by AutoRound's own arithmetic, which differs from ModelOpt's: a
symmetric integer scale has the sign of the largest value and uses the whole range, so that of INT4
-8 to 7.
"""

from dataclasses import dataclass
from typing import Any

from aqm_runner.runner.failures import RunnerError, bad_request

# Bits that a type of number may have; of weights and of activations alike.
BITS = {"int": range(2, 9), "fp": (8,), "mx_fp": (4, 6, 8), "nv_fp": (4,)}
# Weights along the last axis that share a scale; None: any.
BLOCK = {"mx_fp": 32, "nv_fp": 16}
UNQUANTIZED = 16
# AutoRound scales NVFP4 activations by a second scale of the whole tensor under this name.
ACTIVATION_TYPES = {"nv_fp": "nv_fp4_with_static_gs"}


@dataclass(frozen=True, eq=False)
class Format:
    """A candidate.

    Attributes:
        name: For documents and messages.
        scheme: The fields of AutoRound's QuantizationScheme.
    """

    name: str
    scheme: dict[str, Any]

    @property
    def charged_bits(self) -> float:
        """Bits of one weight, without its share of the scale."""
        return float(self.scheme["bits"])

    @property
    def quantizes_activations(self) -> bool:
        """Whether inputs of layers are rounded as well."""
        return self.scheme["act_bits"] < UNQUANTIZED


def as_format(name: str, config: dict[str, Any]) -> Format:
    """Returns a format of a request.

    Args:
        name: For messages.
        config: As `ops/autoround_scores.json` says.

    Raises:
        RunnerError: bad_request `unsupported_format` for numbers or blocks that AutoRound does not
            have.
    """
    _check(name, "weights", config["data_type"], config["bits"], config["group_size"])
    scheme = {
        "bits": config["bits"],
        "group_size": config["group_size"],
        "sym": config["sym"],
        "data_type": config["data_type"],
        "act_bits": config["act_bits"],
        "act_group_size": None,
        "act_sym": None,
        "act_data_type": None,
        "act_dynamic": None,
    }
    if config["act_bits"] < UNQUANTIZED:
        missing = [key for key in scheme if scheme[key] is None and config.get(key) is None]
        if missing:
            raise _unsupported(name, f"activations without {', '.join(missing)}")
        type_ = config["act_data_type"]
        _check(name, "activations", type_, config["act_bits"], config["act_group_size"])
        scheme |= {
            "act_group_size": config["act_group_size"],
            "act_sym": config["act_sym"],
            "act_data_type": ACTIVATION_TYPES.get(type_, type_),
            "act_dynamic": config["act_dynamic"],
        }
    return Format(name, scheme)


def _check(name: str, of: str, type_: str, bits: int, group: int) -> None:
    if bits not in BITS[type_]:
        raise _unsupported(name, f"{of} of the type {type_} with {bits} bits")
    if type_ in BLOCK and group != BLOCK[type_]:
        raise _unsupported(name, f"{of} of the type {type_} in blocks of {group}")
    if group < -1:
        raise _unsupported(name, f"{of} in blocks of {group}")


def _unsupported(name: str, what: str) -> RunnerError:
    return bad_request(
        "unsupported_format",
        f"AutoRound does not quantize to {name}, which has {what}.",
        next_step="Choose integers of 2 to 8 bits, FP8, MXFP4, MXFP8 or NVFP4, or score it with "
        "ModelOpt.",
    )
