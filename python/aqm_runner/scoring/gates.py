"""What a table of scores must satisfy before it may be called a result.

Pure functions on plain data. Engines report success in all of these cases.
"""

import math

from aqm_runner.model.module_kinds import part_of
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.scoring.table import Group


def check_groups(
    groups: list[Group], quantized: list[str], include_lm_head: bool, format_name: str
) -> None:
    """Runs all gates on the groups of one format.

    Args:
        groups: All groups, enabled or not.
        quantized: Paths of all modules that the engine can quantize.
        include_lm_head: Whether the request wants the output head scored.
        format_name: For messages.

    Raises:
        RunnerError: gate_failed `partition_mismatch`, `lm_head_mismatch`, `not_exercised`,
            `non_finite_score`, `all_zero` or `family_at_zero`, whichever comes first.
    """
    _check_partition(groups, quantized)
    _check_lm_head(groups, include_lm_head)
    enabled = [group for group in groups if group.enabled]
    for group in enabled:
        if group.executions < 1 or group.score is None:
            raise gate_failed(
                "not_exercised",
                f"{group.name} was never reached while scoring {format_name} "
                f"({group.executions} forward calls); its zero would mean nothing.",
                next_step="Calibrate on data that reaches it (images for the vision layers), or "
                "leave it out of the scope.",
            )
        if not math.isfinite(group.score):
            raise non_finite(f"{group.name} scores {group.score} in {format_name}.")
    _check_zeros(enabled, format_name)


def non_finite(message: str) -> RunnerError:
    """Returns the failure of the gate `non_finite_score`."""
    return gate_failed(
        "non_finite_score",
        message,
        next_step="Check the checkpoint's weights for NaN and infinity; with bfloat16, try "
        "float32.",
    )


def _check_partition(groups: list[Group], quantized: list[str]) -> None:
    members = [module for group in groups for module in group.modules]
    if sorted(members) != sorted(quantized):
        odd = sorted(set(members) ^ set(quantized))
        raise gate_failed(
            "partition_mismatch",
            f"The groups hold {len(members)} modules, the engine quantizes {len(quantized)}; not "
            f"in both, or twice: {', '.join(odd[:3]) or 'a repeated one'}.",
            next_step="Report it: the engine's grouping rules do not fit this model.",
        )


def _check_lm_head(groups: list[Group], include_lm_head: bool) -> None:
    enabled = any(group.enabled for group in groups if family(group) == "lm_head")
    if enabled != include_lm_head:
        raise gate_failed(
            "lm_head_mismatch",
            f"The request {'includes' if include_lm_head else 'leaves out'} lm_head, but it was "
            f"{'scored' if enabled else 'not scored'}.",
            next_step="Check include_lm_head; a model without an lm_head module cannot include it.",
        )


def _check_zeros(enabled: list[Group], format_name: str) -> None:
    if all(group.score == 0 for group in enabled):
        raise gate_failed(
            "all_zero",
            f"Every score of {format_name} is exactly zero: nothing was quantized while scoring.",
            next_step="Check that the format's rules are *weight_quantizer and *input_quantizer.",
        )
    families: dict[str, list[Group]] = {}
    for group in enabled:
        families.setdefault(family(group), []).append(group)
        role = group.modules[0].rsplit(".", 1)[-1]
        families.setdefault(f"{family(group)} {role}", []).append(group)
    for name, members in families.items():
        # One layer may be exact in a format; a kind of layer is not, in every block of a model.
        if (len(members) > 1 or name == "lm_head") and all(group.score == 0 for group in members):
            raise gate_failed(
                "family_at_zero",
                f"All {len(members)} groups of the family {name!r} score exactly zero in "
                f"{format_name}: they were not exercised, not robust.",
                next_step="Calibrate on data that reaches this part of the model.",
            )


def family(group: Group) -> str:
    """Returns "vision", "lm_head" or "language" for a group."""
    return part_of(group.modules[0])
