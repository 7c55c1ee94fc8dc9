"""Runs of plan_quality in this process, many documents at once."""

from pathlib import Path
from typing import Any

from harness import FakeContext, kinds_of, place

from aqm_runner.ops.plan_quality import run_batch
from aqm_runner.runner.members import Member, Outcome


def judge(
    params: dict[str, Any], inputs: dict[str, Path], plans: list[Path], output: Path
) -> dict[str, Outcome]:
    """Measures documents as one batch; that of `X.json` goes to `output/X`."""
    kinds = kinds_of("plan_quality")
    members = [
        Member(
            path.stem,
            params,
            {role: place(each, kinds[role]) for role, each in (inputs | {"plan": path}).items()},
            {"quality": place(output / path.stem, "file")},
        )
        for path in plans
    ]
    told = [each for outcomes in run_batch(FakeContext(), members) for each in outcomes]
    return {each.member.id: each for each in told}
