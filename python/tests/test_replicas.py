"""Several processes that score shares of the batches find the bytes of one.

On a CPU each device is a word: what a replica does is the same on a GPU, which it has to itself.
"""

import gc
import pickle
import shutil
import weakref
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from experts import make_experts
from harness import FakeContext, run_op, run_together
from material import E4M3, FORMATS, INT4_BLOCKS, INT8, INT8_ROWS, config, scoring
from safetensors.torch import load_file, save_file
from test_wraps import batches_of

from aqm_runner.model.checkpoint import load_model
from aqm_runner.modelopt.lead import shares
from aqm_runner.modelopt.peers import largest
from aqm_runner.runner.channel import packed
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.replicas import Replica
from aqm_runner.scoring import engine

WEIGHTS = {"INT8": INT8_ROWS, "FP8": E4M3, "INT4": INT4_BLOCKS, "INT3": {"num_bits": 3, "axis": 0}}
INPUTS = {"none": None, "INT8": INT8, "FP8": E4M3, "INT4": {"num_bits": 4, "axis": None}}
PAIRS = {
    f"{weight}_{input_}": config(WEIGHTS[weight], INPUTS[input_])
    for weight, input_ in product(WEIGHTS, INPUTS)
}


@pytest.fixture(scope="module")
def replicas() -> Iterator[tuple[Replica, ...]]:
    """Two processes beside this one; a test leaves them ready for the next."""
    started = tuple(Replica("sensitivity_scores", "cpu", f"cpu {number}") for number in (1, 2))
    yield started
    for replica in started:
        replica.end()


def scores(
    formats: dict[str, Any],
    inputs: dict[str, Path],
    folder: Path,
    context: FakeContext,
    scope: str = "lm",
    **changes: Any,
) -> dict[str, bytes]:
    paramses = [
        scoring(scope, **changes) | {"format": {"name": name, "config": config}}
        for name, config in formats.items()
    ]
    outcomes = run_together(paramses, inputs, folder, context)
    assert [each.error for group in outcomes for each in group] == [None] * len(formats)
    return {name: (folder / name / "scores").read_bytes() for name in formats}


def test_shares_are_in_order_and_have_all_batches():
    for batches, steps, count in product(range(1, 12), range(1, 12), range(1, 5)):
        if not count <= steps <= batches:
            continue
        found = shares(list(range(batches)), steps, count)
        assert len(found) == count
        assert [each for mine, own in found for each in mine[:own]] == list(range(steps))
        assert sorted(each for mine, _ in found for each in mine) == list(range(batches))
        assert all(own > 0 for _, own in found)


# Takes 3 s; the others run in test:engines.
QUICK = "an odd number, and one that is only calibrated on"
# (scope, what else differs from `scoring`): 6 samples, of which one process scores 2 at least.
CASES = {
    "batches of one size": ("lm", {"batch_size": 1, "score_size": 6}),
    QUICK: ("lm", {"batch_size": 1, "score_size": 5}),
    "fewer batches to score than devices": ("lm", {"batch_size": 1, "score_size": 2}),
    "batches of two sizes": ("lm", {"batch_size": 4, "score_size": 8, "padding": "longest"}),
    "images": ("all_layers", {"score_size": 5}),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case == QUICK else pytest.mark.engines) for case in CASES],
)
def test_processes_together_find_the_bytes_of_one(
    replicas, lm_inputs, image_inputs, tmp_path, case
):
    scope, changes = CASES[case]
    inputs = lm_inputs if scope == "lm" else image_inputs
    alone = scores(PAIRS, inputs, tmp_path / "one", FakeContext(), scope, **changes)
    assert len(set(alone.values())) == len(PAIRS)
    steps = min(changes["score_size"] // changes.get("batch_size", 1), 6)
    for count in (1, 2):
        context = FakeContext(replicas=replicas[:count])
        folder = tmp_path / f"{1 + count}"
        assert scores(PAIRS, inputs, folder, context, scope, **changes) == alone
        assert context.warnings == []
        # The steps are those of the first process.
        assert ("score", -(-steps // min(1 + count, steps))) in context.phases


@pytest.mark.engines
def test_a_format_of_another_algorithm_is_scored_by_one_process(replicas, lm_inputs, tmp_path):
    """Ranges by the least squared error are no maximum, and cannot be merged."""
    formats = {
        "INT8": FORMATS["INT8"],
        "NO_RANGES": config({"num_bits": 8, "axis": 0, "type": "dynamic"}, None)
        | {"algorithm": None},
        "MSE": config(INT8_ROWS, INT8) | {"algorithm": "mse"},
        "FP8": FORMATS["FP8"],
    }
    changes = {"batch_size": 1, "score_size": 6}
    alone = scores(formats, lm_inputs, tmp_path / "one", FakeContext(), **changes)
    context = FakeContext(replicas=replicas)
    assert scores(formats, lm_inputs, tmp_path / "three", context, **changes) == alone
    assert [total for name, total in context.phases if name == "score"] == [2, 6]


def test_a_model_is_gone_before_another_is_loaded_and_after_the_last(
    replicas, lm_inputs, tmp_path, monkeypatch
):
    models: list[weakref.ref[Any]] = []
    left: list[int] = []

    def load(*given: Any) -> Any:
        left.append(sum(model() is not None for model in models))
        model = load_model(*given)
        models.append(weakref.ref(model))
        return model

    monkeypatch.setattr(engine, "load_model", load)
    mse = config(INT8_ROWS, INT8) | {"algorithm": "mse"}
    formats = {"INT8": FORMATS["INT8"], "MSE": mse}
    gc.disable()  # it might come by on its own
    try:
        context = FakeContext(replicas=replicas)
        scores(formats, lm_inputs, tmp_path, context, batch_size=1, score_size=6)
    finally:
        gc.enable()
    assert left == [0, 0]
    assert [model() for model in models] == [None, None]


@pytest.mark.engines
def test_experts_that_one_share_does_not_reach_have_the_ranges_of_the_others(
    replicas, lm_inputs, tmp_path
):
    few = {"num_experts": 24, "num_experts_per_tok": 1}
    folder = make_experts(lm_inputs["checkpoint"], tmp_path / "experts", **few)
    inputs = lm_inputs | {"checkpoint": folder}
    formats = {name: PAIRS[name] for name in ("INT8_INT8", "INT4_FP8")}
    changes = {"batch_size": 1, "score_size": 6, "sequence_length": 8}
    alone = scores(formats, inputs, tmp_path / "one", FakeContext(), **changes)
    context = FakeContext(replicas=replicas)
    assert scores(formats, inputs, tmp_path / "three", context, **changes) == alone
    assert context.warnings == []


def test_the_largest_range_of_each_place_is_that_of_all():
    a, b, c = ("a", ""), ("b", ""), ("c", "")
    first = {a: torch.tensor([1.0, 4.0]), b: None, c: None}
    second = {a: torch.tensor([3.0, 2.0]), b: torch.tensor(5.0), c: None}
    found = largest([first, second])
    assert found[a].tolist() == [3, 4]
    assert found[b].item() == 5
    assert found[c] is None
    with pytest.raises(RuntimeError, match="shape changed"):
        largest([first, {a: torch.tensor([3.0]), b: None, c: None}])


@pytest.fixture
def broken(lm_inputs, tmp_path) -> Path:
    """A checkpoint in which a token of the last batch alone has an embedding that is no number."""
    folder = Path(shutil.copytree(lm_inputs["checkpoint"], tmp_path / "broken"))
    *others, last = (
        set(batch.inputs["input_ids"].unique().tolist()) for batch in batches_of(lm_inputs)
    )
    weights = load_file(folder / "model.safetensors")
    embeddings = weights["model.language_model.embed_tokens.weight"]
    embeddings[min(last.difference(*others))] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.engines
def test_what_stops_several_processes_is_found_again_by_one(broken, lm_inputs, tmp_path):
    (replica,) = started = (Replica("sensitivity_scores", "cpu", "cpu 1"),)
    context = FakeContext(replicas=started)
    with pytest.raises(RunnerError) as caught:
        run_op(
            "sensitivity_scores",
            scoring(batch_size=3, score_size=6),
            lm_inputs | {"checkpoint": broken},
            tmp_path,
            context,
        )
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "non_finite_score")
    assert context.warnings == ["scored_on_one_device"]
    assert "(cpu 1: ModelOpt stopped on FP8: detected nan" in context.messages[0]
    assert replica.ended
    assert not Path(f"/proc/{replica.pid}").exists()


def test_a_job_goes_on_without_a_replica_that_cannot_import(lm_inputs, tmp_path):
    changes = {"batch_size": 1, "score_size": 6}
    formats = {"INT8": FORMATS["INT8"]}
    alone = scores(formats, lm_inputs, tmp_path / "one", FakeContext(), **changes)
    context = FakeContext(replicas=(Replica("no_such_op", "cpu", "cpu 1"),))
    assert scores(formats, lm_inputs, tmp_path / "two", context, **changes) == alone
    assert context.warnings == ["scored_on_one_device"]
    assert "the process on cpu 1 ended with code 1" in context.messages[0]


def test_a_part_of_a_tensor_is_sent_without_the_rest():
    whole = torch.arange(100_000).reshape(1000, 100)
    parts = [*whole.split(10), whole[3:5, ::7], whole[:2].t()]
    sent = packed(parts)
    assert len(sent) < 1.2 * whole.nbytes
    for part, found in zip(parts, pickle.loads(sent), strict=True):
        assert torch.equal(part, found)
