"""One way through all folders of a job: one process with vLLM, one status for each folder."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from aqm_runner.runner.failures import RunnerError, bad_request, unsupported_here
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.places import Place
from aqm_runner.serving.device import Device, device_of
from aqm_runner.serving.process import Server
from aqm_runner.serving.status import status_of, written


def check_members(context: Any, members: list[Member]) -> Iterator[list[Outcome]]:
    """Checks the folders of actions with the same device; tells of each as soon as it is done."""
    param = members[0].params["device"]
    device = device_of(param)
    _require(context, device)
    context.phase("start vLLM", None)
    with Server(context, device, param) as server:
        for index, member in enumerate(members):
            if index == 0:
                context.phase("check", len(members))
            try:
                outcome = Outcome(member, _check(server, device, member))
            except RunnerError as error:
                outcome = Outcome(member, error=error)
            context.step(index + 1)
            yield [outcome]


def _require(context: Any, device: Device) -> None:
    if find_spec("vllm") is None:
        raise unsupported_here(
            "no_vllm",
            "This Python has no vLLM.",
            next_step="Let aqm make the environment vllm, or name an interpreter that has it.",
        )
    if device.kind == "cuda" and context.device != "cuda":
        raise unsupported_here(
            "no_gpu",
            "A server runs on a GPU, and this job has none.",
            next_step="Ask for the device cpu or an invented one, which load and do not run.",
        )


def _check(server: Server, device: Device, member: Member) -> dict[str, Any]:
    folder = member.inputs["checkpoint"].require()
    simulated = _simulated(member.inputs.get("answers"))
    found = server.ask(folder, simulated)
    status = status_of(found, device, server.described, folder)
    member.outputs["status"].create().write_text(written(status), encoding="utf-8")
    return {"status": status["status"], "level": status["level"], "device": status["device"]}


def _simulated(place: Place | None) -> dict[str, str] | None:
    """Returns prompt to answer of a document `{"answers": [{"prompt": …, "answer": …}, …]}`."""
    if place is None:
        return None
    try:
        rows = json.loads(place.require().read_text(encoding="utf-8"))["answers"]
        return {row["prompt"]: row["answer"] for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(
            "unreadable_answers",
            f"{place.name} is no document of answers: {type(error).__name__}: {error}.",
            file=place.name,
            next_step='Write {"answers": [{"prompt": "…", "answer": "…"}]}.',
        ) from error
