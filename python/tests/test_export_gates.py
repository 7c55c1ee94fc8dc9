"""Each gate on an exported folder, provoked: the folder is changed in one place and read again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_plan import WEIGHTS, Exported, export, judge
from safetensors.torch import load_file, save_file
from spoilt import edit

from aqm_runner.runner.failures import RunnerError

LAYERS = "model.language_model.layers"
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("gates"))


def swap(tensors: Tensors, one: str, other: str) -> None:
    """Exchanges all tensors of two layers."""
    for name in [name for name in tensors if name.startswith(f"{one}.")]:
        twin = other + name.removeprefix(one)
        tensors[name], tensors[twin] = tensors[twin], tensors[name]


def drop_scale(tensors: Tensors, exported: Exported) -> None:
    del tensors[f"{exported.layer('proj', 'INT8')}.weight_scale"]


def q_as_int8(tensors: Tensors, exported: Exported) -> None:
    name = f"{exported.layer('q_proj', 'FP8')}.weight"
    tensors[name] = tensors[name].float().round().clamp(-127, 127).to(torch.int8)


def swap_groups(tensors: Tensors, exported: Exported) -> None:
    one, *_, other = [
        layer
        for layer, each in exported.planned.quantized.items()
        if each.format == "INT8" and layer.endswith("q_proj")
    ] or [exported.layer("k_proj", "FP8"), exported.layer("v_proj", "FP8")]
    swap(tensors, one, other)


def change_code(tensors: Tensors, exported: Exported) -> None:
    tensors[f"{exported.layer('proj', 'INT4_WEIGHTS')}.weight_packed"][0, 0] += 1


def change_scale_of_row(tensors: Tensors, exported: Exported) -> None:
    scale = tensors[f"{exported.layer('proj', 'INT8')}.weight_scale"]
    scale.copy_(scale * (1 + 2**-20))


def change_kept(tensors: Tensors, exported: Exported) -> None:
    tensors[f"{exported.planned.kept[0]}.weight"][0, 0] += 1


def change_input_scale(tensors: Tensors, exported: Exported) -> None:
    for name in tensors:
        if name.endswith("input_scale"):
            tensors[name] *= 1.01


def change_one_of_fused(tensors: Tensors, exported: Exported) -> None:
    tensors[f"{exported.layer('k_proj', 'FP8')}.input_scale"] *= 1.01


def put_nan(tensors: Tensors, exported: Exported) -> None:
    name = f"{exported.layer('proj', 'FP8')}.weight"
    tensors[name].view(torch.uint8)[0, 0] = 0x7F


def put_nan_scale(tensors: Tensors, exported: Exported) -> None:
    tensors[f"{exported.layer('proj', 'INT8_WEIGHTS')}.weight_scale"][0] = float("nan")


def leave_unquantized(tensors: Tensors, exported: Exported) -> None:
    """Stores the weight itself, as an exporter does that passes a layer over."""
    layer = exported.layer("proj", "FP8")
    for name in [name for name in tensors if name.startswith(f"{layer}.")]:
        del tensors[name]
    tensors[f"{layer}.weight"] = exported.simulated.weight(layer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_scale, "plan_and_files"),
        (q_as_int8, "plan_and_files"),
        (leave_unquantized, "plan_and_files"),
        (swap_groups, "weights_differ"),
        (change_code, "weights_differ"),
        (change_scale_of_row, "weights_differ"),
        (change_kept, "weights_differ"),
        (change_input_scale, "input_scales_differ"),
        (change_one_of_fused, "fused_scales_differ"),
        (put_nan, "non_finite_weights"),
        (put_nan_scale, "non_finite_weights"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_files_that_are_not_the_plan_are_refused(
    exported: Exported, tmp_path: Path, change: Callable[[Tensors, Exported], None], reason: str
):
    folder = tmp_path / "checkpoint"
    shutil.copytree(exported.output / "checkpoint", folder)
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
    change(tensors, exported)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(RunnerError) as caught:
        judge(exported, folder)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert caught.value.next_step


def targets(config: dict[str, Any]) -> list[list[str]]:
    return [group["targets"] for group in config["quantization_config"]["config_groups"].values()]


def drop_target(config: dict[str, Any]) -> None:
    targets(config)[0].pop()


def list_another(config: dict[str, Any]) -> None:
    targets(config)[0].append(f"{LAYERS}.9.mlp.down_proj")


def exchange_targets(config: dict[str, Any]) -> None:
    one, other, *_ = targets(config)
    one[:], other[:] = other[:], one[:]


def another_label(config: dict[str, Any]) -> None:
    config["quantization_config"]["format"] = "float-quantized"


def without_group_format(config: dict[str, Any]) -> None:
    for group in config["quantization_config"]["config_groups"].values():
        del group["format"]


def no_config(config: dict[str, Any]) -> None:
    del config["quantization_config"]


@pytest.mark.parametrize(
    "change",
    [
        drop_target,
        list_another,
        exchange_targets,
        another_label,
        without_group_format,
        no_config,
    ],
    ids=lambda change: change.__name__,
)
def test_a_config_that_is_not_the_files_is_refused(
    exported: Exported, tmp_path: Path, change: Callable[[dict[str, Any]], None]
):
    folder = tmp_path / "checkpoint"
    shutil.copytree(exported.output / "checkpoint", folder)
    edit(folder / "config.json", change)
    with pytest.raises(RunnerError) as caught:
        judge(exported, folder)
    assert caught.value.reason == "config_and_files"
