"""A plan as compressed-tensors on the trained model: what is written, and what is refused."""

import json
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_plan import FORMATS_IN_TURN, TRAINED, WEIGHTS, Exported, export, judge
from harness import FakeContext, place, run_op
from material import FORMATS, exporting, measuring
from plan_direct import rows_of
from plan_files import groups_of, in_turn, write_plans
from safetensors.torch import load_file, save_file
from spoilt import edit
from torch import nn

from aqm_runner.compressed import writing
from aqm_runner.compressed.loading import load_exported
from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.kept import kept_tensors
from aqm_runner.export.layer_outputs import answers_of, compare_answers
from aqm_runner.export.logits import compare_logits, logits_of, make_prompts
from aqm_runner.export.pairs import COMPRESSED_TENSORS, form_of
from aqm_runner.export.planned import planned_layers
from aqm_runner.model.batches import Loader, caption_batches
from aqm_runner.model.checkpoint import load_model
from aqm_runner.modelopt.planned_model import simulation
from aqm_runner.modelopt.quality.judged_model import JudgedModel
from aqm_runner.modelopt.recipes import as_format
from aqm_runner.modelopt.stored_scales import stored_range
from aqm_runner.quality.plans import read_plans
from aqm_runner.runner.failures import RunnerError


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("compressed"))


def test_the_folder_is_the_plan_and_says_what_was_simulated(exported):
    check = exported.check
    by_format: dict[str, float] = {}
    for layer in check["layers"]:
        assert layer["difference"] <= layer["tolerance"]
        largest = max(by_format.get(layer["format"], 0.0), layer["difference"])
        by_format[layer["format"]] = largest
    assert by_format["FP8"] == by_format["NONE"] == 0
    assert 0 < by_format["INT8"] <= 2**-22
    assert 0 < by_format["INT4_WEIGHTS"] <= 2**-22
    assert check["formats"].keys() == {*FORMATS_IN_TURN}
    assert check["quantized_layers"] + check["kept_layers"] == len(check["layers"]) == 28
    assert 0 <= check["logits"]["kl"] <= 0.01 * check["logits"]["tolerance"]
    assert check["outputs"]["layers"] == check["quantized_layers"]
    assert 0 < check["outputs"]["largest_share"] < check["outputs"]["tolerance"] / 10
    folder = exported.output / "checkpoint"
    assert check["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert check["weight_bytes"] == sum(t.nbytes for t in load_file(folder / WEIGHTS).values())
    untouched = [path for path in TRAINED.iterdir() if path.name not in ("config.json", WEIGHTS)]
    assert untouched
    for path in untouched:
        assert (folder / path.name).read_bytes() == path.read_bytes()
    judge(exported, folder)


def changed(exported: Exported, folder: Path, part: str, factor: float) -> nn.Module:
    """Returns the model of a copy of the folder in which all scales of a kind are multiplied."""
    shutil.copytree(exported.output / "checkpoint", folder)
    tensors = load_file(folder / WEIGHTS)
    for name in tensors:
        if name.endswith(part):
            tensors[name] = tensors[name] * factor
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return load_exported(ExportedFolder(place(folder, "folder")), {}, torch.float32, "cpu")


def test_outputs_of_layers_tell_a_model_with_other_input_scales(exported: Exported, tmp_path: Path):
    prompts = make_prompts(place(TRAINED, "folder"), "lm")[:1]
    layers = list(exported.simulated.formats)
    answers = answers_of(exported.simulated, layers, prompts, "cpu")
    theirs = changed(exported, tmp_path / "checkpoint", "input_scale", 0.5)
    with pytest.raises(RunnerError) as caught:
        compare_answers(theirs, answers, "cpu", "given/checkpoint")
    assert caught.value.reason == "outputs_differ"


def test_logits_tell_a_model_with_other_scales(exported: Exported, tmp_path: Path):
    prompts = make_prompts(place(TRAINED, "folder"), "lm")
    ours = logits_of(exported.simulated.model, prompts, "cpu")
    with exported.simulated.unquantized():
        unquantized = logits_of(exported.simulated.model, prompts, "cpu")
    model = changed(exported, tmp_path / "checkpoint", "weight_scale", 1.5)
    theirs = logits_of(model, prompts, "cpu")
    with pytest.raises(RunnerError) as caught:
        compare_logits(unquantized, ours, theirs, True, "given/checkpoint")
    assert caught.value.reason == "logits_differ"


@pytest.mark.engines
def test_plans_that_differ_in_one_group_share_no_digest_and_the_same_plan_has_the_same_bytes(
    exported: Exported, tmp_path: Path
):
    """The original wrote ten checkpoints of ten plans with the same weights."""
    groups = groups_of(TRAINED, "lm")
    formats = in_turn(groups, *FORMATS_IN_TURN, "NONE")
    formats[0] = "NONE"
    for name, chosen in (("again", in_turn(groups, *FORMATS_IN_TURN, "NONE")), ("other", formats)):
        plan = write_plans(tmp_path / f"{name}.json", groups, scheme=chosen)
        inputs = exported.inputs | {"plan": plan}
        run_op("compressed_tensors_export", exported.params, inputs, tmp_path / name)
    again, other = (
        json.loads((tmp_path / each / "check").read_text()) for each in ("again", "other")
    )
    assert again == exported.check
    for path in (exported.output / "checkpoint").iterdir():
        assert (tmp_path / "again/checkpoint" / path.name).read_bytes() == path.read_bytes()
    assert other["plan"] != again["plan"]
    assert other["weights"] != again["weights"]
    differing = {
        one["layer"]
        for one, two in zip(again["layers"], other["layers"], strict=True)
        if one["digest"] != two["digest"]
    }
    assert differing == {*next(iter(groups.values()))}


def trip(exported: Exported, output: Path, **changes: Any) -> RunnerError:
    """Returns what refuses a request; it is found before a byte is written."""
    inputs = exported.inputs | changes.pop("inputs", {})
    with pytest.raises(RunnerError) as caught:
        run_op("compressed_tensors_export", exported.params | changes, inputs, output)
    assert not output.exists()
    assert caught.value.next_step
    return caught.value


def test_a_plan_of_other_layers_is_refused(exported: Exported, tmp_path: Path):
    document = json.loads(exported.inputs["plan"].read_text())
    document["groups"][0] = {
        "name": "model.language_model.layers.9.x_proj",
        "modules": ["model.language_model.layers.9.x_proj"],
    }
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(document))
    error = trip(exported, tmp_path / "out", inputs={"plan": plan})
    assert error.reason == "unknown_layer"


def test_a_format_without_a_form_is_refused_before_anything_is_loaded(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def load(*_: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("aqm_runner.modelopt.planned_model.load_model", load)
    groups = groups_of(TRAINED, "lm")
    for name, reason in (("INT8_FP8", "format_not_exportable"), ("NVFP4", "format_needs_cuda")):
        plan = write_plans(tmp_path / f"{name}.json", groups, scheme=in_turn(groups, name))
        candidates = exporting("lm", name)["candidates"]
        error = trip(exported, tmp_path / "out", inputs={"plan": plan}, candidates=candidates)
        assert error.reason == reason


def test_inputs_without_a_range_are_refused(exported: Exported, tmp_path: Path):
    inputs = {role: path for role, path in exported.inputs.items() if role != "ranges"}
    with pytest.raises(RunnerError) as caught:
        run_op("compressed_tensors_export", exported.params, inputs, tmp_path / "out")
    assert caught.value.reason == "ranges_missing"
    ranges = tmp_path / "ranges.json"
    shutil.copy(exported.inputs["ranges"], ranges)
    edit(ranges, lambda document: document["layers"].popitem() and document["layers"].clear())
    error = trip(exported, tmp_path / "out", inputs={"ranges": ranges})
    assert error.reason == "input_range_missing"


def test_a_full_disk_is_named(exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A limit on the size of files stands for a disk that is full in the middle of one."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        with pytest.raises(RunnerError) as caught:
            run_op("compressed_tensors_export", exported.params, exported.inputs, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert (caught.value.class_, caught.value.reason) == ("unsupported_here", "disk_full")
    assert not (tmp_path / "out/check").exists()


def test_weights_in_several_files_are_the_same(exported: Exported, tmp_path: Path):
    kept = kept_tensors(exported.simulated.model, exported.planned)
    output = place(tmp_path / "checkpoint", "folder")
    source = place(TRAINED, "folder")
    args = (FakeContext(), output, source, exported.planned, exported.simulated, kept)
    writing.write_folder(*args, file_size=1 << 20)
    assert len(list(output.path.glob("*.safetensors"))) > 2
    judge(exported, output.path)


def test_a_stored_range_has_a_scale_of_eight_bits():
    ranges = torch.rand(1000) * 10
    for bits, largest in ((4, 7), (8, 127)):
        scales = stored_range(ranges, bits) / largest
        assert torch.equal(scales, scales.bfloat16().float())
        assert float(((scales - ranges / largest).abs() / scales).max()) <= 2**-8


def test_every_pair_has_a_form_or_a_reason():
    found = {name: form_of(config, COMPRESSED_TENSORS) for name, config in FORMATS.items()}
    labels = {name: form if isinstance(form, str) else form.label for name, form in found.items()}
    assert labels["FP8"] == "float-quantized"
    assert labels["INT8"] == "int-quantized"
    assert labels["INT8_WEIGHTS"] == labels["INT4_WEIGHTS"] == "pack-quantized"
    assert labels["NVFP4"] == "nvfp4-pack-quantized"
    assert isinstance(found["INT8_FP8"], str)
    assert isinstance(found["FP8_INT8"], str)
    assert isinstance(found["INT4_INT8"], str)


@pytest.mark.engines
def test_what_is_exported_is_what_was_measured(export_inputs, quality_inputs):
    """The model of an export, made from ranges, is the calibrated one in which plans are judged."""
    inputs = {role: place(path, "file") for role, path in export_inputs["lm"].items()}
    inputs["checkpoint"] = place(export_inputs["lm"]["checkpoint"], "folder")
    params = exporting("lm", "FP8", "INT8", "INT8_WEIGHTS")
    document = read_plans(inputs["plan"])
    planned = planned_layers(document, params["candidates"], COMPRESSED_TENSORS, inputs["plan"])
    simulated = simulation(FakeContext(), params, inputs)(planned)
    captions = [caption for _, caption in rows_of(quality_inputs["lm"]["database"])]
    calibration = measuring("lm")["calibration"]
    batches = caption_batches(
        inputs["checkpoint"],
        captions,
        calibration["batch_size"],
        calibration["sequence_length"],
        calibration["padding"],
    )
    judged = JudgedModel(
        FakeContext(),
        load_model(inputs["checkpoint"], "float32", "cpu"),
        Loader(batches, "cpu"),
        [as_format(each["name"], each["config"]) for each in params["candidates"]],
        "lm",
        False,
    )
    judged.choose(dict(zip(document.groups, document.plans[0].formats, strict=True)))
    for layer in planned.quantized:
        module = judged.model.get_submodule(layer)
        assert torch.equal(simulated.weight(layer), module.weight_quantizer(module.weight))
        range_ = simulated.input_range(layer)
        if range_ is not None:
            assert torch.equal(range_, module.input_quantizer.amax.reshape(()))
    prompts = make_prompts(inputs["checkpoint"], "lm")
    ours, theirs = (logits_of(each.model, prompts, "cpu") for each in (simulated, judged))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
