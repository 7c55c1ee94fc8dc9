"""Op modelopt_export: a plan as a checkpoint in ModelOpt's own format.

Inputs: `checkpoint` (folder); `plan` (JSON, as of plan_quality, with one plan); optional `ranges`
(JSON of input_ranges), needed where a chosen candidate quantizes inputs. Outputs: `checkpoint`
(folder: weights, config.json with `quantization_config`, hf_quant_config.json, all other files of
the checkpoint as they are) and `check` (JSON of what was compared). No calibration data is read.

The model is simulated as plan_quality measures it and written by `export_hf_checkpoint`; what is
written is read back and compared with the simulation, layer by layer, and what the two say. Tensors
have the names of the hub, as ModelOpt writes them. `export` says what is compared, docs/export.md
has formulas and tolerances.

Errors: those of `compressed_tensors_export`, and unsupported_here `unsupported_layer`.
"""

from typing import Any

from aqm_runner.export.config_modelopt import CONFIG, declared_forms
from aqm_runner.export.job import Exporter, export_plan
from aqm_runner.export.names import hub_names
from aqm_runner.export.pairs import MODELOPT
from aqm_runner.export.plain_model import load_plain
from aqm_runner.modelopt.export.writing import write_folder
from aqm_runner.modelopt.planned_model import simulation
from aqm_runner.runner.places import Place

EXPORTER = Exporter(
    op="modelopt_export",
    export=MODELOPT,
    config=CONFIG,
    names=hub_names,
    write=write_folder,
    declared=declared_forms,
    load=load_plain,
    not_of_experts=("W4A16_AWQ",),
)


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder and its check document; returns facts."""
    simulate = simulation(context, params, inputs)
    return export_plan(context, params, inputs, outputs, EXPORTER, simulate)
