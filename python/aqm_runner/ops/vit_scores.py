"""Op vit_scores: raw AutoQuantize scores of every layer group of an image classifier.

Inputs: `checkpoint` (folder of a ViT), `database` (SQLite, an image a row; captions are left alone)
and `images` (folder with train2017 and val2017). Output `scores`: JSON by scores.schema.json, with
nothing volatile in it.

A group's score is the sum over the scored images of the Kullback-Leibler divergence, in nats, of
the class distribution from that of the model with the group quantized (`modelopt.scoring`). It
needs no labels. The document counts in tokens: an image is a sample, `score_tokens` are predicted
classes (one an image) and `sequence_length` are the patches of an image and the class token.

One format is scored in a call: how many fit into a GPU's memory, `modelopt.memory` estimates for
language models alone.

Errors: unsupported_here `no_gpu`, `modelopt_version`; bad_request of ModelOpt's formats;
gate_failed `no_vit` and others of a checkpoint, `unreadable_image`, `too_few_samples`, and those of
`scoring.gates`.
"""

from importlib import metadata
from typing import Any

from aqm_runner.model.batches import Loader, score_steps
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.model.samples import read_samples
from aqm_runner.modelopt.formats import check_format
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.modelopt.scoring import Scorer, Setting, check_modelopt
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of, score_document
from aqm_runner.vit.as_text import pixel_batches, predict_one_token
from aqm_runner.vit.checkpoint import check_vit, load_image_processor, load_vit

ENGINE = "modelopt"


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the scores; returns the device's kind and what the sums run over."""
    # What could only fail after the model is loaded is refused in milliseconds.
    device, asked = context.device, params["format"]
    require_device(device)
    check_modelopt()
    check_vit(inputs["checkpoint"])
    check_format(asked["name"], asked["config"], device)
    format_ = as_format(asked["name"], asked["config"])
    make_deterministic(device)
    samples = read_samples(context, inputs["database"], params["calibration_samples"])
    processor = load_image_processor(inputs["checkpoint"])
    batches = pixel_batches(context, processor, inputs["images"], samples, params["batch_size"])
    context.phase("load", None)
    model = load_vit(inputs["checkpoint"], params["dtype"], device)
    patches = model.vit.embeddings.patch_embeddings.num_patches
    steps = score_steps(params["score_size"], params["batch_size"], len(batches))
    # No loss is in a divergence, and no classifier has a head that is called lm_head.
    setting = Setting(params["scope"], "batch_mean", False, steps, params["method"])
    scorer = Scorer(context, setting)
    [table] = scorer.score(predict_one_token(model), Loader(batches, device), [format_])
    if isinstance(table, RunnerError):
        raise table
    scored = sum(batch.samples for batch in batches[:steps])
    measured = {
        "calibration_samples": len(samples),
        "calibration_batches": len(batches),
        "score_samples": scored,
        "score_batches": steps,
        "score_tokens": scored,
        "batch_size": params["batch_size"],
        "sequence_length": patches + 1,
    }
    environment = environment_of(device, params, {ENGINE: metadata.version("nvidia-modelopt")})
    text = score_document(ENGINE, params, table, measured, environment)
    outputs["scores"].create().write_bytes(text.encode())
    return {"device_kind": device_kind(device), "groups": len(table.groups), **measured}
