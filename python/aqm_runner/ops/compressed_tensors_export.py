"""Op compressed_tensors_export: a plan as a checkpoint in the format compressed-tensors.

Inputs: `checkpoint` (folder); `plan` (JSON, as of plan_quality, with one plan); optional `ranges`
(JSON of input_ranges), needed where a chosen candidate quantizes inputs. Outputs: `checkpoint`
(folder: weights, config.json with `quantization_config`, all other files of the checkpoint as they
are) and `check` (JSON of what was compared). No calibration data is read.

The model is simulated as plan_quality measures it; what is written is read back and compared with
that, layer by layer. `export` says what is compared, docs/export.md has formulas and tolerances.

Errors: bad_request `several_plans`, `unknown_candidate`, `format_not_exportable`,
`layer_not_exportable`, `nothing_quantized`, `ranges_missing`, and those of `read_candidates`;
gate_failed of plans, ranges and checkpoints, `input_range_missing`, `plan_and_files`,
`config_and_files`, `fused_scales_differ`, `non_finite_weights`, `weights_differ`,
`input_scales_differ`, `logits_differ`; unsupported_here `no_gpu`, `format_needs_cuda`,
`modelopt_version`, `disk_full`.
"""

from typing import Any

from aqm_runner.compressed.loading import load_exported
from aqm_runner.compressed.writing import write_folder
from aqm_runner.export.config_compressed_tensors import FILE, declared_forms
from aqm_runner.export.job import Exporter, export_plan
from aqm_runner.export.names import expert_names
from aqm_runner.export.pairs import COMPRESSED_TENSORS
from aqm_runner.modelopt.planned_model import simulation
from aqm_runner.runner.places import Place

EXPORTER = Exporter(
    op="compressed_tensors_export",
    export=COMPRESSED_TENSORS,
    config=FILE,
    names=expert_names,
    write=write_folder,
    declared=declared_forms,
    load=load_exported,
)


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder and its check document; returns facts."""
    simulate = simulation(context, params, inputs)
    return export_plan(context, params, inputs, outputs, EXPORTER, simulate)
