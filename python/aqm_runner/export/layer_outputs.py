"""Whether each layer of an exported folder answers as the simulated one does, given the same input.

In a deep model whose inputs are quantized, logits cannot tell: an input that differs in its last
bit, and lies at a tie, takes the other code, and the next layer gets an error of a whole step. An
error of relative size d flips about d / step of the codes, and so comes out with the size
sqrt(d * step), which tends to step itself from layer to layer: after a few layers two right models
differ about as much as quantization makes them differ. So each layer is given the input that it had
in the simulated model, where the errors of others cannot add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aqm_runner.export.logits import Prompt, logits_of
from aqm_runner.export.simulated import Simulated
from aqm_runner.model.stacked_experts import expert_layers
from aqm_runner.runner.failures import gate_failed

OUTPUTS = "outputs_differ"
# Of the squared error that quantization makes in the layer's output; see docs/export.md.
SHARE = 0.01
# Of the squared output: what the order of sums in float32 may cause.
FLOOR = 1e-10


@dataclass(frozen=True)
class Answer:
    """What one layer says to one input.

    Attributes:
        given: The input, (..., K); of the experts of a block the tokens, which experts each of them
            is sent to, and with what weights.
        simulated: The output of the simulated layer, (..., N).
        effect: Sum of the squared differences that quantizing the layer makes in it.
    """

    given: tuple[Tensor, ...]
    simulated: Tensor
    effect: float


@dataclass(frozen=True)
class AnsweredAlike:
    """How far the layers of the exported model are from the simulated ones.

    Attributes:
        layers: How many were compared: those that the prompts reach.
        largest_share: Of any layer: the squared difference as a share of what quantization makes.
        tolerance: The most that it may be, beside what the order of sums causes.
    """

    layers: int
    largest_share: float
    tolerance: float


@torch.inference_mode()
def answers_of(
    simulated: Simulated, layers: Iterable[str], prompts: list[Prompt], device: str
) -> dict[str, list[Answer]]:
    """Returns what layers of the simulated model answer, in float32 and on the CPU.

    Args:
        simulated: The model that was measured; it must not compute in a narrower dtype.
        layers: Those that are quantized.
        prompts: As `make_prompts` returns them; a few are enough.
        device: Of the model.
    """
    experts = expert_layers(simulated.model)
    # The experts of a block answer together.
    modules = (experts[layer].module if layer in experts else layer for layer in layers)
    heard: dict[str, list[tuple[tuple[Tensor, ...], Tensor]]] = {name: [] for name in modules}

    def listen(layer: str) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            inputs = tuple(each.detach().cpu() for each in given)
            heard[layer].append((inputs, output.detach().float().cpu()))

        return simulated.model.get_submodule(layer).register_forward_hook(hook)

    handles = [listen(layer) for layer in heard]
    try:
        logits_of(simulated.model, prompts, device)
    finally:
        for handle in handles:
            handle.remove()
    found: dict[str, list[Answer]] = {}
    with simulated.unquantized():
        for layer, calls in heard.items():
            module = simulated.model.get_submodule(layer)
            for given, output in calls:
                plain = module(*(each.to(device) for each in given)).float().cpu()
                effect = float((output.double() - plain.double()).square().sum())
                found.setdefault(layer, []).append(Answer(given, output, effect))
    return found


@torch.inference_mode()
def compare_answers(
    exported: nn.Module, answers: dict[str, list[Answer]], device: str, name: str
) -> AnsweredAlike:
    """Returns how far layers of the exported model are from the simulated ones.

    Args:
        exported: The model of the folder, in float32.
        answers: As `answers_of` returns them.
        device: Of the model.
        name: The folder, for the message.

    Raises:
        RunnerError: gate_failed `outputs_differ`.
    """
    largest = 0.0
    for layer, calls in answers.items():
        module = exported.get_submodule(layer)
        noise = effect = size = 0.0
        for call in calls:
            output = module(*(each.to(device) for each in call.given)).double().cpu()
            noise += float((output - call.simulated.double()).square().sum())
            effect += call.effect
            size += float(call.simulated.double().square().sum())
        # Not `>`: a difference that is no number is none that is small.
        if not noise <= SHARE * effect + FLOOR * size:
            raise gate_failed(
                OUTPUTS,
                f"Given the input that it had in the model that was measured, {layer} of {name} "
                f"answers something else: the squared difference is {noise:.3g}, where "
                f"quantization itself makes {effect:.3g} and a hundredth of that may be.",
                file=name,
                next_step="Report it: what was written is not the model that was measured.",
            )
        if effect > 0:
            largest = max(largest, noise / effect)
    return AnsweredAlike(len(answers), largest, SHARE)
