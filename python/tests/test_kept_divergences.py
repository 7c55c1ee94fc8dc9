"""kl_div continued from partial results: fewer forward passes, the same bytes.

`test_scores_equal_modelopt` holds the scores without partial results against ModelOpt; here those
with them are held against the scores without.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Runner, action, of_type, request, run_together
from material import scoring

from aqm_runner.runner.partials import Partials

TINY = {"family": "qwen3_vl", "seed": 1}
FORMATS = ["FP8", "INT8_WEIGHTS", "INT4_INT8"]


def params(format_: str = "FP8", **changes: Any) -> dict[str, Any]:
    """Three batches of two samples, scored one group after the other."""
    return scoring("lm", format_, method="kl_div", batch_size=2, **{"score_size": 6, **changes})


def score(
    inputs: dict[str, Path], output: Path, partials: list[Partials] | None, *each: dict[str, Any]
) -> list[bytes]:
    """Returns the scores that one batch of these params writes."""
    for outcomes in run_together(list(each), inputs, output, partials=partials):
        assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    return [(output / one["format"]["name"] / "scores").read_bytes() for one in each]


def counts(partials: Partials) -> tuple[int, int]:
    """Returns how many items were measured and reused."""
    return tuple(partials.facts()["items"].values())


@pytest.fixture(scope="module")
def from_nothing(lm_inputs, tmp_path_factory) -> dict[str, bytes]:
    """The scores of each format without partial results."""
    folder = tmp_path_factory.mktemp("from nothing")
    found = score(lm_inputs, folder, None, *(params(name) for name in FORMATS))
    return dict(zip(FORMATS, found, strict=True))


@pytest.fixture(scope="module")
def items(from_nothing) -> int:
    """How many items a whole run has: groups that are scored, times batches."""
    document = json.loads(from_nothing["FP8"])
    groups = sum(group["enabled"] for group in document["groups"])
    assert document["measured"]["score_batches"] == 3
    return groups * 3


@pytest.fixture
def doomed(tmp_path_factory) -> Iterator[Runner]:
    """A runner to be killed, which has imported torch."""
    folder = tmp_path_factory.mktemp("doomed")
    runner = Runner(folder / "log")
    runner.send(request("warm", action("tiny_checkpoint", TINY, {}, folder)))
    yield runner
    runner.process.kill()
    runner.process.wait()


def test_a_run_that_keeps_items_and_one_that_reuses_them_give_the_same_bytes(
    lm_inputs, from_nothing, items, tmp_path
):
    for expected in ((items, 0), (0, items)):
        partials = [Partials(tmp_path / name) for name in FORMATS]
        output = tmp_path / str(expected)
        found = score(lm_inputs, output, partials, *(params(name) for name in FORMATS))
        assert found == list(from_nothing.values())
        assert [counts(each) for each in partials] == [expected] * len(FORMATS)


@pytest.mark.engines
def test_a_longer_run_continues_a_shorter_one_and_a_shorter_one_takes_what_it_needs(
    lm_inputs, from_nothing, items, tmp_path
):
    shorter, longer = params(score_size=2), params(score_size=6)
    (alone,) = score(lm_inputs, tmp_path / "alone", None, shorter)
    assert alone != from_nothing["FP8"]
    runs = [
        ("shorter", shorter, alone, (items // 3, 0)),
        ("longer", longer, from_nothing["FP8"], (items - items // 3, items // 3)),
        ("shorter again", shorter, alone, (0, items // 3)),
    ]
    for name, asked, bytes_, expected in runs:
        partials = Partials(tmp_path / "kept")
        assert score(lm_inputs, tmp_path / name, [partials], asked) == [bytes_]
        assert counts(partials) == expected


@pytest.mark.engines
def test_a_format_continues_in_another_company_than_it_began_in(
    lm_inputs, from_nothing, items, tmp_path
):
    score(lm_inputs, tmp_path / "a", [Partials(tmp_path / "FP8")], params(score_size=2))
    partials = [Partials(tmp_path / name) for name in FORMATS]
    found = score(lm_inputs, tmp_path / "b", partials, *(params(name) for name in FORMATS))
    assert found == list(from_nothing.values())
    assert [counts(each)[1] for each in partials] == [items // 3, 0, 0]


@pytest.mark.engines
def test_a_lost_and_a_damaged_item_are_measured_again(lm_inputs, from_nothing, items, tmp_path):
    score(lm_inputs, tmp_path / "a", [Partials(tmp_path / "kept")], params())
    first, second, *_ = sorted((tmp_path / "kept").rglob("*"))[1:]
    first.unlink()
    second.write_text(second.read_text().replace("0", "1"))
    partials = Partials(tmp_path / "kept")
    assert score(lm_inputs, tmp_path / "b", [partials], params()) == [from_nothing["FP8"]]
    assert counts(partials) == (2, items - 2)


@pytest.mark.engines
def test_a_killed_process_loses_the_item_at_hand_and_the_next_one_continues(
    lm_inputs, from_nothing, items, kept, doomed, tmp_path
):
    """SIGKILL in the middle: where one item is written first, a pipe keeps the process waiting."""

    def asked(name: str) -> dict[str, Any]:
        partial = str(tmp_path / "partial")
        given = action("sensitivity_scores", params(), lm_inputs, tmp_path / name)
        return given | {"id": name, "partial": partial}

    def facts(events: list[dict[str, Any]]) -> dict[str, int]:
        return of_type(events, "result")[0]["facts"]["items"]

    assert facts(kept.run("whole", asked("whole"))) == {"measured": items, "reused": 0}
    (folder,) = (tmp_path / "partial").iterdir()
    in_order = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    at = in_order[items // 2]
    for path in in_order:
        path.unlink()
    pipe = at.with_name(f"{at.name}.{doomed.process.pid}.tmp")
    os.mkfifo(pipe)

    doomed.send(request("doomed", asked("doomed")))
    with pipe.open():  # opens once the process writes that item
        os.kill(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait()
    at.unlink(missing_ok=True)  # the pipe, if the process had time to put it there
    done = len([path for path in folder.iterdir() if path.suffix != ".tmp"])
    assert 0 < done < items

    events = kept.run("continued", asked("continued"))
    assert facts(events) == {"measured": items - done, "reused": done}
    assert (tmp_path / "continued" / "scores").read_bytes() == from_nothing["FP8"]
