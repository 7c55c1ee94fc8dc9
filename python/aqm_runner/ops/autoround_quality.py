"""Op autoround_quality: what a checkpoint of autoround_export does to a model, on held-out data.

Inputs: `checkpoint` (folder: the unquantized model); `quantized` (folder of autoround_export);
`database` (SQLite: what it was tuned on) and `held_out` (SQLite: what is measured on); optional
`against` (another such folder) and `sample` (the full sample that `database` is a part of). Output
`quality`: JSON as that of plan_quality, with a plan named "quantized" and one named "against", and
`difference`: the first minus the second with paired bootstrap intervals.

The folder is measured as transformers loads it. AutoRound's own form is computed in float16 on a
CPU, which `environment.quantized_dtype` says; its figures have that noise.

Errors: those of `quality.material` and `quality.measuring`; gate_failed of loading;
unsupported_here `no_gpu`, `no_auto_round`, `auto_round_version`.
"""

from typing import Any

from aqm_runner.autoround.quality_job import measure_folders
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the figures; returns what they were measured on."""
    return measure_folders(context, params, inputs, outputs)
