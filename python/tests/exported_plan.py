"""A plan of the trained model as compressed-tensors, and the comparison of a folder with it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import FakeContext, place, run_op
from material import exporting
from plan_files import groups_of, in_turn, write_plans

from aqm_runner.export.config_compressed_tensors import FILE, declared_forms
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.gates import check_config, check_files, check_fused
from aqm_runner.export.kept import headers_of, kept_tensors
from aqm_runner.export.pairs import COMPRESSED_TENSORS
from aqm_runner.export.planned import Planned, planned_layers
from aqm_runner.export.weights import compare_weights
from aqm_runner.modelopt.planned_model import PlannedModel, simulation
from aqm_runner.quality.plans import read_plans

TRAINED = Path(__file__).parents[2] / "models/qwen3_vl_trained/checkpoint"
FORMATS_IN_TURN = ("FP8", "INT8", "INT8_WEIGHTS", "INT4_WEIGHTS")
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Exported:
    """One export, and the simulated model that it was compared with."""

    inputs: dict[str, Path]
    params: dict[str, Any]
    output: Path
    facts: dict[str, Any]
    planned: Planned
    simulated: PlannedModel

    @property
    def check(self) -> dict[str, Any]:
        return json.loads((self.output / "check").read_text())

    def layer(self, part: str, format_: str) -> str:
        """Returns the first layer whose name ends so and that has a format."""
        layers = [
            layer
            for layer, each in self.planned.quantized.items()
            if layer.endswith(part) and each.format == format_
        ]
        return layers[0]


def export(folder: Path) -> Exported:
    """Exports a plan that gives groups four formats and 16 bits in turn, into `folder/out`."""
    groups = groups_of(TRAINED, "lm")
    plan = write_plans(
        folder / "plan.json", groups, scheme=in_turn(groups, *FORMATS_IN_TURN, "NONE")
    )
    ranges = {layer: 8.0 for layers in groups.values() for layer in layers}
    document = {"schema": 1, "op": "input_ranges", "scope": "lm", "environment": {}}
    (folder / "ranges.json").write_text(json.dumps(document | {"layers": ranges}))
    inputs = {"checkpoint": TRAINED, "plan": plan, "ranges": folder / "ranges.json"}
    params = exporting("lm", *FORMATS_IN_TURN)
    facts = run_op("compressed_tensors_export", params, inputs, folder / "out")
    places = {role: place(path, "file") for role, path in inputs.items()}
    places["checkpoint"] = place(TRAINED, "folder")
    planned = planned_layers(
        read_plans(places["plan"]), params["candidates"], COMPRESSED_TENSORS, places["plan"]
    )
    simulated = simulation(FakeContext(), params, places)(planned)
    return Exported(inputs, params, folder / "out", facts, planned, simulated)


def judge(exported: Exported, folder: Path) -> None:
    """Reads a folder back and compares it, as the op does."""
    planned, simulated = exported.planned, exported.simulated
    read = ExportedFolder(place(folder, "folder"))
    kept = kept_tensors(simulated.model, planned)
    shapes = {layer: simulated.shape(layer) for layer in planned.quantized}
    check_files(read, planned, shapes, headers_of(kept))
    check_config(read, declared_forms(read, []), planned, FILE)
    check_fused(read, planned)
    compare_weights(FakeContext(), read, planned, simulated, kept)
