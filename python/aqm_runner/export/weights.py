"""The weights of an exported folder against those of the simulated model, layer by layer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import FEATURE_SCALES, LAST_BITS
from aqm_runner.export.planned import Planned, PlannedLayer
from aqm_runner.export.simulated import Simulated
from aqm_runner.quality.plans import NONE
from aqm_runner.runner.failures import RunnerError, gate_failed

NON_FINITE = "non_finite_weights"
WEIGHTS = "weights_differ"
INPUT_SCALES = "input_scales_differ"


@dataclass(frozen=True)
class ComparedLayer:
    """What was found of a layer of the plan.

    Attributes:
        layer: Its path.
        format: Name of its candidate, or NONE.
        digest: Of its tensors, as hexadecimal digits.
        difference: Largest difference of a weight, as a share of the largest weight.
        tolerance: The most that it may be.
    """

    layer: str
    format: str
    digest: str
    difference: float
    tolerance: float


@dataclass(frozen=True)
class Compared:
    """All layers of the plan, in its order, and the digest of all weights of the folder."""

    layers: list[ComparedLayer]
    digest: str


def compare_weights(
    context: Any,
    folder: ExportedFolder,
    planned: Planned,
    simulated: Simulated,
    kept: Mapping[str, Tensor],
) -> Compared:
    """Compares every weight of a folder; one layer at a time is on the device.

    Args:
        context: Gets the phase `compare` and its steps; its device computes.
        folder: Was found to hold the tensors that the plan asks for.
        planned: The plan.
        simulated: The model that was measured.
        kept: Tensors that stay as they are, by their names in the folder.

    Raises:
        RunnerError: gate_failed `non_finite_weights`, `weights_differ`, `input_scales_differ`.
    """
    layers = [layer for members in planned.groups.values() for layer in members]
    context.phase("compare", len(layers))
    found = []
    for done, layer in enumerate(layers, start=1):
        each = planned.quantized.get(layer)
        difference = tolerance = 0.0
        if each is not None:
            difference, tolerance = _compare(context.device, folder, layer, each, simulated)
        digest = folder.layer_digest(layer)
        format_ = each.format if each else NONE
        found.append(ComparedLayer(layer, format_, digest, difference, tolerance))
        context.step(done)
    of_all = hashlib.sha256()
    for name, wanted in sorted(kept.items()):
        here = folder.tensor(name, context.device)
        if here.is_floating_point() and not bool(here.isfinite().all()):
            raise _non_finite(folder, name)
        if not torch.equal(here, wanted.to(context.device)):
            raise _refused(
                WEIGHTS, folder, f"{name}, which stays as it is, differs from the model's"
            )
        of_all.update(f"{name} {folder.digest(iter([(name, name)]))}\n".encode())
    for layer_ in sorted(found, key=lambda each: each.layer):
        of_all.update(f"{layer_.layer} {layer_.digest}\n".encode())
    return Compared(found, of_all.hexdigest())


def _compare(
    device: str, folder: ExportedFolder, layer: str, planned: PlannedLayer, simulated: Simulated
) -> tuple[float, float]:
    tensors = folder.tensors_of(layer, device)
    for part, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise _non_finite(folder, f"{layer}.{part}")
    wanted = simulated.weight(layer)
    found = planned.form.dequantize(tensors)
    if found.shape != wanted.shape:
        raise _refused(
            WEIGHTS,
            folder,
            f"the weight of {layer} has the shape {list(found.shape)}, not {list(wanted.shape)}",
        )
    if not bool(found.isfinite().all()):
        raise _non_finite(folder, f"{layer}.weight")
    largest = float(wanted.abs().max()) or 1.0
    difference = float((found.to(wanted.dtype).double() - wanted.double()).abs().max()) / largest
    tolerance = planned.form.tolerance(wanted.dtype)
    if difference > tolerance:
        raise _refused(
            WEIGHTS,
            folder,
            f"the weight of {layer} ({planned.format}) differs from the simulated one by "
            f"{difference:.3g} of its largest weight, where {tolerance:.3g} may be",
        )
    _check_input_scale(folder, layer, planned, tensors, simulated.input_range(layer))
    _check_feature_scales(folder, layer, tensors, simulated.feature_scales(layer))
    return difference, tolerance


def _check_input_scale(
    folder: ExportedFolder,
    layer: str,
    planned: PlannedLayer,
    tensors: Mapping[str, Tensor],
    wanted: Tensor | None,
) -> None:
    found = planned.form.input_range(tensors)
    if found is None and wanted is None:
        return
    if found is None or wanted is None:
        said = "says nothing of the range of its inputs" if found is None else "has one"
        raise _refused(INPUT_SCALES, folder, f"{layer} {said}, unlike the simulated one")
    range_ = float(wanted)
    if abs(float(found) - range_) > LAST_BITS * range_:
        raise _refused(
            INPUT_SCALES,
            folder,
            f"the scale of the inputs of {layer} stands for the range {float(found):.9g}, and the "
            f"simulated one has {range_:.9g}",
        )


def _check_feature_scales(
    folder: ExportedFolder, layer: str, tensors: Mapping[str, Tensor], wanted: Tensor | None
) -> None:
    found = tensors.get(FEATURE_SCALES)
    if found is None and wanted is None:
        return
    if found is None or wanted is None or not torch.equal(found, wanted.to(found.device)):
        raise _refused(
            INPUT_SCALES,
            folder,
            f"the scales of the input features of {layer} are not those of the simulated model",
        )


def _non_finite(folder: ExportedFolder, name: str) -> RunnerError:
    return gate_failed(
        NON_FINITE,
        f"In {folder.place.name}, {name} is not made of finite numbers alone.",
        file=folder.place.name,
        next_step="Check the checkpoint's weights for NaN and infinity; with bfloat16, try "
        "float32.",
    )


def _refused(reason: str, folder: ExportedFolder, problem: str) -> RunnerError:
    return gate_failed(
        reason,
        f"In {folder.place.name}, {problem}.",
        file=folder.place.name,
        next_step="Report it: what was written is not the model that was measured.",
    )
