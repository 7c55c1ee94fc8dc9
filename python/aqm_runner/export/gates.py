"""Gates on what an exported folder holds: its tensors and its config against the plan."""

from collections.abc import Mapping

from aqm_runner.export.folder import ExportedFolder
from aqm_runner.export.forms import Form, Stored
from aqm_runner.export.planned import Planned
from aqm_runner.quality.fused import fused_keys
from aqm_runner.runner.failures import RunnerError, gate_failed

PLAN_AND_FILES = "plan_and_files"
CONFIG_AND_FILES = "config_and_files"
FUSED_SCALES = "fused_scales_differ"
SHOWN = 3


def check_files(
    folder: ExportedFolder,
    planned: Planned,
    shapes: Mapping[str, tuple[int, int]],
    kept: Mapping[str, Stored],
) -> None:
    """Refuses a folder that holds other tensors than the plan asks for, layer by layer.

    Args:
        folder: What was written.
        planned: The plan.
        shapes: Shape (N, K) of the weight of each quantized layer.
        kept: Dtype and shape of each tensor that stays as it is, by its name in the folder.

    Raises:
        RunnerError: gate_failed `plan_and_files`.
    """
    expected = dict(kept)
    for layer, each in planned.quantized.items():
        for part, stored in each.form.tensors(shapes[layer]).items():
            expected[f"{layer}.{part}"] = stored
    for name, stored in expected.items():
        found = folder.headers.get(name)
        if found is None:
            raise _files(folder, f"lacks the tensor {name}", name, planned)
        if found != stored:
            raise _files(
                folder,
                f"holds {name} as {found.dtype} {list(found.shape)} where it should be "
                f"{stored.dtype} {list(stored.shape)}",
                name,
                planned,
            )
    more = [name for name in folder.headers if name not in expected]
    if more:
        raise _files(folder, f"holds {_some(more)}, which none of its layers has", more[0], planned)


def check_config(
    folder: ExportedFolder, declared: Mapping[str, Form], planned: Planned, file: str
) -> None:
    """Refuses a folder whose config says other formats than its files have.

    Args:
        folder: What was written.
        declared: Form of each layer that the config says is quantized.
        planned: The plan, which the files were found to be.
        file: Where the config says it.

    Raises:
        RunnerError: gate_failed `config_and_files`.
    """
    for layer in {**planned.quantized, **declared}:
        wanted = planned.quantized[layer].form if layer in planned.quantized else None
        if declared.get(layer) != wanted:
            says = declared[layer].label if layer in declared else "not quantized"
            has = wanted.label if wanted else "not quantized"
            about = " with other bits or blocks" if says == has else ""
            raise _config(
                folder, file, f"says that {layer} is {says}{about}, but in the files it is {has}"
            )


def check_fused(folder: ExportedFolder, planned: Planned) -> None:
    """Refuses scales that differ within layers which a server fuses, where it has one number.

    Raises:
        RunnerError: gate_failed `fused_scales_differ`.
    """
    for members in planned.groups.values():
        first: dict[tuple[str, ...], str] = {}
        for layer in members:
            each = planned.quantized.get(layer)
            if each is None:
                continue
            of_weight, of_input = fused_keys(layer, len(members))
            for part in each.form.shared:
                key = (part, *(of_input if part.startswith("input") else of_weight))
                name = f"{layer}.{part}"
                other = first.setdefault(key, name)
                if folder.bytes_of(other).tobytes() != folder.bytes_of(name).tobytes():
                    raise gate_failed(
                        FUSED_SCALES,
                        f"In {folder.place.name}, {name} differs from {other}: a server runs the "
                        "two layers as one and keeps one of the scales for both.",
                        file=folder.place.name,
                        next_step="Report it: the exporter must give fused layers one scale.",
                    )


def config_differs(folder: ExportedFolder, file: str, problem: str) -> RunnerError:
    """Returns the failure of the gate `config_and_files`; `problem` follows the file's name."""
    return _config(folder, file, problem)


def _config(folder: ExportedFolder, file: str, problem: str) -> RunnerError:
    return gate_failed(
        CONFIG_AND_FILES,
        f"{folder.place.name}/{file} {problem}.",
        file=f"{folder.place.name}/{file}",
        next_step="Report it: a server would read the weights in another way than they are.",
    )


def _files(folder: ExportedFolder, problem: str, name: str, planned: Planned) -> RunnerError:
    layer = name.rpartition(".")[0]
    wanted = planned.quantized.get(layer)
    asked = f"; the plan has {layer} as {wanted.format}" if wanted else ""
    return gate_failed(
        PLAN_AND_FILES,
        f"{folder.place.name} {problem}{asked}.",
        file=folder.place.name,
        next_step="Report it: the exporter did not write what the plan says.",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
