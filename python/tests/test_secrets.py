"""Credentials in texts: the table is that of TypeScript, tests/engine/secrets.test.ts."""

import json
import os
from pathlib import Path

import pytest
from harness import PYTHON_ROOT, Runner

from aqm_runner.runner import secrets

TABLE = json.loads((PYTHON_ROOT.parent / "tests/fixtures/secrets.json").read_text())


@pytest.mark.parametrize(("text", "shown"), TABLE["texts"])
def test_credentials_are_hidden_and_all_else_stays(monkeypatch, text, shown):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in TABLE["variables"].items():
        monkeypatch.setenv(name, value)
    assert secrets.without_secrets(text) == shown


OP = """
import sys, warnings

def run(context, params, inputs, outputs):
    print("prints", params["text"])
    warnings.warn(params["text"], stacklevel=1)
    context.warning("odd", params["text"])
    if params["fails"]:
        raise ValueError(params["text"])
    outputs["text"].create().write_text("written")
    return {"from": params["text"]}
"""
DECLARATION = {
    "version": 1,
    "usesDevice": False,
    "tools": [],
    "inputs": {},
    "outputs": {"text": "file"},
    "params": {"type": "object"},
}


def failures(runner):
    return [event for event in runner.events.seen if event["type"] == "error"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_runner_writes_none_to_its_logs_and_failures(tmp_path, fails):
    package = tmp_path / "python/aqm_runner"
    package.parent.mkdir()
    package.mkdir()
    for part in (PYTHON_ROOT / "aqm_runner").iterdir():
        if part.name not in ("ops", "__pycache__"):
            (package / part.name).symlink_to(part)
    (package / "ops").mkdir()
    (package / "ops/__init__.py").write_text("")
    (package / "ops/leaky.py").write_text(OP)
    (package / "ops/leaky.json").write_text(json.dumps(DECLARATION))
    secret = "my-own-token-0123"
    text = f"{secret} https://me:passw0rd@host/x Authorization: Bearer abcdef0123456789"
    log = tmp_path / "job.log"
    output = {"path": str(tmp_path / "out"), "kind": "file", "name": "out"}
    action = {
        "id": "a",
        "op": "leaky",
        "version": 1,
        "params": {"text": text, "fails": fails},
        "inputs": {},
        "outputs": {"text": output},
    }
    runner = Runner(tmp_path / "log", HF_TOKEN=secret, PYTHONPATH=str(package.parent))
    runner.send(
        {
            "protocol": 1,
            "job": "a",
            "device": "cpu",
            "workspace": str(tmp_path),
            "log": str(log),
            "actions": [action],
        }
    )
    last = "error" if fails else "idle"
    for event in runner.events:
        if event["type"] == last:
            break
    runner.process.stdin.close()
    runner.process.wait()
    told = json.dumps(
        [event.get("traceback") or event.get("message") for event in failures(runner)]
    )
    printed = log.read_text() + Path(tmp_path / "log").read_text()
    assert "prints *** https://***@host/x" in printed
    assert ("ValueError" in printed) == fails == ("ValueError" in told)
    for shown in (told, printed):
        for hidden in (secret, "passw0rd", "abcdef0123456789"):
            assert hidden not in shown
