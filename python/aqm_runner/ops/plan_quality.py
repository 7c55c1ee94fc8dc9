"""Op plan_quality: how far plans move a model from the unquantized one, measured on held-out data.

Inputs: `checkpoint` (folder); `plan` (JSON: groups, and the format of each in one plan or several);
`database` (SQLite: calibration data) and `held_out` (SQLite: what is measured on), of which scope
lm takes the captions; scope all_layers: `images` and `held_out_images` (folders). Optional
`sample` (SQLite): the full sample that calibration data is a part of; held-out data may share
neither an image nor a caption with it. Output `quality`: JSON with nothing volatile in it.
"""

from typing import Any

from aqm_runner.runner.failures import unsupported_here
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Refuses: the measurement is declared, so that rules can name it, and not there yet."""
    del context, params, inputs, outputs
    raise unsupported_here(
        "not_built_yet",
        "The op plan_quality is declared but does not measure yet.",
        next_step="Update aqm.",
    )
