"""Op serving_check: what vLLM says of an exported folder, as far as the device lets it go.

Input `checkpoint` (folder: what modelopt_export or compressed_tensors_export wrote); optional
`answers` (JSON: what the simulated model answers to the sanity prompts). Output `status`: JSON of
`serving.status`, with nothing volatile in it but the times of a server that ran (`serving.timing`).
`serving.levels` has the levels.

A folder that vLLM rejects is a result. No code of a folder is run: remote code is refused, weights
are read as safetensors, and nothing is fetched. Actions that differ in nothing but the folder share
one process with vLLM (`run_batch`), to the same bytes.

Errors: unsupported_here `no_vllm`, `no_gpu`, `no_compiler`, `vllm_does_not_start`; gate_failed
`vllm_died`; bad_request `missing_input`, `unreadable_answers`, `output_exists`. The device cuda is
untested: it was written without a GPU on which vLLM could be installed.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.serving.job import check_members


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the status of one folder; returns status, level and device."""
    member = Member("", params, inputs, outputs, context.partials)
    (outcome,) = [each for outcomes in run_batch(context, [member]) for each in outcomes]
    if outcome.error is not None:
        raise outcome.error
    return outcome.facts or {}


def run_batch(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Checks several folders in one process; see `check_members`."""
    return check_members(context, members)
