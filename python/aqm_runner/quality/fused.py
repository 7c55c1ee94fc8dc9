"""Which layers of a group a server runs as one, so that they have one scale where it is one number.

A group is what must share one format (`scoring.grouping`). A server fuses the group into one matrix
product, except where it holds experts: then gate and up of one expert are fused, and the inputs of
all experts have one scale, since a token is quantized once for all of them.
"""

import re

# Of an expert: what a server runs as one product; what is left runs alone.
EXPERT = re.compile(r"(?P<experts>.*?)\.(?P<number>\d+)\.(?P<role>[^.]+)")
FIRST = ("gate_proj", "up_proj", "w1", "w3")
NUMBERED = re.compile(r"(?P<experts>.*?)\.(?P<role>w[123]_linear)\.(?P<number>\d+)")
FIRST_NUMBERED = ("w1_linear", "w3_linear")


def fused_keys(name: str, members: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns two keys: layers alike in the first share a weight's range, in the second an input's.

    Args:
        name: Path of a layer.
        members: How many layers its group has.
    """
    if members == 1:
        return (name,), (name,)
    for pattern, first in ((EXPERT, FIRST), (NUMBERED, FIRST_NUMBERED)):
        found = pattern.fullmatch(name)
        if found:
            role = "first" if found["role"] in first else found["role"]
            return (found["experts"], found["number"], role), (found["experts"], role)
    return (), ()
