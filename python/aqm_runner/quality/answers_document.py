"""The document of answers, free of anything volatile: of the unquantized model and of plans."""

import json
from typing import Any

from aqm_runner.quality.answers import Answer, Answering, difference

SCHEMA = 1


def plan_answers(
    name: str, answers: list[Answer], unquantized: list[Answer]
) -> tuple[dict[str, Any], int]:
    """Returns a plan's part of the document, and how many answers are not the unquantized ones.

    Args:
        name: Of the plan.
        answers: Of it, in the order of the prompts.
        unquantized: The unquantized model's.
    """
    found = []
    for answer, other in zip(answers, unquantized, strict=True):
        differs = difference(other.tokens, answer.tokens)
        found.append(
            _written(answer)
            | {
                "first_difference": differs.first,
                "different": {"unquantized": differs.unquantized, "plan": differs.plan},
            }
        )
    changed = sum(each["first_difference"] is not None for each in found)
    return {"name": name, "answers": found}, changed


def answers_document(
    op: str,
    params: dict[str, Any],
    environment: dict[str, str],
    answering: Answering,
    plans: list[dict[str, Any]],
) -> str:
    """Returns the text of the document, the same for the same answers.

    Args:
        op: Name of the op.
        params: Its params: `scope`, `max_new_tokens`, and `candidates` where it has any.
        environment: As `scoring.document.environment_of` returns it.
        answering: Has looked at the unquantized model.
        plans: As `plan_answers` returns them.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "op": op, "scope": params["scope"]}
    if "candidates" in params:
        document["candidates"] = [each["name"] for each in params["candidates"]]
    document |= {
        "settings": {"max_new_tokens": params["max_new_tokens"], "decoding": "greedy"},
        "environment": environment,
        "prompts": [{"prompt": prompt.text, "image": prompt.image} for prompt in answering.prompts],
        "unquantized": [_written(answer) for answer in answering.unquantized],
        "plans": plans,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _written(answer: Answer) -> dict[str, Any]:
    return {
        "tokens": answer.tokens,
        "pieces": answer.pieces,
        "text": answer.text,
        "ended": answer.ended,
    }
