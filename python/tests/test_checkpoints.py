"""Checkpoints that are not what a score would say they are: each refused by its file and entry."""

import contextlib
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import FakeContext, place, run_op
from material import scoring
from safetensors.torch import load_file
from spoilt import TAKEN, WEIGHTS, change_weights, edit, refused

from aqm_runner.model.architectures import check_architecture, reads_images
from aqm_runner.model.checkpoint import load_model, load_processor, load_tokenizer
from aqm_runner.model.checkpoint_files import check_checkpoint
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.places import Place


@pytest.fixture
def folder(checkpoints, tmp_path) -> Path:
    """A copy of the tiny Qwen3-VL, free to be spoilt."""
    return Path(shutil.copytree(checkpoints["qwen3_vl"], tmp_path / "ckpt"))


def test_a_sound_checkpoint_passes(checkpoints):
    for folder in checkpoints.values():
        headers = check_checkpoint(place(folder, "folder"))
        tensors = load_file(folder / WEIGHTS)
        assert {name: header.shape for name, header in headers.items()} == {
            name: tuple(tensor.shape) for name, tensor in tensors.items()
        }


QUANTIZED = [
    {"quantization_config": {"quant_method": method}}
    for method in ("modelopt", "fp8", "compressed-tensors", "awq", "gptq", "bitsandbytes")
]


@pytest.mark.parametrize("entry", QUANTIZED, ids=lambda e: e["quantization_config"]["quant_method"])
@pytest.mark.parametrize("inner", [False, True], ids=["top", "text"])
def test_a_config_that_says_quantized(folder, entry, inner):
    change = (lambda c: c["text_config"].update(entry)) if inner else (lambda c: c.update(entry))
    edit(folder / "config.json", change)
    error = refused(check_checkpoint, folder, "quantized_checkpoint")
    assert error.file == "given/ckpt/config.json"
    method = entry["quantization_config"]["quant_method"]
    place_ = "text_config.quantization_config" if inner else "quantization_config"
    assert f"{place_} says it was quantized by {method}" in error.message


@pytest.mark.parametrize(
    "name", ["hf_quant_config.json", "quantize_config.json", "quant_config.json"]
)
def test_a_file_that_says_quantized(folder, name):
    (folder / name).write_text("{}")
    assert refused(check_checkpoint, folder, "quantized_checkpoint").file == f"given/ckpt/{name}"


PROJECTION = "model.language_model.layers.0.mlp.down_proj"


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        (f"{PROJECTION}.weight", torch.zeros(64, 128, dtype=torch.float8_e4m3fn)),
        (f"{PROJECTION}.weight", torch.zeros(64, 128, dtype=torch.int8)),
        (f"{PROJECTION}.weight", torch.zeros(4096, 1, dtype=torch.uint8)),  # bitsandbytes
        (f"{PROJECTION}.weight_scale", torch.ones(1)),
        (f"{PROJECTION}.weight_scale_inv", torch.ones(1, 1)),
        (f"{PROJECTION}.input_scale", torch.ones(1)),
        (f"{PROJECTION}.qweight", torch.zeros(16, 64, dtype=torch.int32)),
        (f"{PROJECTION}.weight_packed", torch.zeros(64, 16, dtype=torch.int32)),
    ],
)
def test_tensors_of_a_quantizer_are_known_without_its_config(folder, name, tensor):
    change_weights(folder, lambda weights: weights.update({name: tensor}))
    error = refused(check_checkpoint, folder, "quantized_checkpoint")
    assert name in error.message
    assert error.file == f"given/ckpt/{WEIGHTS}"


@pytest.mark.parametrize(
    "name", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"]
)
def test_an_adapter_that_is_not_merged(folder, name):
    (folder / name).write_bytes(b"{}")
    error = refused(check_checkpoint, folder, "unmerged_adapter")
    assert error.file == f"given/ckpt/{name}"
    assert "merge" in error.next_step


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._folder),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.gguf"])
def test_weights_that_no_key_knows_are_neither_loaded_nor_enough(folder, tmp_path, name):
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    load_model(Place(folder, "folder", "given/ckpt", TAKEN), "float32", "cpu")
    (folder / WEIGHTS).unlink()
    error = refused(check_checkpoint, folder, "unreadable_checkpoint")
    assert name in error.message
    assert "safetensors" in error.next_step
    assert not (tmp_path / "ran").exists()


EVIL = "import os; os.mkdir({!r})\nclass C: pass\n"


@pytest.mark.parametrize(
    "name",
    ["config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"],
)
def test_code_of_the_checkpoint_is_not_run(folder, tmp_path, name):
    (folder / "evil.py").write_text(EVIL.format(str(tmp_path / "ran")))
    parts = ("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoTokenizer")
    entry = dict.fromkeys((*parts, "AutoProcessor", "AutoImageProcessor"), "evil.C")
    edit(folder / name, lambda document: document.update(auto_map=entry))
    assert refused(check_checkpoint, folder, "custom_code").file == f"given/ckpt/{name}"
    for step in (load_tokenizer, load_processor):
        with contextlib.suppress(RunnerError):  # some entries only mean something to one of them
            step(Place(folder, "folder", "given/ckpt", TAKEN))
    assert not (tmp_path / "ran").exists()


def load(taken: Place) -> Any:
    return load_model(taken, "float32", "cpu")


def test_tensors_that_the_model_has_no_place_for(folder):
    """Layers that config.json does not count, and a model of another kind."""
    more = "model.language_model.layers.2.mlp.down_proj.weight"
    change_weights(folder, lambda weights: weights.update({more: torch.zeros(64, 128)}))
    assert more in refused(load, folder, "unused_weights").message


def test_fewer_layers_than_there_are(folder):
    edit(folder / "config.json", lambda c: c["text_config"].update(num_hidden_layers=1))
    error = refused(load, folder, "unused_weights")
    assert "layers.1." in error.message
    assert error.file == "given/ckpt/config.json"


def test_a_head_without_weights_that_is_not_said_to_be_tied(folder):
    change_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    error = refused(load, folder, "incomplete_checkpoint")
    assert "lm_head.weight" in error.message
    assert '"tie_word_embeddings": true' in error.next_step
    edit(folder / "config.json", lambda c: c.update(tie_word_embeddings=True))
    model = load(Place(folder, "folder", "given/ckpt", TAKEN))
    assert model.lm_head.weight is model.get_input_embeddings().weight


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(model_type=7), "model_type"),
        (lambda c: c["text_config"].update(hidden_act="nonsense"), "nonsense"),
        (lambda c: c["text_config"].update(hidden_size="many"), ""),
    ],
)
def test_a_config_that_describes_no_model(folder, change, words):
    edit(folder / "config.json", change)
    assert words in refused(load, folder, "unreadable_checkpoint").message


@pytest.mark.parametrize(
    ("type_", "words"), [("evilnew", "lacks it"), ("t5", "as another kind"), ("vit", "as another")]
)
def test_a_family_that_makes_no_text_is_named(folder, type_, words):
    edit(folder / "config.json", lambda c: c.update(model_type=type_))
    error = refused(load, folder, "unknown_architecture")
    assert f"model_type {type_!r}" in error.message
    assert words in error.message
    assert error.file == "given/ckpt/config.json"


@pytest.mark.parametrize(
    ("kind", "images"), [("AutoModelForCausalLM", False), ("AutoModelForImageTextToText", True)]
)
def test_a_trusted_checkpoint_may_bring_a_family_of_its_own(folder, kind, images):
    entry = {kind: "modeling.Own"}
    edit(folder / "config.json", lambda c: c.update(model_type="own", auto_map=entry))
    trusted = Place(folder, "folder", "given/ckpt", TAKEN, trusted=True)
    check_architecture(trusted)
    assert reads_images(trusted) == images
    refused(check_architecture, folder, "unknown_architecture")


def test_images_are_not_asked_of_a_model_of_text(tiny, image_inputs, tmp_path):
    context = FakeContext()
    inputs = image_inputs | {"checkpoint": tiny("llama")}
    with pytest.raises(RunnerError) as caught:
        run_op("sensitivity_scores", scoring("all_layers"), inputs, tmp_path, context)
    assert caught.value.reason == "no_images"
    assert "images: false" in caught.value.next_step
    assert context.phases == []  # nothing was loaded, and nothing prepared


@pytest.mark.parametrize("text", ["{", "[]", "[" * 200_000, '{"model_type": 1, "model_type": 2}'])
def test_a_config_that_is_no_object(folder, text):
    (folder / "config.json").write_text(text)
    error = refused(check_checkpoint, folder, "unreadable_checkpoint")
    assert error.file == "given/ckpt/config.json"


def test_what_a_tokenizer_and_a_processor_need(folder):
    (folder / "chat_template.jinja").unlink()
    assert "chat template" in refused(load_processor, folder, "unreadable_checkpoint").message
    for path in folder.glob("*processor_config.json"):
        path.unlink()
    refused(load_processor, folder, "unreadable_checkpoint")
    (folder / "tokenizer.json").unlink()
    # What no key knows does not stand in for it.
    (folder / "tokenizer.model").write_bytes(b"x")
    error = refused(load_tokenizer, folder, "unreadable_checkpoint")
    assert "it has no tokenizer.json (a tokenizer.model alone is not read)" in error.message
    assert "save_pretrained" in error.next_step
    assert "/tmp" not in error.message


def test_the_rule_takes_what_these_tests_take():
    rule = (Path(__file__).parents[2] / "rules/checkpoint.ts").read_text()
    assert f"const MATTERS = {json.dumps(TAKEN)};" in rule
