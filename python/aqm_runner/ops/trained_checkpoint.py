"""Op trained_checkpoint: a small Qwen3-VL that has learned to describe coloured shapes.

Output `checkpoint`: a Hugging Face folder as `tiny_checkpoint` writes it, with 4 layers of text of
width 128 and 3 blocks of vision of width 64: a million parameters, 4 MB in float32. It is trained
on scenes as `synthetic_coco` draws them, in the three forms in which aqm feeds a model. One thread
computes, so one kind of processor gives the same bytes.

Errors: bad_request `output_exists`; gate_failed `did_not_learn`.
"""

import random
from typing import Any

from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.tiny_model import LEARNING, build_model
from aqm_runner.model.tiny_processor import SPECIAL, build_processor, build_tokenizer
from aqm_runner.training.exam import check_learned, examine
from aqm_runner.training.lessons import exam_batch, lessons
from aqm_runner.training.train import train

EXAM_SCENES = 128


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]
) -> dict[str, Any]:
    """Trains, examines and writes; returns the marks and the number of parameters."""
    del inputs
    folder = outputs["checkpoint"].create()
    context.phase("tokenizer", None)
    make_deterministic("cpu")
    tokenizer = build_tokenizer(params["seed"])
    processor = build_processor(params["family"], tokenizer)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    model = build_model(params["family"], ids, len(tokenizer), params["seed"], LEARNING)
    source = random.Random(params["seed"])
    scenes, exam = exam_batch(processor, source, EXAM_SCENES)
    batches = lessons(processor, source, frozenset(scenes), params["batch_size"])
    train(context, model, batches, params["steps"], params["learning_rate"])
    context.phase("exam", None)
    marks = examine(processor, model, scenes, exam)
    check_learned(marks)
    context.phase("write", None)
    processor.save_pretrained(folder)
    model.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return marks.facts() | {"parameters": parameters, "vocabulary": len(tokenizer)}
