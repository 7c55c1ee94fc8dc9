"""Which plans AutoRound's checkpoints can be: integers of 4 and 8 bits, in blocks that fit."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from aqm_runner.autoround.formats import Format, as_format
from aqm_runner.quality.plans import NONE, PlanDocument
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place

BITS = (4, 8)
# Rows and columns that AutoRound skips silently unless this divides them.
UNIT = 32
HEAD = "lm_head"


def planned_formats(
    document: PlanDocument, candidates: list[dict[str, Any]], place: Place
) -> dict[str, Format | None]:
    """Returns the format of each layer of a document with one plan; None: it stays as it is.

    Args:
        document: What was read from `place`.
        candidates: `name` and `config` of each, as of autoround_scores.
        place: The plan, for messages.

    Raises:
        RunnerError: bad_request `several_plans`, `nothing_quantized`, `unknown_candidate`,
            `format_not_exportable`, and those of `as_format`.
    """
    if len(document.plans) != 1:
        raise bad_request(
            "several_plans",
            f"{place.name} has {len(document.plans)} plans, and a folder can be one of them.",
            file=place.name,
            next_step="Give each plan a document of its own.",
        )
    known = {each["name"]: as_format(each["name"], each["config"]) for each in candidates}
    formats: dict[str, Format | None] = {}
    for layers, name in zip(document.groups.values(), document.plans[0].formats, strict=True):
        if name != NONE and name not in known:
            raise bad_request(
                "unknown_candidate",
                f"{place.name} names the format {name}; the candidates are {', '.join(known)}.",
                file=place.name,
                next_step="Build the plan again with these candidates.",
            )
        for layer in layers:
            formats[layer] = known.get(name)
    chosen = [each for each in formats.values() if each is not None]
    if not chosen:
        raise bad_request(
            "nothing_quantized",
            f"{place.name} leaves every layer as it is, so that there is nothing to export.",
            file=place.name,
            next_step="Give the scheme a choice that quantizes a layer.",
        )
    for each in chosen:
        integers = each.scheme["data_type"] == "int" and each.scheme["bits"] in BITS
        if not integers or each.quantizes_activations:
            raise bad_request(
                "format_not_exportable",
                f"{place.name} chooses {each.name}, which AutoRound does not tune here: its "
                "checkpoints are made of integers of 4 and 8 bits with activations as they are.",
                file=place.name,
                next_step="Choose such candidates, or export the plan with compressed_tensors.",
            )
    return formats


def check_form(
    linear: Mapping[str, nn.Linear], formats: Mapping[str, Format | None], place: Place
) -> None:
    """Refuses a layer that AutoRound would leave out silently, or write so that it reads as noise.

    Args:
        linear: All linear layers of the model, by path.
        formats: Format of each layer of the plan.
        place: The plan, for messages.

    Raises:
        RunnerError: bad_request `layer_not_exportable`.
    """
    for name, each in formats.items():
        if each is None:
            continue
        layer, problem = linear[name], None
        group = each.scheme["group_size"]
        if name.rpartition(".")[2] == HEAD:
            problem = "AutoRound tunes blocks, and the head is in none"
        elif layer.in_features % UNIT or layer.out_features % UNIT:
            problem = (
                f"{UNIT} does not divide its {layer.out_features} rows and "
                f"{layer.in_features} columns"
            )
        elif group == 0:
            problem = "one scale for a whole weight has no place in these checkpoints"
        elif group > 0 and layer.in_features % group:
            problem = f"blocks of {group} do not divide its {layer.in_features} columns"
        if problem is not None:
            raise bad_request(
                "layer_not_exportable",
                f"{place.name} gives {name} the format {each.name}, but {problem}.",
                file=place.name,
                next_step="Leave the layer unquantized, or give it another format.",
            )
