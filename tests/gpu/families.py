"""ModelOpt's scores of a Llama and of a mixture of experts at full size on a real GPU.

    python tests/gpu/families.py [--cpu] [--samples 16] [--formats FP8,INT4_WEIGHTS]

Run in the workspace, by hand, in the environment modelopt (python/requirements.lock): torch 2.11,
transformers 5.17, ModelOpt 0.47.0 and what these bring. No network is needed, and nothing large is
written: models are made with random weights on the device, and only a config and a small tokenizer
lie in a temporary folder.

1. llama-3.1-8b: all 32 layers of its shapes, 8.0 G parameters.
2. qwen3-30b-a3b: 4, then 8 of its 48 layers, with 128 experts each; the line through both says what
   48 layers would take. That is a projection, and labelled as one.

All formats of a model are scored in one batch, on text, by the engine as the op sensitivity_scores
calls it: batches of a tokenizer, ranges found on all of them, the gradient of the loss. Prints a
line of progress for each phase to the standard error, and one JSON document: seconds of each phase,
peak of GPU memory, number of groups, least and greatest score. Scores of random weights say nothing
of quality. --cpu takes small shapes (as many experts), to try the script. Exits with 1 where a
format fails.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedConfig,
    Qwen3MoeConfig,
)

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python/tests")]

from aqm_runner.calibration.scenes import draw_scene
from aqm_runner.model.batches import Loader, caption_batches
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.tiny_speech import CHATML, build_speech
from aqm_runner.modelopt.engine import ModelOpt
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place
from material import FORMATS

GB = 1e9
BATCH, LENGTH = 8, 512
LAYERS_OF_QWEN = 48
LLAMA = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}
QWEN = {
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "norm_topk_prob": True,
    "vocab_size": 151936,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}
SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1024,
}


class Clock:
    """A context for the engine: seconds of each phase, and the peak of memory over all of them."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self.warnings: list[str] = []
        self.peak = 0
        self._phase = "make"
        self._since = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        """Ends the phase before, and begins one."""
        del total
        if self.device == "cuda":
            torch.cuda.synchronize()
        now = time.monotonic()
        self.seconds[self._phase] = self.seconds.get(self._phase, 0) + now - self._since
        self.sample_memory()
        print(f"  {self._phase} {now - self._since:.1f} s", file=sys.stderr, flush=True)
        self._phase, self._since = name, now

    def step(self, done: int) -> None:
        """Takes note of nothing."""

    def warning(self, code: str, message: str) -> None:
        """Keeps a warning."""
        self.warnings.append(f"{code}: {message}")

    def sample_memory(self) -> None:
        """Looks at torch's peak, which ModelOpt resets when it begins to score."""
        if self.device == "cuda":
            self.peak = max(self.peak, torch.cuda.max_memory_allocated())

    def check_cancelled(self) -> None:
        """Goes on."""


def score(
    config: PreTrainedConfig, formats: list[str], samples: int, device: str
) -> dict[str, Any]:
    """Returns what scoring a model with random weights took."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    make_deterministic(device)
    clock = Clock(device)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    parameters = 0

    def load() -> torch.nn.Module:
        nonlocal parameters
        clock.phase("load", None)
        torch.manual_seed(0)
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(
                config, dtype=dtype, attn_implementation="sdpa"
            )
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return model.eval()

    params = {
        "scope": "lm",
        "loss": "batch_mean",
        "include_lm_head": False,
        "method": "gradient",
        "score_size": samples,
        "batch_size": BATCH,
    }
    engine = ModelOpt()
    engine.check()
    batches = make_batches(config, samples)
    candidates = [engine.candidate(name, FORMATS[name], device) for name in formats]
    found: dict[int, Any] = {}
    for scored, _ in engine.score(
        clock,
        params,
        candidates,
        load,
        Loader(batches, device),
        [Partials() for _ in formats],
    ):
        found |= dict(scored)
    clock.phase("end", None)
    results = {}
    for index, name in enumerate(formats):
        if isinstance(found[index], Exception):
            results[name] = {"failed": str(found[index])}
            continue
        scores = [group.score for group in found[index].groups if group.enabled]
        results[name] = {
            "groups": len(scores),
            "least": min(scores),
            "greatest": max(scores),
        }
    return {
        "parameters": parameters,
        "layers": config.num_hidden_layers,
        "seconds": {name: round(value, 1) for name, value in clock.seconds.items()},
        "peak_gb": round(clock.peak / GB, 2),
        "formats": results,
        "warnings": clock.warnings,
    }


def make_batches(config: PreTrainedConfig, samples: int) -> list[Any]:
    """Returns full rows of made-up captions, by a tokenizer whose ids the vocabulary has."""
    source = random.Random(0)
    rows = [
        " ".join(text for _ in range(60) for text in draw_scene(source).captions())
        for _ in range(samples)
    ]
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        build_speech(CHATML, 0).save_pretrained(folder)
        place = Place(Path(folder), "folder", config.model_type)
        return caption_batches(place, rows, BATCH, LENGTH, "longest")


def project(few: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Returns what all layers would take, by the line through two measurements."""

    def line(one: float, other: float) -> float:
        slope = (other - one) / (more["layers"] - few["layers"])
        return round(other + slope * (LAYERS_OF_QWEN - more["layers"]), 1)

    phases = ("load", "calibrate", "score")
    return {
        "projected_to_layers": LAYERS_OF_QWEN,
        "because": f"a line through {few['layers']} and {more['layers']} measured layers",
        "seconds": {
            name: line(few["seconds"].get(name, 0), more["seconds"].get(name, 0))
            for name in phases
        },
        "peak_gb": line(few["peak_gb"], more["peak_gb"]),
    }


def main() -> int:
    """Measures, prints the document, and returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--cpu", action="store_true", help="small shapes on a CPU")
    arguments.add_argument(
        "--samples", type=int, default=16, help=f"rows of {LENGTH} tokens"
    )
    arguments.add_argument(
        "--formats", default="FP8,INT4_WEIGHTS", help="of python/tests/material"
    )
    arguments.add_argument("--models", default="llama,qwen", help="some of these two")
    asked = arguments.parse_args()
    device = "cpu" if asked.cpu else "cuda"
    formats = asked.formats.split(",")
    llama = LLAMA | SMALL | {"num_hidden_layers": 2} if asked.cpu else LLAMA
    small = SMALL | {"moe_intermediate_size": 48, "head_dim": 16}
    qwen = QWEN | small if asked.cpu else QWEN
    document: dict[str, Any] = {
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else "cpu, small shapes",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "samples": asked.samples,
        "tokens_a_sample": LENGTH,
        "batch_size": BATCH,
    }
    if "llama" in asked.models:
        print("llama-3.1-8b", file=sys.stderr, flush=True)
        document["llama-3.1-8b"] = score(
            LlamaConfig(**llama), formats, asked.samples, device
        )
    if "qwen" in asked.models:
        depths = [1, 2] if asked.cpu else [4, 8]
        runs = []
        for layers in depths:
            print(f"qwen3-30b-a3b, {layers} layers", file=sys.stderr, flush=True)
            config = Qwen3MoeConfig(**qwen, num_hidden_layers=layers)
            runs.append(score(config, formats, asked.samples, device))
            document[f"qwen3-30b-a3b, {layers} of {LAYERS_OF_QWEN} layers"] = runs[-1]
        document["qwen3-30b-a3b, projected"] = project(*runs)
    print(json.dumps(document, indent=2))
    failed = [
        name
        for run in document.values()
        if isinstance(run, dict)
        for name, result in run.get("formats", {}).items()
        if "failed" in result
    ]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
