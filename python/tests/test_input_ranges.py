"""Input ranges: bit for bit what ModelOpt finds, and documents that can be trusted."""

import json
import struct
from pathlib import Path

import pytest
import torch
from harness import FakeContext, place, run_op
from material import measuring, ranging

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.model.calibration_batches import calibration_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.ranges.document import ranges_document, read_ranges
from aqm_runner.ranges.maxima import InputMaxima
from aqm_runner.runner.failures import RunnerError


def inputs_for(scope: str, given: dict[str, dict[str, Path]]) -> dict[str, Path]:
    roles = ("checkpoint", "database", *(["images"] if scope == "all_layers" else []))
    return {role: given[scope][role] for role in roles}


@pytest.mark.parametrize(
    ("scope", "dtype"),
    [
        ("lm", "bfloat16"),
        pytest.param("lm", "float32", marks=pytest.mark.engines),
        ("all_layers", "float32"),
        pytest.param("all_layers", "bfloat16", marks=pytest.mark.engines),
    ],
)
def test_ranges_are_those_of_modelopt_to_the_bit(scope, dtype, quality_inputs, tmp_path):
    params = ranging(scope, dtype=dtype)
    inputs = inputs_for(scope, quality_inputs)
    facts = run_op("input_ranges", params, inputs, tmp_path)
    found = read_ranges(place(tmp_path / "ranges", "file"), scope)

    given = measuring(scope, "INT8", "FP8", dtype=dtype)
    places = {
        role: place(path, "file" if role == "database" else "folder")
        for role, path in inputs.items()
    }
    judged = JudgedModel(
        FakeContext(),
        load_model(places["checkpoint"], dtype, "cpu"),
        Loader(calibration_batches(FakeContext(), params, places), "cpu"),
        [as_format(each["name"], each["config"]) for each in given["candidates"]],
        scope,
        given["include_lm_head"],
    )
    for candidate in ("INT8", "FP8"):
        judged.choose(dict.fromkeys(judged.groups, candidate))
        theirs = {
            name: float(judged.model.get_submodule(name).input_quantizer.amax)
            for modules in judged.groups.values()
            for name in modules
        }
        assert found == theirs
    judged.close()
    for value in found.values():
        assert struct.unpack("f", struct.pack("f", value)) == (value,)
    assert facts == {
        "device_kind": "cpu",
        "layers": len(found),
        "unreached_layers": [],
        "calibration_samples": 6,
    }
    assert any("visual" in name for name in found) == (scope == "all_layers")


def test_the_document_is_the_same_for_other_plans_and_says_what_it_was_found_with(
    quality_inputs, tmp_path
):
    run_op("input_ranges", ranging("lm"), inputs_for("lm", quality_inputs), tmp_path)
    document = json.loads((tmp_path / "ranges").read_text())
    assert [document[key] for key in ("schema", "op", "scope")] == [1, "input_ranges", "lm"]
    assert {"attention", "device_kind", "dtype", "python", "torch", "transformers"} == {
        *document["environment"]
    }


class Layer(torch.nn.Module):
    """A model that calls its layer with what it is given, or leaves the layer out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.unreached = torch.nn.Linear(2, 1)

    def get_output_embeddings(self) -> None:
        return None

    def forward(self, values: torch.Tensor, use_cache: bool, logits_to_keep: int) -> None:
        del use_cache
        assert logits_to_keep == 1
        self.layer(values)


def watch(*batches: list[float], dtype: torch.dtype = torch.float32) -> InputMaxima:
    model = Layer().to(dtype)
    maxima = InputMaxima({"layer": model.layer, "unreached": model.unreached})
    loaded = [
        Batch({"values": torch.tensor([each], dtype=dtype)}, torch.zeros(1, 2)) for each in batches
    ]
    maxima.watch(FakeContext(), model, Loader(loaded, "cpu"))
    assert model.layer._forward_pre_hooks == {}
    return maxima


def test_the_largest_magnitude_of_all_batches_counts_and_an_unreached_layer_has_none():
    assert watch([1.0, -3.0], [2.5, 0.0]).ranges() == {"layer": 3.0}
    assert watch([0.0, -0.0]).ranges() == {"layer": 0.0}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_an_input_that_is_no_finite_number_is_named(odd):
    with pytest.raises(RunnerError) as caught:
        watch([1.0, 2.0], [odd, 1.0], [1.0, 1.0]).ranges()
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "non_finite_range")
    assert "layer" in caught.value.message


def test_broken_and_foreign_documents_are_refused(tmp_path):
    path = tmp_path / "ranges.json"
    good = json.loads(ranges_document("lm", {}, {"a": 1.5, "b": 0.0}))
    path.write_text(json.dumps(good))
    assert read_ranges(place(path, "file"), "lm") == {"a": 1.5, "b": 0.0}
    for changes, reason in (
        ({"schema": 2}, "unreadable_ranges"),
        ({"op": "else"}, "unreadable_ranges"),
        ({"layers": {"a": -1.0}}, "unreadable_ranges"),
        ({"layers": {"a": True}}, "unreadable_ranges"),
        ({"layers": {"a": "1"}}, "unreadable_ranges"),
        ({"layers": [1.0]}, "unreadable_ranges"),
        ({"scope": "all_layers"}, "ranges_of_another_scope"),
    ):
        path.write_text(json.dumps(good | changes))
        with pytest.raises(RunnerError) as caught:
            read_ranges(place(path, "file"), "lm")
        assert (caught.value.reason, bool(caught.value.next_step)) == (reason, True), changes
    path.write_text('{"schema": 1, "op": "input_ranges", "scope": "lm"}')
    with pytest.raises(RunnerError, match="lacks 'layers'"):
        read_ranges(place(path, "file"), "lm")
