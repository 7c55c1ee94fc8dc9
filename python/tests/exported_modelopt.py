"""A plan exported in ModelOpt's format, for the tests that look at the folder and that spoil it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import FakeContext, run_op
from material import exporting

CONFIG, QUANTIZATION = "config.json", "hf_quant_config.json"
TEXT = "model.language_model.layers"


@dataclass
class Exported:
    """A folder that was exported, and what it was made from."""

    folder: Path
    check: dict[str, Any]
    facts: dict[str, Any]
    inputs: dict[str, Path]
    params: dict[str, Any]
    context: FakeContext

    def config(self) -> dict[str, Any]:
        return json.loads((self.folder / CONFIG).read_text())["quantization_config"]


def exported(params: dict[str, Any], inputs: dict[str, Path], output: Path) -> Exported:
    context = FakeContext()
    facts = run_op("modelopt_export", params, inputs, output, context)
    check = json.loads((output / "check").read_text())
    return Exported(output / "checkpoint", check, facts, inputs, params, context)


def export_mixed(inputs: dict[str, Path], output: Path) -> Exported:
    """Exports scope lm in FP8, INT8, INT8 weights and 16 bits, by turns."""
    return exported(exporting("lm", "FP8", "INT8", "INT8_WEIGHTS"), inputs, output)
