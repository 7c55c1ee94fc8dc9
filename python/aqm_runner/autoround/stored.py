"""What a folder of AutoRound holds, by its tensors: bits of each layer, and what stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from aqm_runner.autoround.formats import Format
from aqm_runner.model.weight_files import Tensor, read_weight_headers
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

# The tensor with the codes → the axis along which a 32-bit number holds several.
PACKED = {"qweight": 0, "weight_packed": 1}
WORD = 32
SHOWN = 3


@dataclass(frozen=True)
class StoredLayer:
    """Bits of a quantized layer's weight, and weights that share a scale."""

    bits: int
    group: int


def stored_layers(
    headers: Mapping[str, Tensor], columns: Mapping[str, int]
) -> dict[str, StoredLayer]:
    """Returns the layers of a folder that are quantized.

    Args:
        headers: Of all tensors, by name.
        columns: Inputs of each linear layer of the model, by path.
    """
    found = {}
    for name, tensor in headers.items():
        layer, _, last = name.rpartition(".")
        if last not in PACKED:
            continue
        axis = PACKED[last]
        bits = WORD * tensor.shape[axis] // columns[layer]
        scales = headers[f"{layer}.scales" if last == "qweight" else f"{layer}.weight_scale"]
        found[layer] = StoredLayer(bits, columns[layer] // scales.shape[axis])
    return found


def check_stored(
    folder: Place,
    checkpoint: Place,
    layers: Mapping[str, Format | None],
    columns: Mapping[str, int],
) -> dict[str, StoredLayer]:
    """Returns the quantized layers of a folder, once they are exactly those of the plan.

    Args:
        folder: What AutoRound wrote.
        checkpoint: What it is made from.
        layers: Format of each layer of the plan by path; None: it stays as it is.
        columns: Inputs of each linear layer of the model, by path.

    Raises:
        RunnerError: gate_failed `plan_and_files`, naming the layer; those of reading headers.
    """
    headers, before = read_weight_headers(folder), read_weight_headers(checkpoint)
    found = stored_layers(headers, columns)
    wanted = {
        name: StoredLayer(
            each.scheme["bits"],
            each.scheme["group_size"] if each.scheme["group_size"] > 0 else columns[name],
        )
        for name, each in layers.items()
        if each is not None
    }
    for name in {**wanted, **found}:
        if wanted.get(name) != found.get(name):
            raise _refused(
                folder, f"has {name} {_said(found.get(name))}, not {_said(wanted.get(name))}"
            )
    for name, tensor in before.items():
        if name.rpartition(".")[0] in wanted and name.endswith(".weight"):
            continue
        there = headers.get(name)
        if there is None or there.shape != tensor.shape:
            raise _refused(folder, f"lacks {name} in its shape, which stays as it is")
    return found


def _said(stored: StoredLayer | None) -> str:
    return "as it is" if stored is None else f"in {stored.bits} bits by {stored.group}"


def _refused(folder: Place, problem: str) -> RunnerError:
    return gate_failed(
        "plan_and_files",
        f"{folder.name} {problem}.",
        file=folder.name,
        next_step="Report it: AutoRound did not write what the plan says.",
    )
