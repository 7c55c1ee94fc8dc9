"""The forms that a plan asks for, layer by layer, found before any model is loaded."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqm_runner.export.forms import Form
from aqm_runner.export.pairs import form_of, ranges_needed
from aqm_runner.model.stacked_experts import ExpertLayer
from aqm_runner.quality.plans import NONE, PlanDocument
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place


@dataclass(frozen=True)
class PlannedLayer:
    """A layer that a plan quantizes: its candidate's name, and how the folder stores it."""

    format: str
    form: Form


@dataclass(frozen=True)
class Planned:
    """One plan as layers.

    Attributes:
        groups: Name and layers of each group.
        quantized: The layers that are quantized, in the order of the plan.
        kept: The layers of the plan that stay as they are.
        ranges: Whether a chosen candidate has inputs whose range calibration finds.
    """

    groups: Mapping[str, tuple[str, ...]]
    quantized: Mapping[str, PlannedLayer]
    kept: tuple[str, ...]
    ranges: bool


def planned_layers(
    document: PlanDocument, candidates: Sequence[Mapping[str, Any]], export: str, place: Place
) -> Planned:
    """Returns the layers of a document with one plan.

    Args:
        document: What was read from `place`.
        candidates: `name` and `config` of each.
        export: The export format, as of `form_of`.
        place: The plan, for messages.

    Raises:
        RunnerError: bad_request `several_plans`, `nothing_quantized`, `unknown_candidate`,
            `format_not_exportable`.
    """
    if len(document.plans) != 1:
        raise bad_request(
            "several_plans",
            f"{place.name} has {len(document.plans)} plans, and a folder can be one of them.",
            file=place.name,
            next_step="Give each plan a document of its own.",
        )
    configs = {each["name"]: each["config"] for each in candidates}
    forms: dict[str, Form] = {}
    chosen = dict.fromkeys(name for name in document.plans[0].formats if name != NONE)
    if not chosen:
        raise bad_request(
            "nothing_quantized",
            f"{place.name} leaves every layer as it is, so that there is nothing to export.",
            file=place.name,
            next_step="Give the scheme a choice that quantizes a layer.",
        )
    for name in chosen:
        if name not in configs:
            raise bad_request(
                "unknown_candidate",
                f"{place.name} names the format {name}; the candidates are {', '.join(configs)}.",
                file=place.name,
                next_step="Build the plan again with these candidates.",
            )
        found = form_of(configs[name], export)
        if isinstance(found, str):
            raise bad_request(
                "format_not_exportable",
                f"{place.name} chooses {name}, which cannot be exported as {export}: {found}.",
                file=place.name,
                next_step="Choose candidates that the export format has (docs/export.md), or "
                "leave this export out of the scheme.",
            )
        forms[name] = found
    quantized, kept = {}, []
    for layers, name in zip(document.groups.values(), document.plans[0].formats, strict=True):
        for layer in layers:
            if name == NONE:
                kept.append(layer)
            else:
                quantized[layer] = PlannedLayer(name, forms[name])
    ranges = any(ranges_needed(configs[name]) for name in chosen)
    return Planned(document.groups, quantized, tuple(kept), ranges)


def by_expert(planned: Planned, experts: Mapping[str, ExpertLayer]) -> Planned:
    """Returns a plan with each layer of each expert in the place of the module that holds them all.

    Args:
        planned: As `planned_layers` returns it.
        experts: The layers of experts of the model, as `expert_layers` returns them.
    """
    layers: dict[str, list[str]] = {}
    for path, layer in experts.items():
        layers.setdefault(layer.module, []).append(path)

    def apart(members: Iterable[str]) -> Iterator[tuple[str, str]]:
        return ((each, path) for each in members for path in layers.get(each, [each]))

    return Planned(
        {name: tuple(path for _, path in apart(each)) for name, each in planned.groups.items()},
        {path: planned.quantized[layer] for layer, path in apart(planned.quantized)},
        tuple(path for _, path in apart(planned.kept)),
        planned.ranges,
    )


def check_experts(
    planned: Planned,
    experts: Mapping[str, ExpertLayer],
    not_of_experts: Collection[str],
    plan: Place,
) -> None:
    """Refuses a form in which the export format's writer leaves experts out.

    Args:
        planned: The plan, expert by expert.
        experts: The layers of experts of the model.
        not_of_experts: Labels of such forms.
        plan: The file at fault.

    Raises:
        RunnerError: bad_request `layer_not_exportable`.
    """
    for layer, each in planned.quantized.items():
        if layer in experts and each.form.label in not_of_experts:
            raise bad_request(
                "layer_not_exportable",
                f"{plan.name} gives the experts {experts[layer].module} the format {each.format}, "
                f"which ModelOpt's export cannot write for experts ({each.form.label}).",
                file=plan.name,
                next_step="Export the scheme as compressed_tensors, or give experts another "
                "format.",
            )


def check_shapes(
    planned: Planned, shapes: Mapping[str, tuple[int, ...]], given_by: str, file: str
) -> None:
    """Refuses a form that the weight of a layer cannot have.

    Args:
        planned: The plan.
        shapes: Shape of the weight of each layer of the model.
        given_by: What gives layers their formats, for messages.
        file: The file at fault.

    Raises:
        RunnerError: bad_request `layer_not_exportable`.
    """
    for layer, each in planned.quantized.items():
        shape, form, problem = shapes.get(layer), each.form, None
        if shape is None:  # a gate on plans names it
            continue
        if len(shape) != 2:
            problem = f"its weight has {len(shape)} dimensions, and servers quantize matrices alone"
        elif shape[1] % form.block:
            problem = f"blocks of {form.block} do not divide its {shape[1]} columns"
        elif shape[0] % form.rows:
            problem = f"its {shape[0]} rows cannot be packed {form.rows} together"
        if problem is not None:
            raise bad_request(
                "layer_not_exportable",
                f"{given_by} gives {layer} the format {each.format}, but {problem}.",
                file=file,
                next_step="Leave the layer unquantized, or give it another format.",
            )
