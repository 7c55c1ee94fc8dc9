"""One answering job: from the members of a batch, or a recipe, to their documents of answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.determinism import device_kind
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.quality.judging import (
    Documents,
    chosen,
    control_differs,
    judge_members,
    load_judged,
)
from aqm_runner.modelopt.quality.recipe import load_with_recipe, ready_for_recipe
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.answers import Answering, read_prompts
from aqm_runner.quality.answers_document import answers_document, plan_answers
from aqm_runner.quality.material import check_apart
from aqm_runner.quality.plans import PlanDocument
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of

OP = "plan_answers"
OF_RECIPES = "recipe_answers"


def answer_members(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Lets the plans of several actions answer that are alike in all else; see `judge_members`."""
    return judge_members(context, members, "answer", _start)


def answer_recipe(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the answers of a model that a recipe quantized; returns facts.

    Args:
        context: Gets phases, steps and warnings.
        params: Of the op recipe_answers.
        inputs: Of the op.
        outputs: `answers`.

    Raises:
        RunnerError: See the op.
    """
    name, checkpoint = params["recipe"], inputs["checkpoint"]
    config = ready_for_recipe(context, params, inputs)
    answering, calibration = _material(context, params, inputs)
    model, applied = load_with_recipe(
        context, params, inputs, config, calibration, answering.look_at_unquantized
    )
    context.phase("answer", 1)
    answers = answering.answer(model, f"the model quantized by {name}", checkpoint.name)
    entry, changed = plan_answers(name, answers, answering.unquantized)
    text = answers_document(OF_RECIPES, params, _environment(context, params), answering, [entry])
    outputs["answers"].create().write_bytes(text.encode())
    context.step(1)
    return {
        "device_kind": device_kind(context.device),
        "prompts": len(answering.prompts),
        "changed_answers": changed,
        "layers": len(applied.layers),
        "unscaled_layers": applied.unscaled,
    }


@dataclass
class _Job:
    """What all members share once the model is calibrated."""

    context: Any
    params: dict[str, Any]
    answering: Answering
    judged: JudgedModel
    # Plans that have answered.
    done: int = 0

    def check_control(self, checkpoint: str) -> None:
        """Raises gate_failed `control_differs` unless the model answers as before unquantized."""
        again = self.answering.answer(self.judged.model, f"the model of {checkpoint}", checkpoint)
        pairs = zip(self.answering.unquantized, again, strict=True)
        changed = sum(before.tokens != after.tokens for before, after in pairs)
        if changed:
            raise control_differs(checkpoint, f"{changed} of {len(again)} answers are others")

    def write(self, member: Member, document: PlanDocument) -> dict[str, Any]:
        """Writes the answers of one member; returns its facts."""
        entries = []
        changed = 0
        for plan in chosen(self.judged, self.params, member, document):
            answers = self.answering.answer(
                self.judged.model, f"the plan {plan.name}", member.inputs["plan"].name
            )
            entry, count = plan_answers(plan.name, answers, self.answering.unquantized)
            entries.append(entry)
            changed += count
            self.done += 1
            self.context.step(self.done)
        environment = _environment(self.context, self.params)
        text = answers_document(OP, self.params, environment, self.answering, entries)
        member.outputs["answers"].create().write_bytes(text.encode())
        return {
            "device_kind": device_kind(self.context.device),
            "plans": len(entries),
            "prompts": len(self.answering.prompts),
            "changed_answers": changed,
        }


def _start(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Any],
    formats: list[Format],
    documents: Documents,
) -> _Job:
    """Loads, lets the unquantized model answer, calibrates, and checks the answers at NONE."""
    del documents
    answering, calibration = _material(context, params, inputs)
    judged = load_judged(
        context, params, inputs, formats, calibration, answering.look_at_unquantized
    )
    job = _Job(context, params, answering, judged)
    job.check_control(inputs["checkpoint"].name)
    return job


def _material(context: Any, params: dict[str, Any], inputs: dict[str, Any]) -> tuple[Any, Any]:
    """Returns the prompts, ready to be answered, and the batches to find ranges on."""
    context.phase("prepare", None)
    check_apart(inputs)
    calibration = calibration_batches(context, params, inputs)
    prompts = read_prompts(context, params, inputs)
    most = params["max_new_tokens"]
    return Answering(inputs["checkpoint"], prompts, most, context.device), calibration


def _environment(context: Any, params: dict[str, Any]) -> dict[str, str]:
    """Returns what decides answers besides params and inputs."""
    versions = {"modelopt": metadata.version("nvidia-modelopt")}
    return environment_of(context.device, params, versions)
