"""Op recipe_export: a recipe of ModelOpt, alike for all layers, as a checkpoint in its format.

SmoothQuant, AWQ, plain FP8 and NVFP4, as `mtq.quantize` has them, on the layers that plans of the
scope may quantize. Inputs: `checkpoint` (folder); `database` (SQLite: calibration data); scope
all_layers: `images` (folder). Outputs: `checkpoint` (folder) and `check` (JSON), as those of
modelopt_export; layers whose input features are scaled have one more tensor, `pre_quant_scale`.

What calibration finds out is a partial result: an export that failed afterwards, or was killed,
goes on from there. `modelopt.export.recipe` says how.

Errors: bad_request `batch_size`, `format_not_exportable`, `layer_not_exportable`; unsupported_here
`no_gpu`, `format_needs_cuda`, `modelopt_version`, `unsupported_layer`, `disk_full`; gate_failed of
loading, of `calibration_batches`, `layer_left_out`, `layer_not_searched`, and of exports, see
compressed_tensors_export.
"""

from typing import Any

from aqm_runner.export.config_modelopt import CONFIG, declared_forms
from aqm_runner.export.job import Exporter
from aqm_runner.export.names import hub_names
from aqm_runner.export.pairs import MODELOPT
from aqm_runner.export.plain_model import load_plain
from aqm_runner.modelopt.export.recipe import export_recipe
from aqm_runner.modelopt.export.writing import write_folder
from aqm_runner.runner.places import Place

EXPORTER = Exporter(
    op="recipe_export",
    export=MODELOPT,
    config=CONFIG,
    names=hub_names,
    write=write_folder,
    declared=declared_forms,
    load=load_plain,
)


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder and its check document; returns facts."""
    return export_recipe(context, params, inputs, outputs, EXPORTER)
