"""AutoRound itself: weights whose rounding is tuned block by block, in one of two forms.

`iters` steps of signed gradient descent find, for each block, how each weight is rounded and how
far its range reaches, so that the block's output stays near (Cheng et al., Optimize Weight Rounding
via Signed Gradient Descent, arXiv 2309.05516). With no steps AutoRound rounds to the nearest, with
scales that it searches. Blocks come one after the other, each with the quantized ones before it.

What is mended in 0.16.1, each held by a test:

- It keeps the positions of the first batch for all others. Positions of captions that are padded on
  the left differ, so that others would be tuned on distances between tokens that are wrong, and a
  last batch of fewer samples stops it. Here every sample is a batch of its own, and positions are
  places in the padded row: distances are the model's own, and all that attention goes by.
- For a vision-language model pads are part of the loss that is tuned on, and a sample on which the
  model fails is left out with a warning. The calibration of text models, which takes pads out, is
  put in its place.
- Calibration that is too short is a warning, or ends the process; both are refused.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from aqm_runner.autoround.formats import UNQUANTIZED, Format
from aqm_runner.autoround.library import part
from aqm_runner.model.batches import Batch
from aqm_runner.runner.failures import gate_failed

# What AutoRound takes for a layer that stays as it is.
KEPT = {"bits": UNQUANTIZED, "act_bits": UNQUANTIZED, "data_type": "fp"}
# Of a checkpoint's files those that AutoRound writes; all others are the checkpoint's own.
OWN = ("config.json", "quantization_config.json")
FILES = ("*.safetensors", "model.safetensors.index.json", *OWN)


def tune(
    model: nn.Module,
    tokenizer: Any,
    processor: Any,
    layers: dict[str, Format | None],
    batches: list[Batch],
    folder: Path,
    *,
    form: str,
    iters: int,
    seed: int,
    device: str,
) -> None:
    """Quantizes a model, which is used up, and writes weights and configs into a folder.

    Args:
        model: Unquantized, on the CPU.
        tokenizer: Its tokenizer; AutoRound asks for it.
        processor: Its processor, likewise.
        layers: Format of each linear layer by path; None: it stays as it is. One is quantized.
        batches: What is tuned on, all of the same width in tokens; a step is over one of them.
        folder: Is there, and gets the files.
        form: "auto_round" or "llm_compressor", which is compressed-tensors.
        iters: Steps for each block.
        seed: Of the order of samples.
        device: "cpu" or "cuda".

    Raises:
        RunnerError: gate_failed `tuning_failed`, `dropped_samples`.
    """
    first = next(each for each in layers.values() if each is not None)
    samples = sum(batch.samples for batch in batches)
    seen = [0]

    def count(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[0] += len(inputs[0])

    watching = model.get_input_embeddings().register_forward_pre_hook(count)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            auto = part("autoround").AutoRound(
                model,
                tokenizer=tokenizer,
                processor=processor,
                scheme=dict(first.scheme),
                layer_config={
                    name: dict(KEPT if each is None else each.scheme)
                    for name, each in layers.items()
                },
                dataset=list(one_by_one(batches)),
                iters=iters,
                nsamples=samples,
                seqlen=batches[0].labels.shape[1],
                batch_size=1,
                # Without steps it is refused, with a line in the log.
                **({"gradient_accumulate_steps": batches[0].samples} if iters else {}),
                device_map=device,
                # By itself it turns a float32 model into bfloat16 on any device that can multiply
                # such numbers: a folder would depend on the kind of CPU.
                amp=model.dtype != torch.float32,
                enable_torch_compile=False,
                low_cpu_mem_usage=False,
                seed=seed,
            )
            auto._get_calibrator_kind = lambda: "llm"
            auto.quantize_and_save(scratch, format=form)
        except SystemExit as error:
            raise gate_failed(
                "tuning_failed",
                "AutoRound ended, since it could use none of the calibration data.",
                next_step="Report it: the engine's way of handing over batches does not fit.",
            ) from error
        finally:
            watching.remove()
        # Without steps AutoRound looks at data for some formats only: not for INT8 by rows.
        if seen[0] < samples and (iters > 0 or seen[0] > 0):
            raise gate_failed(
                "dropped_samples",
                f"AutoRound tuned on {seen[0]} of {samples} samples.",
                next_step="Report it: the engine's way of handing over batches does not fit.",
            )
        for pattern in FILES:
            for path in Path(scratch).rglob(pattern):
                shutil.move(path, folder / path.name)


def one_by_one(batches: list[Batch]) -> Iterator[dict[str, torch.Tensor]]:
    """Yields the samples of batches, each as a batch with the positions of its row.

    `position_ids` are (3, 1, tokens): time, height and width, which are alike for text.
    """
    for batch in batches:
        for sample in range(batch.samples):
            rows = {name: value[sample : sample + 1] for name, value in batch.inputs.items()}
            positions = torch.arange(rows["input_ids"].shape[1])
            yield rows | {"position_ids": positions.expand(3, 1, -1).clone()}
