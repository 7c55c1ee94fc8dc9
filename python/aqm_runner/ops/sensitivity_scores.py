"""Op sensitivity_scores: raw sensitivity of every layer group to one format, by ModelOpt.

Inputs: `checkpoint` (folder); scope lm: `captions` (text, a sample a line); scope all_layers:
`database` (SQLite) and `images` (folder with train2017 and val2017). Output `scores`: JSON by
scores.schema.json, with nothing volatile in it.

The full model is calibrated on all batches and scored on the first
min(max(score_size // batch_size, 1), batches). Scope lm keeps the vision part in high precision
and feeds captions alone; all_layers feeds images with captions, one sample a batch. Actions that
differ in nothing but the format can share a model (`run_batch`), to the same bytes.

Errors: gate_failed (see `modelopt.progress` and, in `model`, `gates`,
`checkpoint`, `samples`, `batches`);
bad_request `batch_size`, `roles`, `path_scoped_format`, `empty_format`, `invalid_format`,
`unsupported_algorithm`; unsupported_here `format_needs_cuda`, `no_gpu`, `modelopt_version`.
"""

import json
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import torch
from transformers import PreTrainedModel

from aqm_runner.model.batches import Batch, Loader, caption_batches, image_batches, score_steps
from aqm_runner.model.checkpoint import check_weight_files, load_model
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.model.samples import read_captions, read_samples
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.groups import score_in_groups
from aqm_runner.modelopt.reading import Table
from aqm_runner.modelopt.recipes import Format, as_format
from aqm_runner.modelopt.scoring import Scorer, Setting, check_modelopt
from aqm_runner.runner.failures import RunnerError, bad_request
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place

VERSION = 1
USES_DEVICE = True
TOOLS = ("torch", "transformers", "nvidia-modelopt", "tokenizers", "safetensors")
INPUTS = {"checkpoint": "folder"}
OPTIONAL_INPUTS = {"captions": "file", "database": "file", "images": "folder"}
OUTPUTS = {"scores": "file"}
SCOPE_INPUTS = {"lm": {"captions"}, "all_layers": {"database", "images"}}
PARAMS_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "scope",
        "method",
        "format",
        "dtype",
        "batch_size",
        "sequence_length",
        "score_size",
        "calibration_samples",
        "padding",
        "loss",
        "include_lm_head",
        "attention",
    ],
    "properties": {
        "scope": {"enum": ["lm", "all_layers"]},
        "method": {"enum": ["gradient", "kl_div"]},
        "format": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "config"],
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "config": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["quant_cfg", "algorithm"],
                    "properties": {
                        "quant_cfg": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "object", "required": ["quantizer_name"]},
                        },
                        "algorithm": {"type": ["string", "object", "null"]},
                    },
                },
            },
        },
        "dtype": {"enum": ["float32", "bfloat16"]},
        "batch_size": {"description": "Samples a batch.", "type": "integer", "minimum": 1},
        "sequence_length": {"description": "Tokens a sample.", "type": "integer", "minimum": 2},
        "score_size": {"description": "Samples to score over.", "type": "integer", "minimum": 1},
        "calibration_samples": {
            "description": "Samples to calibrate on, from the first; null: all.",
            "type": ["integer", "null"],
            "minimum": 1,
        },
        "padding": {"enum": ["max_length", "longest"]},
        "loss": {"description": "Of gradient.", "enum": ["batch_mean", "sample_sum"]},
        "include_lm_head": {"type": "boolean"},
        "attention": {"const": "deterministic"},
    },
}


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores; returns the device's kind and what the sums run over."""
    for outcomes in run_batch(context, [Member("", params, inputs, outputs)]):
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
            facts = outcome.facts
    return facts


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Scores the formats of several actions that are alike in all else, with one model.

    Each output has the bytes that it would have alone. Yields outcomes as soon as they are known:
    first those of formats that cannot be scored, then those of each group of formats that fitted
    into memory together. A format that fails does not take the others down.

    Args:
        context: Gets phases, steps and warnings of the whole.
        members: At least one; they differ in `format`, outputs and id only.

    Raises:
        RunnerError: What concerns all members.
    """
    params, inputs = members[0].params, members[0].inputs
    _check(context, params, inputs)
    formats: list[Format] = []
    sound: list[Member] = []
    refused: list[Outcome] = []
    for member in members:
        try:
            formats.append(_format(member.params["format"], context.device))
            sound.append(member)
        except RunnerError as error:
            refused.append(Outcome(member, error=error))
    if refused:
        yield refused
    if not sound:
        return
    make_deterministic(context.device)
    batches = _batches(context, params, inputs)
    steps = score_steps(params["score_size"], params["batch_size"], len(batches))
    setting = Setting(
        params["scope"], params["loss"], params["include_lm_head"], steps, params["method"]
    )
    measured = _measured(batches, steps, params)

    def load() -> PreTrainedModel:
        context.phase("load", None)
        return load_model(inputs["checkpoint"], params["dtype"], context.device)

    loader = Loader(batches, context.device)
    for scored, groups in score_in_groups(Scorer(context, setting), formats, load, loader):
        batch = {"formats": len(members), "groups": groups}
        yield [_finish(context, sound[index], found, measured, batch) for index, found in scored]


def _format(given: dict[str, Any], device: str) -> Format:
    check_format(given["name"], given["config"], device)
    return as_format(given["name"], given["config"])


def _finish(
    context: Any,
    member: Member,
    found: Table | Exception,
    measured: dict[str, int],
    batch: dict[str, int],
) -> Outcome:
    """Writes a member's scores, if it has any; the file knows nothing of the batch."""
    if isinstance(found, Exception):
        return Outcome(member, error=found)
    document = _document(context, member.params, found, measured)
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    try:
        member.outputs["scores"].create().write_bytes(text.encode())
    except RunnerError as error:
        return Outcome(member, error=error)
    facts = {
        "device_kind": device_kind(context.device),
        "groups": len(found.groups),
        "enabled_groups": sum(group.enabled for group in found.groups),
        **measured,
        "batch": batch,
    }
    return Outcome(member, facts=facts)


def _document(
    context: Any, params: dict[str, Any], table: Table, measured: dict[str, int]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "format": {
            "name": params["format"]["name"],
            "charged_bits": table.charged_bits,
            "config": params["format"]["config"],
        },
        "method": params["method"],
        "scope": params["scope"],
        "measured": measured,
        "environment": _environment(context.device, params),
        "groups": [
            {
                "handle": group.handle,
                "modules": list(group.modules),
                "weights": group.weights,
                "enabled": group.enabled,
                "score": group.score,
                "executions": group.executions,
            }
            for group in table.groups
        ],
        "modules": [{"name": name, "type": type_} for name, type_ in table.modules],
    }


def _check(context: Any, params: dict[str, Any], inputs: dict[str, Place]) -> None:
    """Refuses in milliseconds what could only fail after the model is loaded."""
    wanted = SCOPE_INPUTS[params["scope"]] | set(INPUTS)
    if set(inputs) != wanted:
        raise bad_request(
            "roles",
            f"Scope {params['scope']} takes the inputs {', '.join(sorted(wanted))}; got "
            f"{', '.join(sorted(inputs))}.",
            next_step="Give captions for lm, a database and images for all_layers.",
        )
    if params["scope"] == "all_layers" and params["batch_size"] != 1:
        raise bad_request(
            "batch_size",
            f"Scope all_layers scores one sample a batch; batch_size is {params['batch_size']}.",
            next_step="Set batch_size to 1 for all_layers.",
        )
    require_device(context.device)
    check_modelopt()
    check_weight_files(inputs["checkpoint"])


def _batches(context: Any, params: dict[str, Any], inputs: dict[str, Place]) -> list[Batch]:
    limit, length, padding = (
        params[key] for key in ("calibration_samples", "sequence_length", "padding")
    )
    if params["scope"] == "lm":
        context.phase("prepare", None)
        captions = read_captions(inputs["captions"], limit)
        return caption_batches(
            inputs["checkpoint"], captions, params["batch_size"], length, padding
        )
    samples = read_samples(context, inputs["database"], limit)
    return image_batches(context, inputs["checkpoint"], inputs["images"], samples, length, padding)


def _measured(batches: list[Batch], steps: int, params: dict[str, Any]) -> dict[str, int]:
    scored = batches[:steps]
    return {
        "calibration_samples": sum(batch.samples for batch in batches),
        "calibration_batches": len(batches),
        "score_samples": sum(batch.samples for batch in scored),
        "score_batches": len(scored),
        "score_tokens": sum(batch.tokens for batch in scored),
        "batch_size": params["batch_size"],
        "sequence_length": params["sequence_length"],
    }


def _environment(device: str, params: dict[str, Any]) -> dict[str, str]:
    return {
        "attention": params["attention"],
        "device_kind": device_kind(device),
        "dtype": params["dtype"],
        "modelopt": metadata.version("nvidia-modelopt"),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "torch": torch.__version__,
        "transformers": metadata.version("transformers"),
    }
