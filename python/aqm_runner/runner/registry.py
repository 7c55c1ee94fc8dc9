"""Which ops there are.

The versions are repeated here so that `hello` can name them without importing an op, and with
it torch; a test holds them equal to the modules' own.
"""

import importlib
from types import ModuleType

VERSIONS = {
    "calibration_sample": 1,
    "calibration_subset": 2,
    "coco_annotations": 1,
    "coco_images": 1,
    "hub_checkpoint": 1,
    "sensitivity_scores": 1,
    "synthetic_coco": 1,
    "tiny_checkpoint": 1,
}

# What may differ among the actions of a batch, for the ops that can run one: its name in `params`.
VARIES = {"sensitivity_scores": "format"}


def load_op(name: str) -> ModuleType:
    """Imports and returns the module of an op that is in VERSIONS."""
    return importlib.import_module(f"aqm_runner.ops.{name}")
