"""AutoScheme's scores: their formula by hand, what its repairs are worth, the same bits twice."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from autoround_material import SCHEMES, delta_loss
from harness import FakeContext, compile_schema, place, run_op
from torch import nn

from aqm_runner.autoround.engine import scored_groups
from aqm_runner.autoround.formats import as_format
from aqm_runner.autoround.library import all_fields, part
from aqm_runner.autoround.scoring import Batches, Scored, score_layers
from aqm_runner.model.batches import Loader
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.model.loss import batch_mean
from aqm_runner.runner.failures import RunnerError
from aqm_runner.scoring.material import read_batches

VISION = "model.visual.blocks.0.attn.qkv"
FIRST = "model.language_model.layers.0.self_attn.q_proj"
LATER = "model.language_model.layers.1.mlp.down_proj"


def given(params: dict[str, Any], inputs: dict[str, Path]) -> tuple[nn.Module, dict, Loader]:
    """Returns a model, its layers to score, and all batches."""
    make_deterministic("cpu")
    places = {
        role: place(path, "folder" if path.is_dir() else "file") for role, path in inputs.items()
    }
    model = load_model(places["checkpoint"], "float32", "cpu")
    groups = scored_groups(model, params)
    layers = {name: layer for each in groups if each.enabled for name, layer in each.layers.items()}
    batches, _ = read_batches(FakeContext(), params, places)
    return model, layers, Loader(batches, "cpu")


def scored(model: nn.Module, layers: dict, loader: Loader, format_: str) -> Scored:
    batches = Batches(FakeContext(), loader, len(loader), 0)
    return score_layers(model, layers, as_format(format_, SCHEMES[format_]), batches)


def document(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "scores").read_text())


def by_hand(
    model: nn.Module, layers: dict[str, nn.Module], loader: Loader, format_: str, asked: str
) -> float:
    """Returns sum |dL/dW * (W - Q(W))| of one layer, with all layers quantized by hand.

    Q is AutoRound's own rounding; gradients are torch's, of weights that are put in place.
    """
    quantize, type_ = part("data_type.utils").get_quant_func("int", SCHEMES[format_]["bits"], True)
    plain = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    for layer in layers.values():
        rounded, *_ = quantize(
            layer.weight.detach(),
            bits=SCHEMES[format_]["bits"],
            group_size=SCHEMES[format_]["group_size"],
            scale_dtype=torch.float16,
            data_type=type_,
        )
        layer.weight.data = rounded
    total = 0.0
    for batch in loader:
        logits = model(**batch.inputs, use_cache=False).logits
        weight = layers[asked].weight
        (gradient,) = torch.autograd.grad(batch_mean(logits, batch.labels), weight)
        total += float((gradient * (plain[asked] - weight)).abs().sum())
    for name, layer in layers.items():
        layer.weight.data = plain[name]
    return total


@pytest.mark.parametrize("format_", ["INT4_WEIGHTS", "INT8_WEIGHTS"])
def test_the_score_of_a_layer_is_what_the_formula_says(lm_inputs, format_):
    model, layers, loader = given(delta_loss("lm"), lm_inputs)
    found = scored(model, layers, loader, format_).scores
    for name in (FIRST, LATER):
        expected = by_hand(model, layers, loader, format_, name)
        assert found[name] == pytest.approx(expected, rel=1e-5)


def test_gradients_are_those_of_the_quantized_model(lm_inputs):
    model, layers, loader = given(delta_loss("lm"), lm_inputs)
    alone = {LATER: layers[LATER]}
    together = scored(model, layers, loader, "INT4_WEIGHTS").scores[LATER]
    assert scored(model, alone, loader, "INT4_WEIGHTS").scores[LATER] != together
    assert by_hand(model, alone, loader, "INT4_WEIGHTS", LATER) != pytest.approx(together, rel=1e-5)


def test_the_model_is_as_before(lm_inputs):
    model, layers, loader = given(delta_loss("lm"), lm_inputs)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    asked = [weight.requires_grad for weight in model.parameters()]
    modules = [type(module) for module in model.modules()]
    scored(model, layers, loader, "INT8")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [weight.requires_grad for weight in model.parameters()] == asked
    assert [type(module) for module in model.modules()] == modules
    assert not any(hasattr(layer, "bits") for layer in layers.values())


def held_tensors() -> int:
    """Returns how many numbers all tensors have that Python still knows: they fill a GPU."""
    gc.collect()
    found = {id(each): each for each in gc.get_objects() if isinstance(each, torch.Tensor)}
    return sum(each.numel() for each in found.values())


def test_nothing_of_a_format_is_held_when_the_next_one_begins(lm_inputs):
    model, layers, loader = given(delta_loss("lm", "INT8"), lm_inputs)
    scored(model, layers, loader, "INT8")
    before = held_tensors()
    for name in ("INT4_WEIGHTS", "INT8"):
        scored(model, layers, loader, name)
        assert all(weight.grad is None for weight in model.parameters())
        assert held_tensors() == before


@pytest.mark.parametrize("pair", [("INT8", "INT8_WEIGHTS"), ("FP8", "FP8_WEIGHTS")])
@pytest.mark.parametrize("scope", ["lm", "all_layers"])
def test_the_error_of_activations_is_part_of_every_score(pair, scope, lm_inputs, image_inputs):
    inputs = lm_inputs if scope == "lm" else image_inputs
    model, layers, loader = given(delta_loss(scope), inputs)
    with_activations, weights = (scored(model, layers, loader, name).scores for name in pair)
    # AutoRound 0.16.1 by itself gives both the same scores, to half a percent; its first layers
    # (that of the vision part as well) get no error of activations where their input needs no
    # gradient.
    assert {name for name in layers if with_activations[name] < 1.1 * weights[name]} == set()


def test_autoround_by_itself_leaves_activations_out(lm_inputs):
    """Holds the reason of the first repair: where this fails, the repair can go."""
    model, layers, loader = given(delta_loss("lm"), lm_inputs)
    delta, utils = part("auto_scheme.delta_loss"), part("auto_scheme.utils")
    # Without this it stops: nothing would need a gradient.
    model.get_input_embeddings().register_forward_hook(lambda *given: given[-1].requires_grad_())
    sums = {}
    for name in ("INT8", "INT8_WEIGHTS"):
        scheme = all_fields(as_format(name, SCHEMES[name]).scheme)
        utils.apply_quant_scheme(model, list(layers), {}, scheme)
        batches = Batches(FakeContext(), loader, len(loader), 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delta, "get_dataloader", lambda *_args, batches=batches, **_more: batches)
            found = delta.get_score_for_scheme(
                model,
                None,
                list(layers),
                {},
                "",
                need_weight_grad=True,
                enable_torch_compile=False,
                low_gpu_mem_usage=False,
            )
        sums[name] = sum(loss for _, loss in found.values())
        utils.remove_quant_scheme(model)
    assert sums["INT8"] == pytest.approx(sums["INT8_WEIGHTS"], rel=0.01)


def test_empty_blocks_spoil_no_score(lm_inputs):
    params = delta_loss("lm", "MXFP4")
    model, layers, loader = given(params, lm_inputs)
    pads = model.get_input_embeddings().weight[loader.batches[0].inputs["input_ids"][0, 0]]
    assert int(pads.abs().max()) == 0, "the tiny model's pads have an embedding of zeros"
    assert all(0 < score < 1e3 for score in scored(model, layers, loader, "MXFP4").scores.values())


def test_images_that_share_batches_are_half_as_many_means(image_inputs, tmp_path):
    """A score sums up what batches say, and the loss of a batch is a mean over its samples."""
    found = []
    for size in (1, 2):
        params = delta_loss("all_layers") | {"batch_size": size, "score_size": 4}
        run_op("autoround_scores", params, image_inputs, tmp_path / str(size))
        groups = json.loads((tmp_path / str(size) / "scores").read_text())["groups"]
        found.append({group["name"]: group["score"] for group in groups if group["enabled"]})
    alone, shared = found
    assert shared == pytest.approx({name: score / 2 for name, score in alone.items()}, rel=0.15)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
@pytest.mark.parametrize("scope", ["lm", "all_layers"])
def test_a_document_is_whole_and_the_same_twice(
    family, scope, checkpoints, lm_inputs, image_inputs, tmp_path
):
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": checkpoints[family]}
    texts = []
    for turn in ("first", "second"):
        run_op("autoround_scores", delta_loss(scope), inputs, tmp_path / turn)
        texts.append((tmp_path / turn / "scores").read_bytes())
    assert texts[0] == texts[1]
    found = json.loads(texts[0])
    compile_schema("scores").validate(found)
    assert found["engine"] == "autoround"
    assert found["environment"]["auto_round"] == "0.16.1"
    enabled = [group for group in found["groups"] if group["enabled"]]
    assert all(group["score"] > 0 and group["executions"] > 0 for group in enabled)
    vision = [group for group in enabled if "visual" in group["name"]]
    assert bool(vision) == (scope == "all_layers")
    convolutions = {each["name"] for each in found["modules"] if each["type"].startswith("Conv")}
    assert convolutions
    assert not convolutions & {name for group in enabled for name in group["modules"]}


@pytest.fixture
def together(lm_inputs, tmp_path) -> Iterator[Path]:
    """Scores of two formats from one model, below `<format>/scores`."""
    from aqm_runner.ops.autoround_scores import run_batch
    from aqm_runner.runner.members import Member
    from aqm_runner.runner.partials import Partials

    members = []
    for name in ("INT8", "INT4_WEIGHTS"):
        (tmp_path / name).mkdir()
        outputs = {"scores": place(tmp_path / name / "scores", "file")}
        inputs = {
            role: place(path, "folder" if path.is_dir() else "file")
            for role, path in lm_inputs.items()
        }
        members.append(Member(name, delta_loss("lm", name), inputs, outputs, Partials()))
    outcomes = [each for group in run_batch(FakeContext(), members) for each in group]
    assert [each.error for each in outcomes] == [None, None]
    return tmp_path


def test_formats_that_share_a_model_get_the_bytes_that_they_have_alone(together, lm_inputs):
    for name in ("INT8", "INT4_WEIGHTS"):
        alone = together / "alone" / name
        run_op("autoround_scores", delta_loss("lm", name), lm_inputs, alone)
        assert (alone / "scores").read_bytes() == (together / name / "scores").read_bytes()


def test_bfloat16_is_said_and_gives_scores_of_its_own(lm_inputs, tmp_path):
    for dtype in ("float32", "bfloat16"):
        params = delta_loss("lm", "INT8_WEIGHTS", dtype=dtype)
        run_op("autoround_scores", params, lm_inputs, tmp_path / dtype)
    plain, short = document(tmp_path / "float32"), document(tmp_path / "bfloat16")
    assert [each["environment"]["dtype"] for each in (plain, short)] == ["float32", "bfloat16"]
    first, second = (
        [group["score"] for group in each["groups"] if group["enabled"]] for each in (plain, short)
    )
    assert first != second
    assert first == pytest.approx(second, rel=0.25)


def test_fewer_samples_are_scored_where_that_is_asked(lm_inputs, tmp_path):
    params = delta_loss("lm", "INT8_WEIGHTS", batch_size=2, score_size=4)
    run_op("autoround_scores", params, lm_inputs, tmp_path)
    measured = document(tmp_path)["measured"]
    assert (measured["score_samples"], measured["calibration_samples"]) == (4, 6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bits": 4, "data_type": "fp"}, "weights of the type fp with 4 bits"),
        ({"data_type": "nv_fp", "bits": 4, "group_size": 32}, "in blocks of 32"),
        ({"act_bits": 8}, "activations without act_group_size, act_sym"),
    ],
)
def test_what_autoround_lacks_is_refused_by_name(change, says):
    with pytest.raises(RunnerError, match="ODD") as refused:
        as_format("ODD", SCHEMES["INT8_WEIGHTS"] | change)
    assert refused.value.reason == "unsupported_format"
    assert says in refused.value.message
