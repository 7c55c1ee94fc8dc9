"""One scoring job: from the members of a batch to their score documents, with any engine.

Errors: bad_request `batch_size`; unsupported_here `no_gpu`; gate_failed of the rooms that
read the inputs; and those of the engine.
"""

from collections.abc import Iterator
from typing import Any

from aqm_runner.model.architectures import check_architecture, check_images
from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of, score_document
from aqm_runner.scoring.engine import Candidate, Engine, Loading
from aqm_runner.scoring.material import check_counted, measured_counts, read_batches
from aqm_runner.scoring.table import Table


def score_alone(
    engine: Engine[Any],
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Place],
    outputs: dict[str, Place],
) -> dict[str, Any]:
    """Writes the scores of one format; returns the device's kind and what the sums run over."""
    member = Member("", params, inputs, outputs, context.partials)
    for outcomes in score_members(engine, context, [member]):
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
            facts = outcome.facts
    return facts


def score_members(
    engine: Engine[Candidate], context: Any, members: list[Member]
) -> Iterator[list[Outcome]]:
    """Scores the formats of several actions that are alike in all else, with one model.

    Each output has the bytes that it would have alone. Yields outcomes as soon as they are known:
    first those of formats that cannot be scored, then the others in the engine's order. A format
    that fails does not take the others down.

    Args:
        engine: Scores.
        context: Gets phases, steps and warnings of the whole.
        members: At least one; they differ in `format`, outputs and id only.

    Raises:
        RunnerError: What concerns all members.
    """
    params, inputs = members[0].params, members[0].inputs
    # What could only fail after the model is loaded is refused in milliseconds.
    require_device(context.device)
    engine.check()
    check_checkpoint(inputs["checkpoint"])
    check_architecture(inputs["checkpoint"])
    check_images(inputs["checkpoint"], params["scope"])
    candidates: list[Candidate] = []
    sound: list[Member] = []
    refused: list[Outcome] = []
    for member in members:
        given = member.params["format"]
        try:
            candidates.append(engine.candidate(given["name"], given["config"], context.device))
            sound.append(member)
        except RunnerError as error:
            refused.append(Outcome(member, error=error))
    if refused:
        yield refused
    if not sound:
        return
    make_deterministic(context.device)
    batches, packing = read_batches(context, params, inputs)
    steps = engine.score_steps(params, len(batches))
    check_counted(batches[:steps], engine.tokens, params, inputs)
    measured = measured_counts(batches, steps, engine.tokens, params, packing)
    environment = environment_of(context.device, params, engine.versions())

    load = Loading(context, inputs["checkpoint"], params["dtype"])
    loader = Loader(batches, context.device)
    partials = [member.partials for member in sound]
    for scored, groups in engine.score(context, params, candidates, load, loader, partials):
        batch = {"formats": len(members), "groups": groups}
        yield [
            _finish(engine, context, sound[index], found, measured, environment, batch)
            for index, found in scored
        ]


def _finish(
    engine: Engine[Any],
    context: Any,
    member: Member,
    found: Table | Exception,
    measured: dict[str, Any],
    environment: dict[str, str],
    batch: dict[str, int],
) -> Outcome:
    """Writes a member's scores, if it has any; the file knows nothing of the batch."""
    if isinstance(found, Exception):
        return Outcome(member, error=found)
    text = score_document(engine.name, member.params, found, measured, environment)
    try:
        member.outputs["scores"].create().write_bytes(text.encode())
    except RunnerError as error:
        return Outcome(member, error=error)
    facts = {
        "device_kind": device_kind(context.device),
        "groups": len(found.groups),
        "enabled_groups": sum(group.enabled for group in found.groups),
        **measured,
        "batch": batch,
    }
    return Outcome(member, facts=facts)
