"""The parts of the serving check that need no vLLM: comparing, statuses, answers, the process."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from harness import FakeContext, run_op

from aqm_runner.runner.failures import RunnerError
from aqm_runner.serving import device as device_module
from aqm_runner.serving import timing
from aqm_runner.serving.device import Device, device_of
from aqm_runner.serving.generation import compared
from aqm_runner.serving.parameters import Names, Stored, compare, quantized_layers
from aqm_runner.serving.process import Server
from aqm_runner.serving.status import status_of
from aqm_runner.serving.timing import NEW, PROMPT, RUNS, times_of

FP8 = torch.float8_e4m3fn
NAMES = Names(
    lambda name: name.replace("model.", "language.", 1),
    {"qkv": ("q", "k", "v"), "gate_up": ("gate", "up")},
)
Tensors = dict[str, torch.Tensor]


def differences(files: Tensors, parameters: Tensors) -> list[str]:
    return compare(
        {name: stored(value) for name, value in files.items()}, parameters, NAMES
    ).different


def stored(value: torch.Tensor) -> Stored:
    return Stored(value.dtype, tuple(value.shape), lambda: value)


def codes(*rows: int) -> torch.Tensor:
    """Returns INT8 codes of a weight with two columns."""
    return torch.tensor([[row, -row] for row in rows], dtype=torch.int8)


@pytest.fixture
def files() -> Tensors:
    """A fused layer of INT8 codes with a scale a row, and a norm in float32."""
    return {
        "model.a.q.weight": codes(1, 2),
        "model.a.k.weight": codes(3),
        "model.a.v.weight": codes(4),
        "model.a.q.weight_scale": torch.tensor([[0.1], [0.2]]),
        "model.a.k.weight_scale": torch.tensor([[0.3]]),
        "model.a.v.weight_scale": torch.tensor([[0.4]]),
        "model.norm.weight": torch.tensor([1.0, 1.001]),
    }


@pytest.fixture
def parameters() -> Tensors:
    """What vLLM makes of `files`."""
    return {
        "language.a.qkv.weight": codes(1, 2, 3, 4),
        "language.a.qkv.weight_scale": torch.tensor([[0.1], [0.2], [0.3], [0.4]]),
        "language.norm.weight": torch.tensor([1.0, 1.001]).bfloat16(),
    }


def test_a_fused_layer_is_cut_apart_and_kept_layers_may_be_cast(files, parameters):
    found = compare({name: stored(value) for name, value in files.items()}, parameters, NAMES)
    assert (found.parameters, found.cast, found.different) == (3, 1, [])


Change = Callable[[Tensors, Tensors], object]
SPOILT: dict[str, tuple[Change, str]] = {
    "shards in another order": (
        lambda _, p: p.update({"language.a.qkv.weight": codes(3, 1, 2, 4)}),
        "model.a.q.weight: 4 of 4 values differ, by up to 2",
    ),
    "one value": (
        lambda _, p: p["language.a.qkv.weight"][3].add_(1),
        "model.a.v.weight: 2 of 2 values differ, by up to 1",
    ),
    "codes of FP8 cast to INT8": (
        lambda f, _: f.update({"model.a.k.weight": codes(3).to(FP8)}),
        "model.a.k.weight: float8_e4m3fn in the file, int8 in vLLM",
    ),
    "a scale that was rounded": (
        lambda _, p: p.update(
            {"language.a.qkv.weight_scale": p["language.a.qkv.weight_scale"].bfloat16()}
        ),
        "model.a.q.weight_scale: float32 [2, 1] in the file, bfloat16 in vLLM",
    ),
    "a kept weight cast to FP8": (
        lambda _, p: p.update({"language.norm.weight": torch.ones(2).to(FP8)}),
        "model.norm.weight: float32 in the file, float8_e4m3fn in vLLM",
    ),
    "a shard without a scale": (
        lambda f, _: f.pop("model.a.k.weight_scale"),
        "model.a.k.weight_scale: not in the file",
    ),
    "one slot for shards that differ": (
        lambda f, p: (
            f.update({f"model.a.{part}.input_scale": torch.ones(1) for part in "kv"}),
            f.update({"model.a.q.input_scale": torch.full((1,), 2.0)}),
            p.update({"language.a.qkv.input_scale": torch.ones(1)}),
        ),
        "model.a.q.input_scale: 1 of 1 values differ",
    ),
    "a tensor that vLLM has no place for": (
        lambda f, _: f.update({"model.a.k.pre_quant_scale": torch.ones(2)}),
        "model.a.k.pre_quant_scale: vLLM has no parameter for it",
    ),
    "a parameter that nothing fills": (
        lambda _, p: p.update({"language.a.qkv.input_scale": torch.ones(1)}),
        "language.a.qkv.input_scale: a parameter of vLLM that no tensor of the file fills",
    ),
    "a shape that fits nowhere": (
        lambda _, p: p.update({"language.a.qkv.weight": codes(1, 2, 3)}),
        "model.a.q.weight: int8 [2, 2] in the file, while vLLM's",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_difference_is_named_by_the_tensor_of_the_file(files, parameters, what):
    change, named = SPOILT[what]
    change(files, parameters)
    assert any(each.startswith(named) for each in differences(files, parameters))


def test_rows_of_a_vocabulary_may_be_padded(files, parameters):
    files["model.head.weight"] = torch.ones(3, 2)
    parameters["language.head.weight"] = torch.cat([torch.ones(3, 2), torch.zeros(5, 2)])
    assert differences(files, parameters) == []


def test_quantized_layers_are_told_by_the_files_alone(files):
    files["model.b.weight_packed"] = torch.zeros(1, dtype=torch.int32)
    found = quantized_layers({name: stored(value) for name, value in files.items()})
    assert found == {"model.a.q", "model.a.k", "model.a.v", "model.b"}


# --- Statuses -----------------------------------------------------------------------------------

FOUND = {
    "level": None,
    "reason": None,
    "trace": None,
    "by_default": "loads",
    "unquantized": [],
    "compared": {"parameters": 3, "cast": 1, "different": []},
}
DESCRIBED = {"vllm": "0.33.0", "gpu": None}
FOLDER = Path("/tmp/stage/exported")


def test_what_loads_is_not_said_to_serve():
    status = status_of(FOUND, Device("cpu"), DESCRIBED, FOLDER)
    assert (status["status"], status["device"]) == ("loads strictly (not run)", "cpu")
    answers = [{"prompt": "p", "answer": "a", "simulated": None, "alike": None}]
    described = {"vllm": "0.33.0", "gpu": "NVIDIA H200"}
    ran = status_of(FOUND | {"answers": answers}, Device("cuda"), described, FOLDER)
    assert (ran["status"], ran["device"]) == ("serves", "NVIDIA H200")


@pytest.mark.parametrize(
    "said",
    [
        "ValueError: Failed to find a kernel that can implement the WNA16 linear layer.",
        "ValueError: Forced NVFP4 kernel MarlinNvFp4LinearKernel is not supported: not available",
    ],
)
def test_a_kernel_that_only_a_cpu_lacks_rejects_nothing(said):
    lacking = FOUND | {"level": 3, "reason": said}
    on_cpu = status_of(lacking, Device("cpu"), DESCRIBED, FOLDER)
    assert (on_cpu["status"], on_cpu["level"]) == ("not checked", None)
    invented = device_of({"kind": "invented", "capability": "10.0"})
    on_gpu = status_of(lacking, invented, DESCRIBED, FOLDER)
    assert (on_gpu["status"], on_gpu["level"]) == ("rejected", 3)
    assert on_gpu["device"] == "invented, compute capability 10.0"


def test_a_status_is_bounded_and_names_no_place_of_this_machine():
    found = FOUND | {
        "level": 6,
        "reason": f"{FOLDER}/config.json " + "x" * 5000,
        "trace": "y" * 50_000 + f"the cause in {FOLDER}",
        "compared": {"parameters": 3, "cast": 0, "different": ["d"] * 100},
    }
    status = status_of(found, Device("cpu"), DESCRIBED, FOLDER)
    assert len(json.dumps(status)) < 6000
    assert status["trace"].endswith("the cause in CHECKPOINT")
    assert status["compared"]["different"][-1] == "and 80 more"
    assert str(FOLDER) not in json.dumps(status)


class TimedServer:
    """Takes 1 s for a prompt and 0.1 s for each further token; the first run takes longer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[int] = []

    def generate(self, prompt: dict[str, list[int]], tokens: int, use_tqdm: bool) -> None:
        assert len(prompt["prompt_token_ids"]) == PROMPT
        self.now += 1 + 0.1 * (tokens - 1) + (30 if tokens not in self.asked else 0)
        self.asked.append(tokens)


def test_times_are_medians_of_runs_after_the_first(monkeypatch):
    server = TimedServer()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: server.now)
    monkeypatch.setattr(timing, "used_bytes", lambda: 5)
    speed = times_of(server, lambda temperature, max_tokens, ignore_eos: max_tokens)
    assert server.asked == [1] * (RUNS + 1) + [1 + NEW] * (RUNS + 1)
    assert (speed["prefill_ms"], speed["decode_ms"]) == pytest.approx((1000, 100))
    assert speed["peak_bytes"] == 5
    ran = status_of(
        FOUND | {"answers": [], "speed": speed}, Device("cuda"), DESCRIBED | {"gpu": "H"}, FOLDER
    )
    assert ran["speed"] == speed
    assert status_of(FOUND, Device("cpu"), DESCRIBED, FOLDER)["speed"] is None


def test_answers_tell_how_far_they_are_alike():
    rows = compared({"p": "a cat sat", "q": "x"}, {"p": "a cat ran"})
    assert [(row["simulated"], row["alike"]) for row in rows] == [("a cat ran", 6), (None, None)]


# --- What breaks --------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr("aqm_runner.serving.job.find_spec", lambda _: object())
    inputs = {"checkpoint": checkpoints["qwen3_vl"]}
    with pytest.raises(RunnerError) as refused:
        run_op("serving_check", {"device": {"kind": "cuda"}}, inputs, tmp_path)
    assert refused.value.reason == "no_gpu"
    assert not (tmp_path / "status").exists()


@pytest.mark.engines
def test_a_vllm_that_does_not_start_is_a_failure_and_no_rejection(
    checkpoints, tmp_path, monkeypatch
):
    # Here is no vLLM, which the process finds out by itself when it is started all the same.
    monkeypatch.setattr("aqm_runner.serving.job.find_spec", lambda _: object())
    inputs = {"checkpoint": checkpoints["qwen3_vl"]}
    with pytest.raises(RunnerError) as refused:
        run_op("serving_check", {"device": {"kind": "cpu"}}, inputs, tmp_path)
    assert refused.value.reason == "vllm_does_not_start"
    assert not (tmp_path / "status").exists()


def test_an_invented_device_needs_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setattr(device_module.shutil, "which", lambda _: None)
    server = Server(FakeContext(), Device("invented", (9, 0)), {})
    with pytest.raises(RunnerError) as refused:
        server.ask(tmp_path, None)
    assert refused.value.reason == "no_compiler"
