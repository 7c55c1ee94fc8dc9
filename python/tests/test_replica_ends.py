"""Jobs with replicas end as jobs without them do, and leave no process behind."""

import os
import select
import signal
from pathlib import Path

import pytest
from forks import ForkedRunner
from harness import PATIENCE, Runner, action, of_type, request
from material import COCO, scoring


def until_gone(pids: list[int]) -> None:
    """Waits for the end of processes that are no children of this one."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([handle], [], [], PATIENCE)
        os.close(handle)
        assert ended, f"{pid} is still there"


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.fixture
def doomed(original, lm_inputs, tmp_path) -> tuple[ForkedRunner, list[int]]:
    """A runner that scores together with two replicas, and these."""
    runner = ForkedRunner(original, tmp_path / "log")
    params = scoring(batch_size=1, score_size=6, sequence_length=1024)
    job = action("sensitivity_scores", params, lm_inputs, tmp_path)
    runner.send(request("scores", job) | {"replicas": ["cpu 1", "cpu 2"]})
    runner.events.until("phase", name="score")
    replicas = children_of(runner.process.pid)
    assert len(replicas) == 2
    return runner, replicas


@pytest.mark.engines
def test_a_killed_replica_ends_the_job_as_a_killed_runner_would(doomed, tmp_path):
    runner, (first, second) = doomed
    os.kill(second, signal.SIGKILL)
    assert runner.end()[0] == -signal.SIGKILL
    assert of_type(runner.events.seen, "error") == []
    until_gone([first, second])
    assert "of this job on cpu 2 ended by SIGKILL" in (tmp_path / "log").read_text()
    assert not (tmp_path / "scores").exists()


@pytest.mark.engines
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_replica_outlives_its_runner(doomed, how):
    runner, replicas = doomed
    if how == signal.SIGKILL:
        runner.process.kill()
    else:
        runner.interrupt()
    assert runner.end()[0] == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    until_gone(replicas)


@pytest.mark.engines
def test_a_job_ends_its_replicas_and_measures_no_less_with_them(kept, lm_inputs, tmp_path):
    params = scoring(batch_size=1, score_size=6)
    for name, replicas in (("one", []), ("two", ["cpu 1"])):
        job = action("sensitivity_scores", params, lm_inputs, tmp_path / name)
        kept.send(request(name, job) | {"replicas": replicas})
        events = kept.events.until("idle", job=name)
        assert of_type(events, "result")[0]["facts"]["score_batches"] == 6
        assert children_of(kept.process.pid) == []
    assert (tmp_path / "one/scores").read_bytes() == (tmp_path / "two/scores").read_bytes()


def test_an_op_that_works_on_one_device_is_given_no_more(tmp_path):
    runner = Runner(tmp_path / "log")
    job = action("synthetic_coco", COCO, {}, tmp_path)
    runner.send(request("j", job) | {"replicas": ["cpu 1"]})
    error = list(runner.events)[-1]
    assert (error["class"], error["reason"]) == ("bad_request", "no_replicas")
    assert runner.end()[0] == 2
