"""The way of every export: check, simulate, write, read back, compare; then it may be published."""

import gc
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aqm_runner.export.architecture import empty_model, layer_shapes
from aqm_runner.export.document import check_document
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import Form
from aqm_runner.export.gates import check_config, check_files, check_fused
from aqm_runner.export.kept import headers_of, kept_tensors
from aqm_runner.export.layer_outputs import answers_of, compare_answers
from aqm_runner.export.logits import Prompt, compare_logits, logits_of, make_prompts
from aqm_runner.export.planned import (
    Planned,
    by_expert,
    check_experts,
    check_shapes,
    planned_layers,
)
from aqm_runner.export.simulated import Simulated
from aqm_runner.export.weights import compare_weights
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.model.stacked_experts import expert_layers
from aqm_runner.quality.plans import PlanDocument, read_plans
from aqm_runner.runner.places import Place
from aqm_runner.scoring.grouping import layers_of

# Checks the request further, loads the model and puts the plan into it.
Simulate = Callable[[Planned], Simulated]
# Writes context, output, checkpoint, plan, model and its kept parts; returns the model to
# compare with, which is another one where writing changes it.
Write = Callable[[Any, Place, Place, Planned, Simulated, Mapping[str, Tensor]], Simulated]


@dataclass(frozen=True)
class Exporter:
    """One export format.

    Attributes:
        op: Name of the op.
        export: The format, as `form_of` has it.
        config: The file that says how layers are stored.
        write: Writes the folder.
        declared: Returns the form of each layer by that file, given all linear layers.
        load: Returns the model of a folder, with what `declared` returned, in a dtype on a device,
            with quantized inputs.
        names: Returns path → name in the folder of the model's modules; None: they are the same.
        not_of_experts: Labels of forms in which it cannot write experts that are one module.
    """

    op: str
    export: str
    config: str
    write: Write
    declared: Callable[[ExportedFolder, Collection[str]], dict[str, Form]]
    load: Callable[[ExportedFolder, Mapping[str, Form], torch.dtype, str], nn.Module]
    names: Callable[[nn.Module], Mapping[str, str]] | None = None
    not_of_experts: Collection[str] = ()


@dataclass(frozen=True)
class Request:
    """What is exported, and where to.

    Attributes:
        context: Gets phases and steps.
        scope: "lm" or "all_layers".
        checkpoint: What is quantized.
        outputs: `checkpoint` and `check`.
        exporter: The export format.
        prompts: What models are fed to compare them.
    """

    context: Any
    scope: str
    checkpoint: Place
    outputs: Mapping[str, Place]
    exporter: Exporter
    prompts: list[Prompt]


def export_plan(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Place],
    outputs: dict[str, Place],
    exporter: Exporter,
    simulate: Simulate,
) -> dict[str, Any]:
    """Writes the folder of a plan and its check document; returns facts.

    Args:
        context: Gets phases and steps.
        params: `scope` and `candidates`.
        inputs: `checkpoint` and `plan`.
        outputs: `checkpoint` and `check`.
        exporter: The export format.
        simulate: Returns the simulated model of a plan.

    Raises:
        RunnerError: What concerns the request: those of `read_plans`, `planned_layers`,
            `check_experts`, `check_shapes` and `check_checkpoint`. What concerns the result: those
            of `write_and_compare`.
    """
    require_device(context.device)
    checkpoint, plan = inputs["checkpoint"], inputs["plan"]
    document = read_plans(plan)
    planned = planned_layers(document, params["candidates"], exporter.export, plan)
    check_checkpoint(checkpoint)
    empty = empty_model(checkpoint)
    experts = expert_layers(empty)
    planned = by_expert(planned, experts)
    check_experts(planned, experts, exporter.not_of_experts, plan)
    check_shapes(planned, layer_shapes(empty), plan.name, plan.name)
    make_deterministic(context.device)
    prompts = make_prompts(checkpoint, params["scope"])
    request = Request(context, params["scope"], checkpoint, outputs, exporter, prompts)
    return write_and_compare(request, document, planned, simulate)


def write_and_compare(
    request: Request, document: PlanDocument, planned: Planned, simulate: Simulate
) -> dict[str, Any]:
    """Writes a folder, reads it back and holds it against the simulated model; returns facts.

    Args:
        request: What is exported.
        document: With the one plan.
        planned: The plan, layer by layer.
        simulate: Returns the simulated model; not given itself, so that it can be let go here.

    Raises:
        RunnerError: Those of `check_files`, `check_config`, `check_fused`, `compare_weights`,
            `compare_answers` and `compare_logits`; those of the exporter.
    """
    context, exporter, place = request.context, request.exporter, request.outputs["checkpoint"]
    simulated = simulate(planned)
    kept = kept_tensors(simulated.model, planned)
    simulated = exporter.write(context, place, request.checkpoint, planned, simulated, kept)
    kept = kept_tensors(simulated.model, planned)
    names = exporter.names(simulated.model) if exporter.names else None
    folder = ExportedFolder(place, names)
    shapes = {layer: simulated.shape(layer) for layer in planned.quantized}
    check_files(folder, planned, shapes, headers_of(kept))
    layers = layers_of(simulated.model)
    linear = [name for name, layer in layers.items() if isinstance(layer, nn.Linear)]
    linear += expert_layers(simulated.model)
    declared = exporter.declared(folder, linear)
    check_config(folder, declared, planned, exporter.config)
    check_fused(folder, planned)
    compared = compare_weights(context, folder, planned, simulated, kept)
    del kept
    context.phase("logits", None)
    # Also where it was measured in bfloat16: two ways to compute the same then differ by last bits.
    dtype = torch.float32
    simulated.model.to(dtype)
    quantized = list(planned.quantized)
    rounds_inputs = any(simulated.input_range(layer) is not None for layer in quantized)
    # A text, and where there are pictures one of them.
    few = [request.prompts[0], request.prompts[-1]]
    answers = answers_of(simulated, quantized, few, context.device)
    ours = logits_of(simulated.model, request.prompts, context.device)
    with simulated.unquantized():
        unquantized = logits_of(simulated.model, request.prompts, context.device)
    del simulated
    _release(context.device)
    exported = exporter.load(folder, declared, dtype, context.device)
    alike = compare_answers(exported, answers, context.device, place.name)
    theirs = logits_of(exported, request.prompts, context.device)
    del exported
    _release(context.device)
    said = compare_logits(unquantized, ours, theirs, rounds_inputs, place.name)
    text = check_document(
        exporter.op, request.scope, document, planned, folder, compared, alike, said
    )
    request.outputs["check"].create().write_bytes(text.encode())
    return {
        "device_kind": device_kind(context.device),
        "quantized_layers": len(planned.quantized),
        "kept_layers": len(planned.kept),
        "bytes": folder.size(),
        "largest_difference": max((each.difference for each in compared.layers), default=0.0),
        "largest_share_of_outputs": alike.largest_share,
        "logits_kl": said.kl,
    }


def _release(device: str) -> None:
    """Gives back what dropped models held: two of full size need not fit beside each other."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
