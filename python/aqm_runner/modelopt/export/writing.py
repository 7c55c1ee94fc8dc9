"""A plan written by ModelOpt's own export, and the model given back as it was before.

`export_hf_checkpoint` (ModelOpt 0.47.0) packs weights in the model itself and leaves buffers of
scales in its layers. What is compared later is the model that was measured, so everything that the
export replaces is kept aside and put back. Weights are kept by reference, nothing large is copied.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelopt.torch.export import export_hf_checkpoint
from modelopt.torch.quantization.nn import TensorQuantizer
from torch import Tensor, nn

from aqm_runner.export.copying import (
    CONFIG,
    copy_other_files,
    naming_full_disk,
    untied,
    write_json,
)
from aqm_runner.export.forms import Fp4Blocks
from aqm_runner.export.planned import Planned
from aqm_runner.export.scaled import plain_form
from aqm_runner.model.stacked_experts import expert_layers
from aqm_runner.modelopt.fp4_blocks import with_largest_of_blocks
from aqm_runner.modelopt.simulated_layers import SimulatedLayers
from aqm_runner.runner.places import Place

# What ModelOpt says of the quantization beside config.json; servers read either.
QUANTIZATION = "hf_quant_config.json"
OWN = (CONFIG, QUANTIZATION)


def write_folder(
    context: Any,
    output: Place,
    checkpoint: Place,
    planned: Planned,
    simulated: SimulatedLayers,
    kept: Mapping[str, Tensor],
) -> SimulatedLayers:
    """Writes weights and configs by ModelOpt, and every other file of the checkpoint as it is.

    Args:
        context: Gets the phase `write`.
        output: The folder, which is made here.
        checkpoint: What the plan is of.
        planned: The plan.
        simulated: The model that was measured.
        kept: Tensors that stay as they are; ModelOpt takes them from the model.

    Returns:
        The model as it was.

    Raises:
        RunnerError: unsupported_here `disk_full`.
    """
    del kept
    context.phase("write", None)
    folder = output.create()
    with naming_full_disk(output, checkpoint):
        with model_given_back(simulated.model):
            _take_simulated_weights(planned, simulated)
            export(simulated.model, folder)
        copy_other_files(checkpoint, folder, OWN)
        if "lm_head" in planned.quantized:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            write_json(folder / CONFIG, untied(config))
    return simulated


def export(model: nn.Module, folder: Path) -> None:
    """Writes weights, config.json and hf_quant_config.json of a quantized model; it is packed."""
    with warnings.catch_warnings():
        # Said of an error as well, which is raised.
        warnings.filterwarnings("ignore", message="Cannot export model to the model_config.*")
        export_hf_checkpoint(model, export_dir=folder)


@contextlib.contextmanager
def model_given_back(model: nn.Module) -> Iterator[None]:
    """Puts back all tensors of a model, its quantizers' included, once it was exported."""
    before = [
        (
            module,
            dict(module._parameters),
            # ModelOpt writes to the ranges of quantizers in their places.
            {
                name: buffer.clone() if buffer is not None and _is_quantizer(module) else buffer
                for name, buffer in module._buffers.items()
            },
            # It puts modules of its own in the place of experts that are one module.
            dict(module._modules),
        )
        for module in model.modules()
    ]
    try:
        yield
    finally:
        for module, parameters, buffers, inside in before:
            for here, then in (
                (module._parameters, parameters),
                (module._buffers, buffers),
                (module._modules, inside),
            ):
                here.clear()
                here.update(then)


def _is_quantizer(module: nn.Module) -> bool:
    return isinstance(module, TensorQuantizer)


def _take_simulated_weights(planned: Planned, simulated: SimulatedLayers) -> None:
    """Gives ModelOpt the weights as the simulation computes with them.

    Its export divides by a scale that is another float than that of its simulation, in the last
    bit, and in the model's dtype: where a weight lies between two codes, it may take the other one.
    A simulated weight lies on a code.
    """
    experts = expert_layers(simulated.model)
    changed: dict[str, dict[str, Tensor]] = {}
    for layer, each in planned.quantized.items():
        weight = simulated.weight(layer).detach()
        if layer in experts:
            where = experts[layer]
            module = simulated.model.get_submodule(where.module)
            if isinstance(plain_form(each.form), Fp4Blocks):
                weight = with_largest_of_blocks(weight, where.weight(module).detach())
            all_ = changed.setdefault(where.module, {})
            if where.product not in all_:
                all_[where.product] = getattr(module, where.product).detach().clone()
            where.part(all_[where.product]).copy_(weight)
            continue
        module = simulated.model.get_submodule(layer)
        if isinstance(plain_form(each.form), Fp4Blocks):
            weight = with_largest_of_blocks(weight, module.weight.detach())
        module.weight = nn.Parameter(weight, requires_grad=False)
    for name, products in changed.items():
        for product, weight in products.items():
            setattr(
                simulated.model.get_submodule(name),
                product,
                nn.Parameter(weight, requires_grad=False),
            )
