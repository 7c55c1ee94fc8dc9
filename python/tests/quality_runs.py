"""Runs of plan_quality and plan_answers in this process, many documents at once."""

from pathlib import Path
from typing import Any

from harness import FakeContext, kinds_of, place

from aqm_runner.runner.members import Member, Outcome
from aqm_runner.runner.registry import OPS, load_op


def judge(
    params: dict[str, Any],
    inputs: dict[str, Path],
    plans: list[Path],
    output: Path,
    op: str = "plan_quality",
    context: FakeContext | None = None,
) -> dict[str, Outcome]:
    """Runs the op for documents as one batch; what it makes of `X.json` goes to `output/X`."""
    kinds, (role_,) = kinds_of(op), OPS[op].outputs
    members = [
        Member(
            path.stem,
            params,
            {role: place(each, kinds[role]) for role, each in (inputs | {"plan": path}).items()},
            {role_: place(output / path.stem, "file")},
        )
        for path in plans
    ]
    ran = load_op(op).run_batch(context or FakeContext(), members)
    told = [each for outcomes in ran for each in outcomes]
    return {each.member.id: each for each in told}
