"""Several actions of a job carried out at once, where their op can do that.

Each has its own events and its own end. `seconds` and `gpu_seconds` of a result are the action's
share: the time since outcomes were last told, divided by the number of actions told of now. So the
shares of a batch add up to what it took; where all end together, a share is the total divided by
the number of actions.
"""

import time
from typing import Any

from aqm_runner.runner.classify import classify
from aqm_runner.runner.failures import BAD_REQUEST, GATE_FAILED, UNSUPPORTED_HERE, RunnerError
from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.partial_origin import open_partials
from aqm_runner.runner.reads import ReadGuard, undeclared_read
from aqm_runner.runner.registry import OPS
from aqm_runner.runner.report import Report
from aqm_runner.runner.requests import Action, check_action

# What one member may fail with while the process stays sound.
HARMLESS = {BAD_REQUEST, GATE_FAILED, UNSUPPORTED_HERE}


def is_batch(actions: list[Action]) -> bool:
    """Returns whether actions can run at once.

    They can if they have the same op, and the same params and inputs but for the one param, or the
    path of the one input, that the op names in `varies`. An input that varies is of one kind.
    """
    varies = OPS[actions[0].op].varies
    if varies is None or len(actions) == 1:
        return False

    def common(action: Action) -> Any:
        params = {name: value for name, value in action.params.items() if name != varies}
        inputs = {role: place for role, place in action.inputs.items() if role != varies}
        varied = action.inputs.get(varies)
        return action.op, params, inputs, varied and (varied.kind, varied.include)

    return all(common(action) == common(actions[0]) for action in actions)


def run_batch(report: Report, module: Any, context: Any, reads: ReadGuard) -> Outcome | None:
    """Runs all actions of a request at once and tells how each of them ended.

    Args:
        report: Tells of each action.
        module: The op's module.
        context: Tells of the whole.
        reads: Watching already, with the places of all actions declared.

    Returns:
        The outcome, not told of yet, of a member after which this process is not to be trusted.

    Raises:
        RunnerError: What concerns all actions.
    """
    request = report.request
    op = OPS[request.actions[0].op]
    members: list[Member] = []
    for action in request.actions:
        try:
            check_action(action)
            partials = open_partials(action, context, reads)
            members.append(
                Member(action.id, action.params, action.inputs, action.outputs, partials)
            )
        except RunnerError as error:
            report.failed(action.id, error)
    guilty: Outcome | None = None
    declared = [
        place
        for action in request.actions
        for place in (*action.inputs.values(), *action.outputs.values())
    ]
    start = time.monotonic()
    for outcomes in module.run_batch(context, members) if members else ():
        share = (time.monotonic() - start) / len(outcomes)
        undeclared = reads.end()
        if undeclared:
            raise undeclared_read(request.actions[0].op, undeclared)
        for outcome in outcomes:
            member = outcome.member
            if outcome.error is None:
                facts = (outcome.facts or {}) | member.partials.facts()
                report.result(member.id, op, member.outputs, share, facts)
            elif classify(outcome.error).class_ in HARMLESS:
                report.failed(member.id, outcome.error)
            else:
                guilty = guilty or outcome
        reads.begin(request.workspace, declared)
        start = time.monotonic()
    reads.end()
    return guilty
