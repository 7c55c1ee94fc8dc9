"""Level 7: the server runs. Untested: it needs vLLM on a machine with a GPU.

Five sanity prompts, greedily, so that the same model gives the same words; where it is known what
the simulated model answers, the two are compared. Different kernels round differently, so that an
answer may differ late without anything being wrong: the number of equal characters is told.
"""

from pathlib import Path
from typing import Any

from aqm_runner.serving.timing import SETTINGS, times_of

TOKENS = 64
PROMPTS = (
    "Write a haiku about a graphics card that counts in eight bits.",
    "In three sentences, explain FP8 quantization to an experienced engineer.",
    "Name three advantages of serving a model whose weights are quantized.",
    "Describe a friendly animal in one sentence.",
    "Write a short dialogue between a scientist and a processor about smaller models.",
)


def generate(folder: Path, simulated: dict[str, str] | None) -> dict[str, Any]:
    """Loads a folder as a server does and asks it the sanity prompts.

    Args:
        folder: The exported folder.
        simulated: Prompt to the answer of the simulated model; None where that is not known.

    Returns:
        `answers` and `speed`, which is None, with a `trace`, where timing fails; or `level` 7,
        `reason` and `trace` where vLLM raises.
    """
    import traceback

    from vllm import LLM, SamplingParams

    try:
        server = LLM(
            model=str(folder), trust_remote_code=False, max_model_len=1024, seed=0, **SETTINGS
        )
        sampling = SamplingParams(temperature=0, max_tokens=TOKENS)
        texts = [output.outputs[0].text for output in server.generate(list(PROMPTS), sampling)]
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return {"level": 7, "reason": reason, "trace": traceback.format_exc()}
    answers = compared(dict(zip(PROMPTS, texts, strict=True)), simulated)
    try:
        return {"answers": answers, "speed": times_of(server, SamplingParams)}
    except Exception:
        # The folder is served all the same.
        return {"answers": answers, "speed": None, "trace": traceback.format_exc()}


def compared(answers: dict[str, str], simulated: dict[str, str] | None) -> list[dict[str, Any]]:
    """Returns prompt and both answers, and how many characters they begin alike with."""
    rows = []
    for prompt, answer in answers.items():
        other = None if simulated is None else simulated.get(prompt)
        alike = None
        if other is not None:
            pairs = zip(answer, other, strict=False)
            alike = next(
                (index for index, (one, two) in enumerate(pairs) if one != two),
                min(len(answer), len(other)),
            )
        rows.append({"prompt": prompt, "answer": answer, "simulated": other, "alike": alike})
    return rows
