"""One measuring job: from the members of a batch to their quality documents."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import torch

from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.model.determinism import device_kind, make_deterministic, require_device
from aqm_runner.modelopt.groups import release_memory
from aqm_runner.modelopt.quality.candidates import read_candidates
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import check_modelopt
from aqm_runner.quality.document import plan_entry, quality_document
from aqm_runner.quality.material import Material, read_material
from aqm_runner.quality.measuring import Measurement, non_finite_logits
from aqm_runner.quality.plans import NONE, PlanDocument, check_plans, read_plans
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.scoring.document import environment_of

OP = "plan_quality"


def measure_members(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Measures the plans of several actions that are alike in all else, with one model.

    Each output has the bytes that it would have alone. Yields each outcome as soon as it is known;
    a plan that fails does not take the others down.

    Args:
        context: Gets phases, steps and warnings of the whole.
        members: At least one; they differ in the input `plan`, outputs and id only.

    Raises:
        RunnerError: What concerns all members.
    """
    params, inputs = members[0].params, members[0].inputs
    require_device(context.device)
    check_modelopt()
    check_checkpoint(inputs["checkpoint"])
    formats = read_candidates(params["candidates"], context.device)
    documents: list[tuple[Member, PlanDocument]] = []
    for member in members:
        try:
            documents.append((member, read_plans(member.inputs["plan"])))
        except RunnerError as error:
            yield [Outcome(member, error=error)]
    if not documents:
        return
    make_deterministic(context.device)
    with _unfilled_memory():
        yield from _measure_documents(context, params, inputs, formats, documents)


def _measure_documents(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Any],
    formats: list[Format],
    documents: list[tuple[Member, PlanDocument]],
) -> Iterator[list[Outcome]]:
    job = _start(context, params, inputs, formats)
    total = sum(len(document.plans) for _, document in documents)
    context.phase("measure", total)
    done = 0
    try:
        for member, document in documents:
            try:
                facts = job.measure(member, document, done)
            except RunnerError as error:
                yield [Outcome(member, error=error)]
            else:
                yield [Outcome(member, facts=facts | {"batch": {"plans": total}})]
            done += len(document.plans)
            context.step(done)
    finally:
        job.judged.close()
        del job
        release_memory(context.device)


@contextlib.contextmanager
def _unfilled_memory() -> Iterator[None]:
    """Leaves new memory as it is for a while.

    With deterministic algorithms torch fills it, for those who read memory that nobody has written;
    no layer does, and the filling is two of five kernels of a forward pass.
    """
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = True


@dataclass
class _Job:
    """What all members share once the model is calibrated."""

    context: Any
    params: dict[str, Any]
    material: Material
    measurement: Measurement
    judged: JudgedModel

    def check_control(self, checkpoint: str) -> None:
        """Raises gate_failed `control_differs` unless the model is its former self unquantized."""
        tokens = self.measurement.measure(self.judged.model)
        if float(abs(tokens.kl).max()) != 0:
            raise gate_failed(
                "control_differs",
                f"With all groups at {NONE} the model of {checkpoint} says something else than as "
                f"it was loaded (largest divergence of a token: {abs(tokens.kl).max():.3g} nats), "
                "so that figures of plans would hold more than quantization.",
                file=checkpoint,
                next_step="Report it: ModelOpt's wrapping changes this model.",
            )

    def measure(self, member: Member, document: PlanDocument, done: int) -> dict[str, Any]:
        """Writes the document of one member; returns its facts."""
        place = member.inputs["plan"]
        candidates = [each["name"] for each in self.params["candidates"]]
        check_plans(document, self.judged.groups, self.judged.layers, candidates, place)
        held_out, intervals = self.material.held_out, self.material.intervals
        entries = []
        unmoved = []
        for plan in document.plans:
            self.judged.choose(dict(zip(document.groups, plan.formats, strict=True)))
            tokens = self.measurement.measure(self.judged.model)
            if not tokens.finite:
                raise non_finite_logits(f"the plan {plan.name}", place.name)
            several = len(document.plans) > 1
            entries.append(plan_entry(plan.name, tokens, held_out, intervals, short=several))
            if not tokens.kl.any() and set(plan.formats) != {NONE}:
                unmoved.append(plan.name)
            self.context.step(done + len(entries))
        text = quality_document(
            OP,
            self.params,
            self.environment(),
            held_out,
            self.measurement,
            intervals,
            entries,
        )
        member.outputs["quality"].create().write_bytes(text.encode())
        return {
            "device_kind": device_kind(self.context.device),
            "plans": len(entries),
            "unmoved_plans": unmoved,
            "groups": len(self.judged.groups),
            "held_out_samples": len(held_out.sample_tokens),
            "held_out_tokens": held_out.tokens,
        }

    def environment(self) -> dict[str, str]:
        """Returns what decides bits besides params and inputs."""
        versions = {"modelopt": metadata.version("nvidia-modelopt")}
        return environment_of(self.context.device, self.params, versions)


def _start(
    context: Any, params: dict[str, Any], inputs: dict[str, Any], formats: list[Format]
) -> _Job:
    """Loads, looks at the unquantized model, calibrates, and checks that NONE changes nothing."""
    material = read_material(context, params, inputs)
    context.phase("load", None)
    model = load_model(inputs["checkpoint"], params["dtype"], context.device)
    name = inputs["checkpoint"].name
    measurement = Measurement(material.held_out, context.device)
    measurement.look_at_unquantized(model, name)
    judged = JudgedModel(
        context,
        model,
        Loader(material.calibration, context.device),
        formats,
        params["scope"],
        params["include_lm_head"],
    )
    job = _Job(context, params, material, measurement, judged)
    job.check_control(name)
    return job
