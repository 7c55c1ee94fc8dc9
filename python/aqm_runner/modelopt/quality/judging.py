"""Actions that differ in their plan alone, carried out with one model that was calibrated once."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import make_deterministic, require_device
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.quality.candidates import read_candidates
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import check_modelopt
from aqm_runner.quality.plans import NONE, Plan, PlanDocument, check_plans, read_plans
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place


class Job(Protocol):
    """What all members share once the model is calibrated."""

    judged: JudgedModel

    def write(self, member: Member, document: PlanDocument) -> dict[str, Any]:
        """Writes the output of one member; returns its facts."""
        ...


Documents = list[tuple[Member, PlanDocument]]
# Context, params, inputs, candidates and what they are for → the job, or what concerns all members.
Start = Callable[[Any, dict[str, Any], dict[str, Any], list[Format], Documents], Job]


def judge_members(
    context: Any, members: list[Member], phase: str, start: Start
) -> Iterator[list[Outcome]]:
    """Carries out several actions that are alike in all but the plan, with one model.

    Each output has the bytes that it would have alone. Yields each outcome as soon as it is known;
    a plan that fails does not take the others down.

    Args:
        context: Gets phases, steps and warnings of the whole.
        members: At least one; they differ in the input `plan`, outputs and id only.
        phase: What is done to each plan; its steps are plans.
        start: Loads and calibrates.

    Raises:
        RunnerError: What concerns all members.
    """
    params, inputs = members[0].params, members[0].inputs
    formats = check_asked(context, params, inputs)
    documents: Documents = []
    for member in members:
        try:
            documents.append((member, read_plans(member.inputs["plan"])))
        except RunnerError as error:
            yield [Outcome(member, error=error)]
    if not documents:
        return
    make_deterministic(context.device)
    with unfilled_memory():
        # No other name holds the job, so that its memory can be given back.
        made = functools.partial(start, context, params, inputs, formats, documents)
        yield from _written(context, made, phase, documents)


def check_asked(context: Any, params: dict[str, Any], inputs: dict[str, Any]) -> list[Format]:
    """Returns the candidates of a request that can be carried out here.

    Raises:
        RunnerError: unsupported_here `no_gpu`, `modelopt_version`; what `check_checkpoint` and
            `read_candidates` raise.
    """
    require_device(context.device)
    check_modelopt()
    check_checkpoint(inputs["checkpoint"])
    return read_candidates(params["candidates"], context.device)


def _written(
    context: Any,
    start: Callable[[], Job],
    phase: str,
    documents: Documents,
) -> Iterator[list[Outcome]]:
    job = start()
    total = sum(len(document.plans) for _, document in documents)
    context.phase(phase, total)
    try:
        for member, document in documents:
            try:
                facts = job.write(member, document)
            except RunnerError as error:
                yield [Outcome(member, error=error)]
            else:
                yield [Outcome(member, facts=facts | {"batch": {"plans": total}})]
        context.step(total)
    finally:
        job.judged.close()
        del job
        release_memory(context.device)


@contextlib.contextmanager
def unfilled_memory() -> Iterator[None]:
    """Leaves new memory as it is for a while.

    With deterministic algorithms torch fills it, for code that reads memory before writing to it;
    no layer does, and the filling is two of five kernels of a forward pass.
    """
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = True


def load_judged(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Any],
    formats: list[Format],
    calibration: list[Batch],
    look: Callable[[Any], None],
) -> JudgedModel:
    """Returns the model of a request with all candidates in it; all groups are unquantized.

    Args:
        context: Gets the phases `load` and `calibrate`.
        params: `scope`, `dtype` and `include_lm_head`.
        inputs: `checkpoint`.
        formats: The candidates.
        calibration: Batches to find ranges on.
        look: Looks at the unquantized model, before ModelOpt touches it.
    """
    context.phase("load", None)
    model = load_model(inputs["checkpoint"], params["dtype"], context.device)
    look(model)
    loader = Loader(calibration, context.device)
    return JudgedModel(context, model, loader, formats, params["scope"], params["include_lm_head"])


def chosen(
    judged: JudgedModel, params: dict[str, Any], member: Member, document: PlanDocument
) -> Iterator[Plan]:
    """Yields the plans of a document, each once the model is in its formats.

    Raises:
        RunnerError: What `check_document` raises.
    """
    check_document(judged, params, document, member.inputs["plan"])
    for plan in document.plans:
        judged.choose(dict(zip(document.groups, plan.formats, strict=True)))
        yield plan


def check_document(
    judged: JudgedModel, params: dict[str, Any], document: PlanDocument, place: Place
) -> None:
    """Raises what `check_plans` raises unless the plans of a document fit the model.

    Args:
        judged: The model.
        params: `candidates`.
        document: What was read.
        place: From where, for messages.
    """
    candidates = [each["name"] for each in params["candidates"]]
    check_plans(document, judged.groups, judged.layers, candidates, place)


def control_differs(checkpoint: str, how: str) -> RunnerError:
    """Returns the failure of the gate `control_differs`.

    Args:
        checkpoint: Its name.
        how: How far apart the two are, in parentheses of a sentence.
    """
    return gate_failed(
        "control_differs",
        f"With all groups at {NONE} the model of {checkpoint} says something else than as it was "
        f"loaded ({how}), so that figures of plans would hold more than quantization.",
        file=checkpoint,
        next_step="Report it: ModelOpt's wrapping changes this model.",
    )
