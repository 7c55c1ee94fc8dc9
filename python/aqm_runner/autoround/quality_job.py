"""The job of the op autoround_quality: figures of a folder, and its difference from another one."""

import json
from typing import Any

import numpy as np

from aqm_runner.autoround.library import VERSION, check_library
from aqm_runner.autoround.loading import dtype_of, load_folder
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.quality.bootstrap import draw_counts, interval, resampled_sums
from aqm_runner.quality.document import plan_entry, quality_document
from aqm_runner.quality.figures import Intervals, sample_sums
from aqm_runner.quality.held_out import HeldOut
from aqm_runner.quality.material import read_material
from aqm_runner.quality.measuring import Measurement, non_finite_logits
from aqm_runner.quality.tokens import TokenFigures
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of

OP = "autoround_quality"
# Role of an input → name of its plan in the document.
FOLDERS = {"quantized": "quantized", "against": "against"}


def measure_folders(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the quality document of one folder or two; returns facts.

    Args:
        context: Gets phases and steps.
        params: Of the op autoround_quality.
        inputs: Of the op.
        outputs: `quality`.

    Raises:
        RunnerError: See the op.
    """
    require_device(context.device)
    check_library()
    checkpoint = inputs["checkpoint"]
    check_checkpoint(checkpoint)
    make_deterministic(context.device)
    material = read_material(context, params, inputs)
    measurement = Measurement(material.held_out, context.device)
    context.phase("load", None)
    model = load_model(checkpoint, params["dtype"], context.device)
    measurement.look_at_unquantized(model, checkpoint.name)
    del model
    folders = {role: inputs[role] for role in FOLDERS if role in inputs}
    context.phase("measure", len(folders))
    measured: dict[str, TokenFigures] = {}
    computed_in: dict[str, str] = {}
    for role, place in folders.items():
        quantized, _ = load_folder(place.require(), params["format"], context.device)
        computed_in[FOLDERS[role]] = dtype_of(quantized)
        measured[role] = measurement.measure(quantized)
        if not measured[role].finite:
            raise non_finite_logits(f"the model of {place.name}", place.name)
        del quantized
        context.step(len(measured))
    held_out, intervals = material.held_out, material.intervals
    entries = [
        plan_entry(FOLDERS[role], tokens, held_out, measurement, intervals)
        for role, tokens in measured.items()
    ]
    environment = environment_of(context.device, params, {"auto_round": VERSION})
    environment |= {f"{name}_dtype": dtype for name, dtype in computed_in.items()}
    text = quality_document(OP, params, environment, held_out, measurement, intervals, entries)
    if "against" in measured:
        difference = _difference(measured["quantized"], measured["against"], held_out, intervals)
        document = json.loads(text) | {"difference": difference}
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    outputs["quality"].create().write_bytes(text.encode())
    return {
        "device_kind": device_kind(context.device),
        "plans": len(entries),
        "held_out_samples": len(held_out.sample_tokens),
        "held_out_tokens": held_out.tokens,
    }


def _difference(
    tokens: TokenFigures, against: TokenFigures, held_out: HeldOut, intervals: Intervals
) -> dict[str, dict[str, float]]:
    """Returns figures of the first folder minus those of the second, with paired intervals.

    `kl` and `loss` are in nats a token, `top1_agreement` is a share of tokens. Both folders are on
    the same tokens, and a resample draws the same samples for both: what a sample has in common
    falls out (see `quality.bootstrap`).
    """
    lengths = held_out.sample_tokens
    counts = draw_counts(len(lengths), intervals.resamples, intervals.seed)
    differences = {
        "kl": tokens.kl - against.kl,
        "loss": tokens.loss - against.loss,
        "top1_agreement": tokens.agreement - against.agreement,
    }
    found = {}
    for name, values in differences.items():
        sums = sample_sums(np.asarray(values), lengths)
        of_resamples, of_tokens = resampled_sums([sums, [float(n) for n in lengths]], counts)
        low, high = interval(of_resamples / of_tokens)
        found[name] = {"value": sum(sums) / sum(lengths), "low": low, "high": high}
    return found
