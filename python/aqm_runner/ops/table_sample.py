"""Op table_sample: calibration and held-out samples from Parquet files or a Hugging Face data set.

Input `file` or `folder`, as the param `place` says. Kind parquet: a file, or all *.parquet files of
a folder in the order of their names. Kind hugging_face: see `saved_dataset` and `cloned_dataset`.
One column is the text, or the messages of a chat.

Outputs, and how samples are drawn: as of `text_sample`.

Errors: gate_failed `unreadable_sample`, `too_few_samples`, `unsafe_path`, `file_not_taken`;
bad_request `sizes`, `output_exists`.
"""

from typing import Any

from aqm_runner.calibration.sample_sets import write_sets
from aqm_runner.calibration.tables import samples_of
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes all databases; returns the numbers of rows, of blank and repeated ones, of samples."""
    source = inputs[params["place"]]
    samples = samples_of(source, params["kind"], params["split"], params["content"])
    return write_sets(context, params, samples, source, outputs)
