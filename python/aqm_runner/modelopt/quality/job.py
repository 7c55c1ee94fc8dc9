"""One measuring job: from the members of a batch to their quality documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aqm_runner.model.determinism import device_kind
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.quality.judging import chosen, control_differs, judge_members, load_judged
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.document import plan_entry, quality_document
from aqm_runner.quality.material import Material, read_material
from aqm_runner.quality.measuring import Measurement, non_finite_logits
from aqm_runner.quality.plans import NONE, PlanDocument
from aqm_runner.quality.tokens import TokenFigures
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.scoring.document import environment_of

OP = "plan_quality"


def measure_members(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Measures the plans of several actions that are alike in all else; see `judge_members`."""
    return judge_members(context, members, "measure", _start)


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
        tokens = self.measure()
        largest = float(abs(tokens.kl).max())
        if largest != 0:
            raise control_differs(checkpoint, f"largest divergence of a token: {largest:.3g} nats")

    def measure(self) -> TokenFigures:
        """Returns what the model says in the formats that it is in."""
        return self.measurement.measure(self.judged.model, self.judged.blocks.compute)

    def write(self, member: Member, document: PlanDocument, done: int) -> dict[str, Any]:
        """Writes the quality document of one member; returns its facts."""
        held_out, intervals = self.material.held_out, self.material.intervals
        entries = []
        unmoved = []
        for plan in chosen(self.judged, self.params, member, document):
            tokens = self.measure()
            if not tokens.finite:
                raise non_finite_logits(f"the plan {plan.name}", member.inputs["plan"].name)
            several = len(document.plans) > 1
            entries.append(
                plan_entry(plan.name, tokens, held_out, self.measurement, intervals, short=several)
            )
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
    name = inputs["checkpoint"].name
    measurement = Measurement(material.held_out, context.device)
    judged = load_judged(
        context,
        params,
        inputs,
        formats,
        material.calibration,
        lambda model: measurement.look_at_unquantized(model, name),
    )
    judged.keep_blocks(measurement.block_bytes(judged.model))
    job = _Job(context, params, material, measurement, judged)
    job.check_control(name)
    return job
