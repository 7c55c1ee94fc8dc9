"""Tiny checkpoints of every family are what a hub has: read by the Auto classes, whole, offline."""

import filecmp

import pytest
import torch
from harness import run_op
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
)

from aqm_runner.model.tiny_families import FAMILIES
from aqm_runner.runner.registry import OPS

WITH_IMAGES = ("llava", "gemma3")


def test_the_op_takes_every_family_that_is_made():
    taken = OPS["tiny_checkpoint"].params["properties"]["family"]["enum"]
    assert sorted(taken) == sorted(["qwen3_vl", "qwen2_5_vl", *FAMILIES])


@pytest.mark.parametrize("family", FAMILIES)
def test_auto_classes_read_it_and_no_weight_is_left_out(tiny, family):
    folder = tiny(family)
    assert AutoConfig.from_pretrained(folder).model_type == family
    kind = AutoModelForImageTextToText if family in WITH_IMAGES else AutoModelForCausalLM
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    assert model.config.architectures == [type(model).__name__]
    processor = AutoProcessor.from_pretrained(folder)
    tokenizer = getattr(processor, "tokenizer", processor)
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings
    inputs = tokenizer("A red circle left of a blue square.", return_tensors="pt")
    logits = model(**inputs).logits
    # Logits of an untrained model are spread over tokens, by a little more or less than one.
    assert 0.5 < float(logits.std()) < 2
    turns = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "A circle."}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    assert "What?" in text
    assert "A circle." in text


@pytest.mark.parametrize("family", ["mixtral", "gemma3"])
def test_the_same_seed_makes_the_same_bytes_and_another_one_others(tiny, tmp_path, family):
    run_op("tiny_checkpoint", {"family": family, "seed": 0}, {}, tmp_path / "again")
    run_op("tiny_checkpoint", {"family": family, "seed": 1}, {}, tmp_path / "other")
    names = [path.name for path in tiny(family).iterdir()]
    again, other = tmp_path / "again/checkpoint", tmp_path / "other/checkpoint"
    assert filecmp.cmpfiles(tiny(family), again, names, shallow=False) == (names, [], [])
    assert "model.safetensors" in filecmp.cmpfiles(tiny(family), other, names, shallow=False)[1]


def test_weights_are_exact_in_small_numbers_so_that_every_processor_makes_the_same(tiny):
    model = AutoModelForCausalLM.from_pretrained(tiny("qwen3_moe"))
    for parameter in model.parameters():
        assert torch.equal(parameter * 1024, (parameter * 1024).round())
