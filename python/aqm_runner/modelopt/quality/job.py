"""One measuring job: from the members of a batch to their quality documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.model.determinism import device_kind
from aqm_runner.modelopt.quality.devices.others import Others
from aqm_runner.modelopt.quality.devices.replica import Begin
from aqm_runner.modelopt.quality.devices.shared_out import SharedOut
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.quality.judging import Documents, check_document, judge_members
from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.document import plan_entry, quality_document
from aqm_runner.quality.figures import Intervals
from aqm_runner.quality.held_out import HeldOut
from aqm_runner.quality.material import Material, read_material
from aqm_runner.quality.measuring import non_finite_logits
from aqm_runner.quality.plans import NONE, PlanDocument
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of

OP = "plan_quality"
# The one set that plans are measured on.
HELD_OUT = "held_out"


def measure_members(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Measures the plans of several actions that are alike in all else; see `judge_members`."""
    return judge_members(context, members, "measure", _start)


@dataclass(frozen=True)
class PlanAnswer:
    """A plan's part of a quality document, and whether it says the same as the unquantized model.

    Attributes:
        entry: As `plan_entry` returns it.
        unmoved: Whether no token's distribution moved, although a group is quantized.
    """

    entry: dict[str, Any]
    unmoved: bool


@dataclass(frozen=True)
class PlanQuestion:
    """What a quality document says of a plan; see `replica.Question`.

    Attributes:
        name: Of the plan.
        formats: Name of each group and of its format.
        intervals: How intervals are made.
        short: As of `plan_entry`.
        file: The document's name, for messages.
    """

    name: str
    formats: dict[str, str]
    intervals: Intervals
    short: bool
    file: str

    def answer(self, model: MeasuredModel) -> PlanAnswer:
        """Returns the answer; raises gate_failed `non_finite_logits`."""
        tokens = model.measure(HELD_OUT, self.formats)
        if not tokens.finite:
            raise non_finite_logits(f"the plan {self.name}", self.file)
        held_out, measurement = model.sets[HELD_OUT], model.measurements[HELD_OUT]
        entry = plan_entry(
            self.name, tokens, held_out, measurement, self.intervals, short=self.short
        )
        return PlanAnswer(entry, not tokens.kl.any() and {*self.formats.values()} != {NONE})


class _Job:
    """What all members share once the model is calibrated."""

    def __init__(
        self,
        context: Any,
        params: dict[str, Any],
        material: Material,
        model: MeasuredModel,
        others: Others,
        documents: Documents,
    ) -> None:
        self._context = context
        self._params = params
        self._material = material
        self._model = model
        questions: list[PlanQuestion] = []
        # Where the questions of a member begin.
        self._first: dict[int, int] = {}
        for member, document in documents:
            place = member.inputs["plan"]
            try:
                check_document(model.judged, params, document, place)
            except RunnerError:
                continue  # found again when it is the member's turn
            self._first[id(document)] = len(questions)
            short = len(document.plans) > 1
            for plan in document.plans:
                formats = dict(zip(document.groups, plan.formats, strict=True))
                questions.append(
                    PlanQuestion(plan.name, formats, material.intervals, short, place.name)
                )
        self._shared = SharedOut(others, model, questions)

    @property
    def judged(self) -> JudgedModel:
        """The model that plans choose of."""
        return self._model.judged

    def write(self, member: Member, document: PlanDocument) -> dict[str, Any]:
        """Writes the quality document of one member; returns its facts."""
        check_document(self.judged, self._params, document, member.inputs["plan"])
        answers = self._answers(self._first[id(document)], len(document.plans))
        entries = [answer.entry for answer in answers]
        unmoved = [answer.entry["name"] for answer in answers if answer.unmoved]
        held_out, intervals = self._material.held_out, self._material.intervals
        measurement = self._model.measurements[HELD_OUT]
        text = quality_document(
            OP, self._params, self._environment(), held_out, measurement, intervals, entries
        )
        member.outputs["quality"].create().write_bytes(text.encode())
        return {
            "device_kind": device_kind(self._context.device),
            "plans": len(entries),
            "unmoved_plans": unmoved,
            "groups": len(self.judged.groups),
            "held_out_samples": len(held_out.sample_tokens),
            "held_out_tokens": held_out.tokens,
        }

    def _answers(self, first: int, count: int) -> list[PlanAnswer]:
        answers = []
        for index in range(first, first + count):
            try:
                answers.append(self._shared.take(index))
            except RunnerError:
                self._shared.leave_out(range(index + 1, first + count))
                raise
            self._context.step(self._shared.answered)
        return answers

    def _environment(self) -> dict[str, str]:
        """Returns what decides bits besides params and inputs."""
        versions = {"modelopt": metadata.version("nvidia-modelopt")}
        return environment_of(self._context.device, self._params, versions)


def _start(
    context: Any,
    params: dict[str, Any],
    inputs: dict[str, Any],
    formats: list[Format],
    documents: Documents,
) -> _Job:
    """Loads, looks at the unquantized model, calibrates, and checks that NONE changes nothing."""
    plans = sum(len(document.plans) for _, document in documents)
    # Other processes read, load and calibrate while this one does.
    others = Others(context, Begin(params, inputs, _read), plans - 1)
    material = read_material(context, params, inputs)
    sets = {HELD_OUT: material.held_out}
    model = MeasuredModel(context, params, inputs, formats, material.calibration, sets)
    return _Job(context, params, material, model, others, documents)


def _read(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> tuple[list[Batch], dict[str, HeldOut]]:
    """Reads the data as this process does; see `replica.Read`."""
    material = read_material(context, params, inputs)
    return material.calibration, {HELD_OUT: material.held_out}
