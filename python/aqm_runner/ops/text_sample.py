"""Op text_sample: calibration and held-out samples from text files, or images with captions.

Input `file` or `folder`, as the param `place` says. Kind lines: a sample a line. Kind json_lines: a
JSON object a line, of which one field is the text, or the messages of a chat. Kind image_text: a
folder with images and captions, see `captions_of`.

Outputs: SQLite databases, see `write_sets`: `calibration` (the full sample, in the order of the
draw), `small`, `medium` and `large` (its first rows), and `search`, `confirm` and `report` (held
out: they share no text and no image with it, or with each other). How samples are drawn:
`drawing.py`.

Errors: gate_failed `unreadable_sample`, `too_few_samples`, `unsafe_path`, `file_not_taken`;
bad_request `sizes`, `kind_and_content`, `output_exists`.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.calibration.found import Found
from aqm_runner.calibration.sample_sets import write_sets
from aqm_runner.calibration.text_files import captions_of, json_lines_of, lines_of
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes all databases; returns the numbers of rows, of blank and repeated ones, of samples."""
    source = inputs[params["place"]]
    return write_sets(context, params, _samples(params, source), source, outputs)


def _samples(params: dict[str, Any], source: Place) -> Iterator[Found]:
    kind, content = params["kind"], params["content"]
    if kind == "lines":
        return lines_of(source)
    if content is None or (kind == "image_text" and (source.kind, *content) != ("folder", "field")):
        raise bad_request(
            "kind_and_content",
            f"Samples of the kind {kind} are not told by the place {source.kind} and the content "
            f"{content}.",
            next_step="Give the content of JSON lines; of images a folder, and a field as content.",
        )
    if kind == "json_lines":
        return json_lines_of(source, content)
    return captions_of(source, content["field"])
