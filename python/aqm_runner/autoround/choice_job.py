"""The job of the op autoround_choice: scores of all candidates, then choices for all budgets."""

import json
from typing import Any

from torch import nn

from aqm_runner.autoround.choosing import Choice, choose
from aqm_runner.autoround.engine import AutoRound, check_batches, check_layers, scored_groups
from aqm_runner.autoround.formats import UNQUANTIZED, Format, as_format
from aqm_runner.autoround.library import check_library
from aqm_runner.autoround.scoring import Batches, Scored, score_layers
from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.quality.plans import NONE
from aqm_runner.quality.plans import SCHEMA as PLANS
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.scoring.gates import check_groups
from aqm_runner.scoring.grouping import LayerGroup, layers_of
from aqm_runner.scoring.material import check_counted, measured_counts, read_batches
from aqm_runner.scoring.table import Group


def choose_plans(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the choices as a document of plans; returns facts.

    Args:
        context: Gets phases, steps and warnings.
        params: Of the op autoround_choice.
        inputs: Of the op.
        outputs: `choice`.

    Raises:
        RunnerError: See the op.
    """
    engine = AutoRound()
    require_device(context.device)
    check_library()
    check_checkpoint(inputs["checkpoint"])
    formats = _candidates(params["candidates"])
    make_deterministic(context.device)
    batches, packing = read_batches(context, params, inputs)
    steps = engine.score_steps(params, len(batches))
    check_counted(batches[:steps], engine.tokens, params, inputs)
    measured = measured_counts(batches, steps, engine.tokens, params, packing)
    context.phase("load", None)
    model = load_model(inputs["checkpoint"], params["dtype"], context.device)
    check_layers(model)
    layers = layers_of(model)
    groups = [group for group in scored_groups(model, params) if group.enabled]
    scored = _scores(
        context, params, model, groups, formats, Loader(batches, context.device), steps
    )
    units = (
        [list(group.layers) for group in groups]
        if params["unit"] == "group"
        else [[layer] for group in groups for layer in group.layers]
    )
    names = [name for group in groups for name in group.layers]
    context.phase("choose", None)
    choices = choose(
        model,
        names,
        units,
        scored,
        params["budgets"],
        count_scales=params["count_scales"],
        device=context.device,
    )
    weights = {name: layers[name].weight.numel() for name in names}
    document = {
        "schema": PLANS,
        "engine": engine.name,
        "method": params["method"],
        "scope": params["scope"],
        "unit": params["unit"],
        "count_scales": params["count_scales"],
        "candidates": params["candidates"],
        "measured": measured,
        "environment": environment_of(context.device, params, engine.versions()),
        "groups": [
            {
                "name": unit[0],
                "modules": unit,
                "weights": sum(weights[name] for name in unit),
                "scores": {
                    each.name: sum(found.scores[name] for name in unit)
                    for each, found in scored.items()
                },
            }
            for unit in units
        ],
        "plans": [_plan(choice, units, weights, scored, params) for choice in choices],
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    outputs["choice"].create().write_bytes(text.encode())
    return {
        "device_kind": device_kind(context.device),
        "groups": len(units),
        "plans": len(choices),
        **measured,
    }


def _candidates(given: list[dict[str, Any]]) -> list[Format]:
    formats: list[Format] = []
    for each in given:
        format_ = as_format(each["name"], each["config"])
        for other in formats:
            if format_.scheme == other.scheme or format_.name == other.name:
                raise bad_request(
                    "candidate_twice",
                    f"The candidates {other.name} and {format_.name} are one: AutoScheme drops the "
                    "second.",
                    next_step="Name each candidate once.",
                )
        if format_.name == NONE:
            raise bad_request(
                "candidate_twice",
                f"The candidate {NONE} is there twice: it is always one.",
                next_step=f"Leave {NONE} out of the candidates.",
            )
        formats.append(format_)
    return formats


def _scores(
    context: Any,
    params: dict[str, Any],
    model: nn.Module,
    groups: list[LayerGroup],
    formats: list[Format],
    loader: Loader,
    steps: int,
) -> dict[Format, Scored]:
    """Returns the scores of all candidates, each past the gates of every engine."""
    layers = {name: layer for group in groups for name, layer in group.layers.items()}
    context.phase("score", steps * len(formats))
    scored = {}
    for index, format_ in enumerate(formats):
        batches = Batches(context, loader, steps, index * steps)
        found = score_layers(model, layers, format_, batches)
        check_batches(batches.yielded, steps)
        table = [
            Group(
                name=name,
                modules=(name,),
                weights=layer.weight.numel(),
                enabled=True,
                score=found.scores[name] if found.calls[name] else None,
                executions=found.calls[name],
            )
            for name, layer in layers.items()
        ]
        check_groups(table, list(layers), params["include_lm_head"], format_.name)
        scored[format_] = found
    return scored


def _plan(
    choice: Choice,
    units: list[list[str]],
    weights: dict[str, int],
    scored: dict[Format, Scored],
    params: dict[str, Any],
) -> dict[str, Any]:
    """Returns one choice with what it costs: `loss` as scores add it up, `bits` a weight."""
    by_name = {each.name: (each, found) for each, found in scored.items()}
    loss, bits = 0.0, 0
    for name, chosen in choice.formats.items():
        if chosen == NONE:
            bits += UNQUANTIZED * weights[name]
            continue
        format_, found = by_name[chosen]
        loss += found.scores[name]
        bits += (
            found.bits[name] if params["count_scales"] else format_.scheme["bits"] * weights[name]
        )
    return {
        "name": f"{choice.budget:g} bits",
        "budget": choice.budget,
        "bits": bits / sum(weights.values()),
        "loss": loss,
        "formats": [choice.formats[unit[0]] for unit in units],
    }
