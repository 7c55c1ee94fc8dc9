"""Op calibration_subset: the first rows of a full sample, as a database and as text.

Input `database`: what `calibration_sample` wrote. Its first `samples` rows by id are the subset,
so subsets of one full sample are prefixes of each other, and another size draws nothing again.

Outputs as those of `calibration_sample`; the meta table is taken over but for the number of rows.

Errors: gate_failed `too_few_captions`, `row_count_mismatch` (the sample holds a caption twice, or
not what its meta table says), `unreadable_database`, `empty_caption`; bad_request `output_exists`.
"""

from typing import Any

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import write_samples
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the numbers of rows in the full sample and in the subset."""
    context.phase("read", None)
    full = inputs["database"]
    rows, meta = read_rows(full)
    if meta is None or "num_samples" not in meta:
        raise gate_failed(
            "row_count_mismatch",
            f"{full.name} does not say how many samples it should have, so that one cannot "
            "tell whether it is whole.",
            file=full.name,
            next_step="Build the full sample again.",
        )
    if len(rows) < params["samples"]:
        raise gate_failed(
            "too_few_captions",
            f"{params['samples']} captions were asked for, but the full sample has only "
            f"{len(rows)}.",
            file=full.name,
            next_step="Ask for fewer samples, raise full_samples, or give annotation files with "
            "more captions.",
        )
    context.phase("write", None)
    write_samples(outputs, rows[: params["samples"]], meta, full)
    return {"full_samples": len(rows), "samples": params["samples"]}
