"""Python code of a checkpoint: run only where the rule says so, and only what its key has."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness import Runner, action, run_op
from material import scoring
from spoilt import TAKEN, edit, refused

from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.runner.places import Place

# As rules/checkpoint.ts says it where a config trusts a checkpoint.
WITH_CODE = (*TAKEN, "**/*.py")

# A class that computes what its parent does, and leaves a mark: its code ran.
MODELING = """
import pathlib
from transformers import Qwen3VLForConditionalGeneration
from .marks import mark

class Owned(Qwen3VLForConditionalGeneration):
    def __init__(self, config):
        super().__init__(config)
        mark(__file__)
"""
MARKS = """
import os, pathlib

def mark(where):
    pathlib.Path(os.environ["MARK"]).write_text(where)
"""


@pytest.fixture
def folder(checkpoints, tmp_path) -> Path:
    """The tiny Qwen3-VL with a class of its own in modules beside the weights."""
    folder = Path(shutil.copytree(checkpoints["qwen3_vl"], tmp_path / "ckpt"))
    (folder / "modeling_owned.py").write_text(MODELING)
    (folder / "marks.py").write_text(MARKS)
    entry = {"AutoModelForImageTextToText": "modeling_owned.Owned"}
    edit(folder / "config.json", lambda config: config.update(auto_map=entry))
    return folder


class Scoring:
    """The op in a runner of its own, as aqm starts it, with a home that nothing else uses."""

    def __init__(self, tmp_path: Path, captions: Path) -> None:
        self.mark = tmp_path / "ran"
        self.home = tmp_path / "home"
        self._captions = captions
        self._tmp = tmp_path
        env = {"MARK": str(self.mark), "HF_HOME": str(self.home), "HF_HUB_OFFLINE": "1"}
        self._runner = Runner(tmp_path / "log", **env)

    def __enter__(self) -> "Scoring":
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.process.stdin.close()
        self._runner.process.wait()

    def scores(self, checkpoint: Path, include: tuple[str, ...], **params: Any) -> str:
        """Returns the scores' bytes, or the text of the error event."""
        output = self._tmp / f"out-{len(list(self._tmp.glob('out-*')))}"
        inputs = {"checkpoint": checkpoint, "captions": self._captions}
        asked = action("sensitivity_scores", scoring(**params), inputs, output)
        asked["inputs"]["checkpoint"]["include"] = list(include)
        self._runner.send(
            {
                "protocol": 1,
                "job": output.name,
                "device": "cpu",
                "workspace": "/anywhere",
                "actions": [asked],
            }
        )
        for event in self._runner.events:
            if event["type"] in ("error", "failed"):
                return f"{event['reason']}: {event['message']} {event['next_step']}"
            if event["type"] == "idle":
                return (output / "scores").read_text()
        raise AssertionError("the runner ended without a word")


@pytest.fixture
def runner(tmp_path, lm_inputs):
    with Scoring(tmp_path, lm_inputs["captions"]) as runner:
        yield runner


@pytest.mark.engines
def test_is_refused_where_no_rule_trusts_it(folder, runner):
    said = runner.scores(folder, WITH_CODE)
    assert said.startswith("custom_code: "), said
    assert "trust_remote_code: true in conf/model" in said
    assert "credentials" in said
    assert not runner.mark.exists()


@pytest.mark.engines
def test_runs_where_a_rule_trusts_it_and_leaves_nothing_at_home(
    folder, checkpoints, runner, lm_inputs
):
    plain = runner.scores(checkpoints["qwen3_vl"], TAKEN)
    assert not runner.mark.exists()
    trusted = runner.scores(folder, WITH_CODE, trust_remote_code=True)
    assert json.loads(trusted) == json.loads(plain)  # the class computes what its parent does
    assert "aqm-checkpoint-code-" in runner.mark.read_text()
    assert not list(runner.home.rglob("*.py"))
    # The next job of the same process trusts nobody.
    runner.mark.unlink()
    assert runner.scores(folder, WITH_CODE).startswith("custom_code: ")
    assert not runner.mark.exists()


# A family that transformers does not know: config and model are classes of the checkpoint.
FAMILY = """
from transformers import LlamaConfig, LlamaForCausalLM

class OwnedConfig(LlamaConfig):
    model_type = "owned"

class Owned(LlamaForCausalLM):
    config_class = OwnedConfig
"""


@pytest.mark.engines
def test_of_a_family_of_its_own_is_scored_as_what_it_computes(tmp_path, runner):
    output = tmp_path / "made"
    run_op("tiny_checkpoint", {"family": "llama", "seed": 1}, {}, output)
    plain = output / "checkpoint"
    folder = Path(shutil.copytree(plain, tmp_path / "ckpt"))
    (folder / "owned.py").write_text(FAMILY)
    classes = {"AutoConfig": "owned.OwnedConfig", "AutoModelForCausalLM": "owned.Owned"}
    edit(folder / "config.json", lambda config: config.update(model_type="owned", auto_map=classes))
    trusted = json.loads(runner.scores(folder, WITH_CODE, trust_remote_code=True))
    expected = json.loads(runner.scores(plain, TAKEN))
    # The class is its parent in all but its name.
    assert trusted["groups"] == expected["groups"]


@pytest.mark.parametrize(
    "reference",
    ["somebody/else--modeling_owned.Owned", "modeling_absent.Owned", "../outside.Owned", "Owned"],
)
def test_that_is_no_file_of_the_key_is_refused(folder, tmp_path, reference):
    (tmp_path / "outside.py").write_text(MODELING)
    for value in (reference, [None, reference]):
        entry = {"AutoConfig": value, "AutoModelForImageTextToText": "modeling_owned.Owned"}
        edit(folder / "config.json", lambda config, entry=entry: config.update(auto_map=entry))
        error = refused(
            lambda place: check_checkpoint(
                Place(place.path, "folder", place.name, WITH_CODE, trusted=True)
            ),
            folder,
            "custom_code",
        )
        assert repr(reference) in error.message


def test_that_the_rule_does_not_take_is_refused(folder):
    error = refused(
        lambda place: check_checkpoint(
            Place(place.path, "folder", place.name, TAKEN, trusted=True)
        ),
        folder,
        "custom_code",
    )
    assert "modeling_owned.Owned" in error.message
