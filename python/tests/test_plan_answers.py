"""Answers of plans against `generate` of transformers, and the same bits every time."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import place, run_op
from material import answering, recipe_answering
from PIL import Image
from plan_direct import Direct, rows_of
from plan_files import groups_of, in_turn, write_plans
from quality_runs import judge

from aqm_runner.quality.answers import Answering, difference, pieces_of
from aqm_runner.runner.failures import RunnerError

FORMATS = ("INT3", "INT4_WEIGHTS")


@pytest.fixture(scope="module")
def inputs(quality_inputs, coco) -> dict[str, Path]:
    return quality_inputs["lm"] | {"held_out_images": coco / "images"}


def plans_in(folder: Path, inputs: dict[str, Path], **plans: tuple[str, ...]) -> list[Path]:
    groups = groups_of(inputs["checkpoint"], "lm")
    return [
        write_plans(folder / f"{name}.json", groups, plan=in_turn(groups, *formats))
        for name, formats in plans.items()
    ]


def answered(params: dict[str, Any], inputs: dict[str, Path], plans: list[Path], output: Path):
    outcomes = judge(params, inputs, plans, output, "plan_answers")
    assert {name: each.error for name, each in outcomes.items()} == dict.fromkeys(outcomes)
    return {name: json.loads((output / name).read_text()) for name in outcomes}


@pytest.fixture(scope="module")
def together(inputs, tmp_path_factory):
    """Three plans in one batch: folder, and document by name."""
    folder = tmp_path_factory.mktemp("together")
    plans = plans_in(folder, inputs, none=("NONE",), int3=("INT3",), mixed=FORMATS)
    documents = answered(answering("lm", *FORMATS), inputs, plans, folder / "found")
    return folder, documents


def generated(direct: Direct, model: Any, params: dict[str, Any]) -> list[list[int]]:
    """Returns what transformers generates by itself, greedily."""
    found = []
    for text, image in [
        *((text, None) for text in params["prompts"]["texts"]),
        *(
            (params["prompts"]["image_text"], image)
            for image, _ in rows_of(direct.inputs["held_out"])[:2]
        ),
    ]:
        content = [{"type": "image"}] * (image is not None) + [{"type": "text", "text": text}]
        turn = direct.processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        pictures = [Image.open(direct.inputs["held_out_images"] / image)] if image else None
        asked = direct.processor(text=[turn], images=pictures, return_tensors="pt")
        with torch.no_grad():
            tokens = model.generate(
                **asked, do_sample=False, max_new_tokens=params["max_new_tokens"]
            )
        found.append(tokens[0, asked["input_ids"].shape[1] :].tolist())
    return found


def test_answers_are_those_of_a_direct_generate(inputs, together):
    _, documents = together
    params = answering("lm", *FORMATS)
    direct = Direct(inputs)
    unquantized = generated(direct, direct.model(), params)
    groups = groups_of(inputs["checkpoint"], "lm")
    quantized = generated(direct, direct.quantized(groups, in_turn(groups, *FORMATS)), params)
    document = documents["mixed"]
    assert [each["tokens"] for each in document["unquantized"]] == unquantized
    (plan,) = document["plans"]
    assert [each["tokens"] for each in plan["answers"]] == quantized
    assert unquantized != quantized
    images = [image for image, _ in rows_of(inputs["held_out"])[:2]]
    assert document["prompts"] == [
        {"prompt": "Name two colours.", "image": None},
        {"prompt": "Describe a scene.", "image": None},
        *({"prompt": "Describe the image.", "image": image} for image in images),
    ]
    for answer in (*document["unquantized"], *plan["answers"]):
        assert "".join(answer["pieces"]) == direct.tokenizer.decode(answer["tokens"])
        assert answer["text"] == direct.tokenizer.decode(answer["tokens"], skip_special_tokens=True)
        assert answer["ended"] == (answer["tokens"][-1] == direct.tokenizer.eos_token_id)


def test_the_plan_of_no_quantization_answers_as_the_unquantized_model_token_by_token(together):
    _, documents = together
    (plan,) = documents["none"]["plans"]
    for answer, other in zip(plan["answers"], documents["none"]["unquantized"], strict=True):
        same = {"first_difference": None, "different": {"unquantized": [], "plan": []}}
        assert answer == other | same
    heads = [
        {key: value for key, value in document.items() if key != "plans"}
        for document in documents.values()
    ]
    assert heads[0] == heads[1] == heads[2]
    assert heads[0]["settings"] == {"max_new_tokens": 12, "decoding": "greedy"}


@pytest.mark.engines
def test_a_plan_has_the_same_bytes_alone_and_in_a_batch(inputs, together, tmp_path):
    folder, _ = together
    answered(answering("lm", *FORMATS), inputs, [folder / "mixed.json"], tmp_path)
    assert (tmp_path / "mixed").read_bytes() == (folder / "found/mixed").read_bytes()


@pytest.mark.engines
def test_the_unquantized_model_answers_once_for_all_members(monkeypatch, inputs, tmp_path):
    asked = []
    answer = Answering.answer
    monkeypatch.setattr(
        Answering,
        "answer",
        lambda self, model, whose, file: (asked.append(whose), answer(self, model, whose, file))[1],
    )
    plans = plans_in(tmp_path, inputs, one=("INT3",), other=("INT3", "NONE"))
    params = answering("lm", "INT3", max_new_tokens=2)
    answered(params, inputs, plans, tmp_path / "found")
    name = "the unquantized model of given/checkpoint"
    assert asked == [name, "the model of given/checkpoint", "the plan plan", "the plan plan"]


@pytest.mark.engines
def test_a_recipe_answers_beside_the_unquantized_model(inputs, together, tmp_path):
    _, documents = together
    given = {role: path for role, path in inputs.items() if role != "plan"}
    facts = run_op("recipe_answers", recipe_answering("lm", "INT4_AWQ_CFG"), given, tmp_path)
    document = json.loads((tmp_path / "answers").read_text())
    assert document["unquantized"] == documents["none"]["unquantized"]
    (recipe,) = document["plans"]
    assert recipe["name"] == "INT4_AWQ_CFG"
    changed = [answer["first_difference"] is not None for answer in recipe["answers"]]
    assert facts["changed_answers"] == sum(changed)


@pytest.mark.engines
def test_penalties_of_the_checkpoint_change_no_answer(inputs):
    """Qwen2.5-VL's own generation_config.json punishes repeated tokens."""
    direct = Direct(inputs)
    model = direct.model()
    asked = direct.tokenizer("A small red circle", return_tensors="pt")
    prompt = type("Prompt", (), {"inputs": dict(asked)})
    found = Answering(place(inputs["checkpoint"], "folder"), [prompt], 12, "cpu")
    plain = found.answer(model, "it", "it")
    model.generation_config.repetition_penalty = 5.0
    assert found.answer(model, "it", "it") == plain
    assert model.generation_config.repetition_penalty == 5.0
    punished = model.generate(**asked, do_sample=False, max_new_tokens=12)
    assert punished[0, asked["input_ids"].shape[1] :].tolist() != plain[0].tokens


@pytest.mark.engines
def test_what_stops_answers(monkeypatch, inputs, tmp_path):
    def reason(params: dict[str, Any], **changes: Path) -> str:
        with pytest.raises(RunnerError) as caught:
            judge(params, inputs | changes, [inputs["plan"]], tmp_path / "found", "plan_answers")
        assert caught.value.next_step
        return caught.value.reason

    params = answering("lm", "INT4_WEIGHTS", "FP8", max_new_tokens=2)
    assert reason(params, held_out=inputs["database"]) == "held_out_overlaps"
    asked = {"texts": ["a <|im_end|> b"], "image_text": "x", "images": 0}
    assert reason(params | {"prompts": asked}) == "special_token_in_caption"
    asked = {"texts": ["a"], "image_text": "x", "images": 10_000}
    assert reason(params | {"prompts": asked}) == "too_few_samples"
    look = Answering.look_at_unquantized

    def look_and_change(self: Answering, model: Any) -> None:
        look(self, model)
        model.lm_head.weight.data.neg_()

    monkeypatch.setattr(Answering, "look_at_unquantized", look_and_change)
    assert reason(params) == "control_differs"
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize(
    ("unquantized", "plan", "first", "ours", "theirs"),
    [
        ([1, 2, 3], [1, 2, 3], None, [], []),
        ([1, 2, 3, 4], [1, 5, 3, 4], 1, [1], [1]),
        ([1, 2, 3, 4], [1, 9, 2, 3, 4], 1, [], [1]),
        ([1, 2, 3], [1, 2], 2, [2], []),
        ([1, 2], [3, 4], 0, [0, 1], [0, 1]),
    ],
)
def test_differences_are_of_tokens_that_one_answer_lacks(unquantized, plan, first, ours, theirs):
    found = difference(unquantized, plan)
    assert (found.first, found.unquantized, found.plan) == (first, ours, theirs)


def test_a_letter_of_several_tokens_belongs_to_the_last_of_them():
    class Bytes:
        def decode(self, tokens: list[int]) -> str:
            return bytes(tokens).decode(errors="replace")

    assert pieces_of(Bytes(), [*"aé!".encode()]) == ["a", "", "é", "!"]
    assert pieces_of(Bytes(), [*"aé".encode()[:2]]) == ["a", "\ufffd"]
