"""Op autoround_export: a plan as a checkpoint whose rounding AutoRound has tuned.

Inputs: `checkpoint` (folder); `plan` (JSON, as of plan_quality, with one plan); `database` (SQLite:
calibration data, of which the captions are tuned on). Outputs: `checkpoint` (folder: weights and
config by AutoRound, in its own form or as compressed-tensors, all other files of the checkpoint as
they are) and `check` (JSON of what was compared). `autoround.tuning` says what is tuned; with
`iters` 0 nothing is, so that the two folders show what tuning is worth.

The folder is loaded in a fresh process: layers are quantized exactly as planned, by their tensors;
weights are near the unquantized ones; logits are numbers.

Errors: bad_request `several_plans`, `nothing_quantized`, `unknown_candidate`,
`format_not_exportable`, `layer_not_exportable`, `unsupported_format`; gate_failed of plans,
calibration data and checkpoints, `tuning_failed`, `dropped_samples`, `plan_and_files`,
`config_and_files`, `does_not_load`, `weights_differ`, `non_finite_logits`; unsupported_here
`no_gpu`, `no_auto_round`, `auto_round_version`, `disk_full`.
"""

from typing import Any

from aqm_runner.autoround.export_job import export_tuned
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder and its check document; returns facts."""
    return export_tuned(context, params, inputs, outputs)
