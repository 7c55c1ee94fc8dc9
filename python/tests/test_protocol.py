import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from forks import ForkedRunner
from harness import PATIENCE, PYTHON_ROOT, EventReader, Runner, action, of_type, request
from material import COCO, SAMPLE, scoring

from aqm_runner.runner.digests import digest_folder
from aqm_runner.runner.registry import OPS


def test_a_job_is_told_from_hello_to_idle_and_the_end_of_input_ends_the_runner(tmp_path):
    runner = Runner(tmp_path / "log")
    events = runner.run("job 1", action("synthetic_coco", COCO, {}, tmp_path))
    assert [event["type"] for event in events if event["type"] != "step"] == [
        "hello",
        "phase",
        "phase",
        "artifact",
        "artifact",
        "artifact",
        "resource",
        "result",
        "idle",
    ]
    hello, result = events[0], events[-2]
    assert hello["pid"] == runner.process.pid
    assert hello["ops"] == OPS.versions()
    assert [event["name"] for event in of_type(events, "phase")] == ["import", "draw"]
    assert of_type(events, "step")[-1]["done"] == 48
    assert result["facts"] == {"images": 48, "captions": 240}
    assert set(result["tools"]) == {"python", "pillow"}
    digest, size = digest_folder(tmp_path / "images")
    artifacts = of_type(events, "artifact")
    assert [item["role"] for item in artifacts] == [
        "annotations_train",
        "annotations_val",
        "images",
    ]
    assert (artifacts[-1]["digest"], artifacts[-1]["size"]) == (digest, size)
    assert of_type(events, "resource")[0]["peak_memory_bytes"] > 10_000_000
    assert runner.end() == (0, [])


def test_the_end_waits_for_no_thread_of_a_library_and_runs_what_it_registered(tmp_path):
    code = """
import atexit, threading
from aqm_runner.runner.server import main
atexit.register(print, "removed what was temporary")
threading.Thread(target=threading.Event().wait).start()
class Slow:
    def __del__(self):
        print("taken apart")
slow = Slow()
print("said before")
main()
"""
    reader, writer = os.pipe()
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=os.environ | {"PYTHONPATH": str(PYTHON_ROOT), "AQM_EVENTS_FD": str(writer)},
            pass_fds=[writer],
        )
    os.close(writer)
    assert [event["type"] for event in EventReader(reader)] == ["hello"]
    assert process.wait(timeout=PATIENCE) == 0
    assert log.read_text().splitlines() == ["said before", "removed what was temporary"]


def test_hello_waits_for_no_library():
    code = (
        "import sys, aqm_runner.runner.server\n"
        "print([name for name in ('torch', 'numpy', 'jsonschema') if name in sys.modules])"
    )
    found = subprocess.check_output(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(PYTHON_ROOT)}
    )
    assert found.decode().strip() == "[]"


def test_without_an_event_descriptor_it_says_what_is_missing():
    ended = subprocess.run(
        [sys.executable, "-m", "aqm_runner"],
        env={"PYTHONPATH": str(PYTHON_ROOT)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2
    assert b"AQM_EVENTS_FD" in ended.stderr


def changed(**changes: Any) -> dict[str, Any]:
    return action("synthetic_coco", COCO, {}, Path("/nowhere")) | changes


def images_for(scope: str) -> dict[str, Any]:
    """Which inputs are declared goes by a param: images are for one scope only."""
    places = {name: Path("/nowhere") / name for name in ("checkpoint", "database", "images")}
    return action("sensitivity_scores", scoring(scope), places, Path("/nowhere"))


@pytest.mark.parametrize(
    ("document", "reason", "words"),
    [
        ("{", "not_json", "JSON"),
        (request("j", changed()) | {"protocol": 2}, "schema", "$.protocol"),
        (request("j", changed(op="unheard_of")), "unknown_op", "unheard_of"),
        (request("j", changed(version=99)), "op_version", "99"),
        (request("j", changed(), changed()), "duplicate_action", "same id"),
        (request("j", changed(params={**COCO, "seed": "x"})), "schema", "$.seed"),
        (request("j", changed(params={**COCO, "more": 1})), "schema", "more"),
        (
            request("j", action("calibration_sample", SAMPLE, {}, Path("/nowhere"))),
            "roles",
            "annotations_train, annotations_val",
        ),
        (request("j", images_for("lm")), "roles", "captions, database, images"),
        (request("j", images_for("all_layers")), "missing_input", "given/checkpoint"),
        (
            request(
                "j",
                action(
                    "calibration_sample",
                    SAMPLE,
                    {f"annotations_{name}": Path("/nowhere") / name for name in ("train", "val")},
                    Path("/nowhere"),
                ),
            ),
            "missing_input",
            "given/train",
        ),
    ],
)
def test_a_bad_request_is_named_and_ends_the_runner(tmp_path, document, reason, words):
    runner = Runner(tmp_path / "log")
    runner.send(document)
    events = list(runner.events)
    error = events[-1]
    assert (error["type"], error["class"], error["reason"]) == ("error", "bad_request", reason)
    assert words in error["message"]
    assert error["next_step"]
    assert error["retryable"] is False
    assert runner.end()[0] == 2


def test_an_output_place_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "kept").write_text("mine")
    runner = Runner(tmp_path / "log")
    runner.send(request("j", action("synthetic_coco", COCO, {}, tmp_path)))
    assert list(runner.events)[-1]["reason"] == "output_exists"
    assert runner.end()[0] == 2
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["kept"]


def test_an_idle_runner_is_cancelled_by_sigint(tmp_path):
    runner = Runner(tmp_path / "log")
    runner.events.until("hello")
    runner.interrupt()
    events = list(runner.events)
    assert [event["class"] for event in of_type(events, "error")] == ["cancelled"]
    assert runner.end()[0] == 130


@pytest.mark.engines
def test_a_scoring_runner_is_cancelled_by_sigint(original, tmp_path, lm_inputs):
    doomed = ForkedRunner(original, tmp_path / "log", AQM_HEARTBEAT_SECONDS="0.2")
    long = scoring(batch_size=1, score_size=6, sequence_length=1024)
    doomed.send(request("scores", action("sensitivity_scores", long, lm_inputs, tmp_path)))
    doomed.events.until("phase", name="score")
    doomed.interrupt()
    events = list(doomed.events)
    (error,) = of_type(events, "error")
    assert (error["class"], error["job"], error["action"]) == (
        "cancelled",
        "scores",
        "sensitivity_scores",
    )
    assert doomed.end()[0] == 130
    assert of_type(doomed.events.seen, "heartbeat")
    assert not (tmp_path / "scores").exists()


# Starts a runner on the event descriptor of this test, gives it a long job, and waits.
PARENT = """
import os, subprocess, sys
runner = subprocess.Popen([sys.executable, "-m", "aqm_runner"], stdin=subprocess.PIPE,
                          pass_fds=[int(os.environ["AQM_EVENTS_FD"])])
runner.stdin.write(sys.stdin.buffer.readline())
runner.stdin.flush()
sys.stdin.read()
"""


def test_a_runner_does_not_outlive_its_parent(tmp_path):
    reader, writer = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        env={"PYTHONPATH": str(PYTHON_ROOT), "AQM_EVENTS_FD": str(writer)},
        pass_fds=[writer],
    )
    os.close(writer)
    long = COCO | {"train_images": 1_000_000}
    document = request("j", action("synthetic_coco", long, {}, tmp_path))
    parent.stdin.write(f"{json.dumps(document)}\n".encode())
    parent.stdin.flush()
    events = EventReader(reader)
    events.until("step")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    # The event stream ends when the last process that holds it is gone.
    list(events)
    last = events.seen[-1]
    assert last["type"] == "step"
    assert last["done"] < long["train_images"]


# As a runner that leads a group of its own and has a worker when its parent dies.
ORPHAN = """
import subprocess
from aqm_runner.runner.protocol import exit_orphaned
subprocess.Popen(["sleep", "1000"])
exit_orphaned()
"""


def test_an_orphan_takes_what_it_started_with_it():
    orphan = subprocess.Popen(
        [sys.executable, "-c", ORPHAN],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(PYTHON_ROOT), "PATH": os.environ["PATH"]},
        start_new_session=True,
    )
    assert orphan.stdout.read() == b""  # it ends when the last process that holds it is gone
    assert orphan.wait() == -signal.SIGKILL


def test_a_kept_runner_takes_one_job_after_another(kept, tmp_path):
    for number in (1, 2):
        events = kept.run(
            f"kept {number}",
            action("synthetic_coco", COCO, {}, tmp_path / f"{number}", id="first"),
            action("synthetic_coco", COCO, {}, tmp_path / f"again {number}", id="second"),
        )
        assert [event["action"] for event in of_type(events, "result")] == ["first", "second"]
        assert len({(event["role"], event["digest"]) for event in of_type(events, "artifact")}) == 3


def test_a_job_prints_into_its_own_log(tmp_path):
    runner = Runner(tmp_path / "runner.log")
    log = tmp_path / "job.log"
    document = request("j", action("synthetic_coco", COCO, {}, tmp_path)) | {"log": str(log)}
    runner.send(document)
    runner.events.until("idle", job="j")
    assert log.exists()
    for descriptor in (1, 2):
        assert Path(f"/proc/{runner.process.pid}/fd/{descriptor}").readlink() == log
    assert runner.end()[0] == 0
