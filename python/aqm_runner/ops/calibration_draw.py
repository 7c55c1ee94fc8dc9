"""Op calibration_draw: rows of a full sample, drawn by a seed, as a database and as text.

Input `database`: what `calibration_sample` wrote. Row n, from 0, gets the SHA-256 of `<seed>:<n>`,
but for the first `apart_from` rows, which are another choice. In the order of these digests the
first `samples` rows are draw number 1, the next ones number 2, and so on: no row is in two draws,
and no library decides which. No row is outside of the full sample, so that what is held out of the
full sample is held out of every draw.

Outputs as those of `calibration_subset`; the meta table is taken over but for the number of rows.

Errors: those of `calibration_subset`.
"""

import hashlib
from typing import Any

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import write_samples
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both outputs; returns the numbers of rows in the full sample and in the draw."""
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
    seed, samples, apart = params["seed"], params["samples"], params["apart_from"]
    begin = (params["number"] - 1) * samples
    order = sorted(range(apart, len(rows)), key=lambda row: _place(seed, row))
    drawn = order[begin : begin + samples]
    if len(drawn) < samples:
        raise gate_failed(
            "too_few_captions",
            f"Draw {params['number']} of {samples} captions beside the first {apart} needs "
            f"{apart + begin + samples}, but the full sample has only {len(rows)}.",
            file=full.name,
            next_step="Ask for fewer draws or a smaller size, or raise full_samples.",
        )
    context.phase("write", None)
    write_samples(outputs, [rows[row] for row in drawn], meta, full)
    return {"full_samples": len(rows), "samples": samples}


def _place(seed: int, row: int) -> bytes:
    return hashlib.sha256(f"{seed}:{row}".encode()).digest()
