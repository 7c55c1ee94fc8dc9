"""The job of the op autoround_export: tune a plan, write it, load it in a fresh process."""

import json
from collections import Counter
from typing import Any

import torch
from torch import nn

from aqm_runner.autoround.engine import scored_groups
from aqm_runner.autoround.exportable import check_form, planned_formats
from aqm_runner.autoround.formats import Format
from aqm_runner.autoround.fresh_process import load_again
from aqm_runner.autoround.library import check_library
from aqm_runner.autoround.stored import StoredLayer, check_stored
from aqm_runner.autoround.tuning import OWN, tune
from aqm_runner.export.copying import copy_other_files, naming_full_disk
from aqm_runner.export.document import plan_digest
from aqm_runner.export.logits import logits_of, make_prompts
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model, load_processor, load_tokenizer
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.quality.plans import PlanDocument, check_plans, read_plans
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place
from aqm_runner.scoring.grouping import layers_of

SCHEMA = 1
# Rounded to b bits, a weight differs by about 2^-b of its range; a folder that is read in another
# way than it was written, by its own size.
LARGEST_ERROR = {4: 0.3, 8: 0.03}


def export_tuned(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder and its check document; returns facts.

    Args:
        context: Gets phases and steps.
        params: Of the op autoround_export.
        inputs: Of the op.
        outputs: `checkpoint` and `check`.

    Raises:
        RunnerError: See the op.
    """
    require_device(context.device)
    check_library()
    checkpoint, output = inputs["checkpoint"], outputs["checkpoint"]
    document = read_plans(inputs["plan"])
    formats = planned_formats(document, params["candidates"], inputs["plan"])
    check_checkpoint(checkpoint)
    make_deterministic(context.device)
    batches = calibration_batches(context, params, inputs)
    prompts = make_prompts(checkpoint, params["scope"])
    context.phase("load", None)
    model = load_model(checkpoint, params["dtype"], "cpu")
    _check_plan(model, document, params, inputs["plan"])
    linear = {
        name: layer for name, layer in layers_of(model).items() if isinstance(layer, nn.Linear)
    }
    check_form(linear, formats, inputs["plan"])
    columns = {name: layer.in_features for name, layer in linear.items()}
    quantized = [name for name, each in formats.items() if each is not None]
    before = {name: linear[name].weight.detach().float().cpu().clone() for name in quantized}
    unquantized = logits_of(model, prompts, "cpu")
    context.phase("tune", None)
    folder = output.create()
    with naming_full_disk(output, checkpoint):
        copy_other_files(checkpoint, folder, OWN)
        tune(
            model,
            load_tokenizer(checkpoint),
            load_processor(checkpoint),
            formats,
            batches,
            folder,
            form=params["format"],
            iters=params["iters"],
            seed=params["seed"],
            device=context.device,
        )
    del model
    stored = check_stored(output, checkpoint, formats, columns)
    context.phase("load again", None)
    again = load_again(output, params["format"], quantized, prompts, context.device)
    errors = _errors(output, before, again, stored)
    kl = _divergence(unquantized, again["logits"], output)
    said = _document(params, document, formats, stored, errors, again, kl, output)
    outputs["check"].create().write_bytes(
        (json.dumps(said, indent=1, allow_nan=False) + "\n").encode()
    )
    return {
        "device_kind": device_kind(context.device),
        "quantized_layers": len(quantized),
        "kept_layers": len(formats) - len(quantized),
        "samples": sum(batch.samples for batch in batches),
        "bytes": said["bytes"],
        "largest_error": max(errors.values()),
        "logits_kl": kl,
    }


def _check_plan(
    model: nn.Module, document: PlanDocument, params: dict[str, Any], place: Place
) -> None:
    layers = layers_of(model)
    groups = [group for group in scored_groups(model, params) if group.enabled]
    searchable = {next(iter(group.layers)): tuple(group.layers) for group in groups}
    names = [each["name"] for each in params["candidates"]]
    check_plans(document, searchable, layers, names, place)


def _errors(
    folder: Place,
    before: dict[str, torch.Tensor],
    again: dict[str, Any],
    stored: dict[str, StoredLayer],
) -> dict[str, float]:
    """Returns |Q(W) - W| / |W| of each quantized layer, Euclidean, as the fresh process has it."""
    for what in ("missing", "unexpected", "mismatched"):
        if again[what]:
            raise gate_failed(
                "config_and_files",
                f"transformers finds tensors of {folder.name} {what}: {again[what][0]}.",
                file=folder.name,
                next_step="Report it: config and weights of the folder do not fit.",
            )
    errors = {}
    for name, weight in before.items():
        error = float((again["weights"][name] - weight).norm() / weight.norm())
        most = LARGEST_ERROR[stored[name].bits]
        if not 0 < error <= most:  # an error that is no number is none that is small
            raise gate_failed(
                "weights_differ",
                f"The weight of {name} that a fresh process loads from {folder.name} differs from "
                f"the unquantized one by {error:.3g} of its size, where {stored[name].bits} bits "
                f"differ by more than 0 and at most {most}.",
                file=folder.name,
                next_step="Choose blocks that divide the layer's inputs, or the other form.",
            )
        errors[name] = error
    return errors


def _divergence(of: list[torch.Tensor], other: list[torch.Tensor], folder: Place) -> float:
    """Returns the mean of sum_v p_v (log p_v - log q_v) over tokens, in float64."""
    total, tokens = 0.0, 0
    for ours, theirs in zip(of, other, strict=True):
        p, q = ours.double().log_softmax(-1), theirs.double().log_softmax(-1)
        total += float((p.exp() * (p - q)).sum())
        tokens += len(ours)
    if total != total:
        raise gate_failed(
            "non_finite_logits",
            f"The model that a fresh process loads from {folder.name} gives logits that are no "
            "numbers.",
            file=folder.name,
            next_step="Choose the other form, or report it.",
        )
    return max(total / tokens, 0.0)


def _document(
    params: dict[str, Any],
    document: PlanDocument,
    formats: dict[str, Format | None],
    stored: dict[str, StoredLayer],
    errors: dict[str, float],
    again: dict[str, Any],
    kl: float,
    folder: Place,
) -> dict[str, Any]:
    files = dict(folder.files())
    weights = [path for name, path in files.items() if name.endswith(".safetensors")]
    chosen = {name: each for name, each in formats.items() if each is not None}
    return {
        "schema": SCHEMA,
        "op": "autoround_export",
        "plan": plan_digest(document),
        "scope": params["scope"],
        "form": params["format"],
        "iters": params["iters"],
        "bytes": sum(path.stat().st_size for path in files.values()),
        "weight_bytes": sum(path.stat().st_size for path in weights),
        "quantized_layers": len(chosen),
        "kept_layers": len(formats) - len(chosen),
        "formats": dict(sorted(Counter(each.name for each in chosen.values()).items())),
        "layers": [
            {
                "name": name,
                "format": each.name,
                "bits": stored[name].bits,
                "group": stored[name].group,
                "error": errors[name],
            }
            for name, each in chosen.items()
        ],
        "loaded": {"dtype": again["dtype"], "kl": kl},
        "gates": [
            "plan_and_files",
            "config_and_files",
            "does_not_load",
            "weights_differ",
            "non_finite_logits",
            "dropped_samples",
        ],
    }
