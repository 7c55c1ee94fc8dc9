"""One call of ModelOpt's AutoQuantize that scores one format and chooses nothing."""

import warnings
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import modelopt.torch.quantization as mtq
from modelopt.torch.quantization import algorithms
from torch import nn

from aqm_runner.failures import unsupported_here
from aqm_runner.gates import check_groups, non_finite
from aqm_runner.vlm.batches import Batch, Loader
from aqm_runner.vlm.loss import LOSSES
from aqm_runner.vlm.progress import Progress, check_progress
from aqm_runner.vlm.reading import ScoreReader

MODELOPT = "0.47.0"
# At 16 bits every choice is feasible, so no budget enters the result.
ALL_BITS = 16.0
VISION = "*visual*"
LM_HEAD = "*lm_head*"


@dataclass(frozen=True)
class Setting:
    """How to score.

    Attributes:
        scope: "lm" or "all_layers".
        loss: "batch_mean" or "sample_sum".
        include_lm_head: Whether the output head takes part.
        score_steps: Batches to score over, from the first; calibration uses all.
    """

    scope: str
    loss: str
    include_lm_head: bool
    score_steps: int

    def disabled_layers(self) -> list[str]:
        """Returns the patterns of modules that stay in high precision."""
        patterns = [VISION] if self.scope == "lm" else []
        return patterns if self.include_lm_head else [*patterns, LM_HEAD]


def check_modelopt() -> None:
    """Raises unsupported_here `modelopt_version`: reading raw scores uses ModelOpt's insides."""
    found = metadata.version("nvidia-modelopt")
    if found != MODELOPT:
        raise unsupported_here(
            "modelopt_version",
            f"ModelOpt {found} is installed; scores are read in the way of {MODELOPT}.",
            next_step="Use an environment made from the runner's requirements.lock.",
        )


def score_format(
    context: Any,
    model: nn.Module,
    loader: Loader,
    name: str,
    config: dict[str, Any],
    setting: Setting,
) -> ScoreReader:
    """Returns the reader that holds the groups of one format, after every gate has passed.

    The score of a group is the sum, over scored batches and output elements of its modules, of
    (dL/dY * (Y_quantized - Y))^2 in float32: ModelOpt's gradient method, raw.

    Args:
        context: Gets phases `calibrate` and `score` with their steps.
        model: A fresh model; it is left with quantizers in it and must not be used again.
        loader: Batches, re-iterable.
        name: The format's name, for messages.
        config: ModelOpt's list-style config with native tuples.
        setting: How to score.

    Raises:
        RunnerError: gate_failed with the gate's name; see `gates` and `progress`.
    """
    progress = Progress(context)
    loss = LOSSES[setting.loss]
    start = loader.yields

    def check(reader: ScoreReader) -> None:
        calibrates = config.get("algorithm") is not None
        loops = progress.loops
        if not progress.listening:
            batches = len(loader) * calibrates + setting.score_steps
            loops = [("all", loader.yields - start, batches)]
        check_progress(loops, calibrates, setting.score_steps)
        check_groups(
            reader.groups, [path for path, _ in reader.modules], setting.include_lm_head, name
        )

    reader = ScoreReader(context, config, check)
    with reader.installed(), progress.installed(algorithms), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Received custom quantization formats")
        try:
            mtq.auto_quantize(
                model,
                constraints={"effective_bits": ALL_BITS},
                quantization_formats=[config],
                data_loader=loader,
                forward_step=_forward,
                loss_func=lambda output, batch: loss(output.logits, batch.labels),
                disabled_layers=setting.disabled_layers(),
                num_calib_steps=len(loader),
                num_score_steps=setting.score_steps,
                verbose=False,
                method="gradient",
            )
        except (AssertionError, RuntimeError, ValueError) as error:
            # ModelOpt's own checks on ranges and gradients; newer ones say "non-finite".
            if any(sign in str(error).lower() for sign in ("nan", "non-finite", "inf ")):
                raise non_finite(f"ModelOpt stopped on {name}: {error}.") from error
            raise
    return reader


def _forward(model: nn.Module, batch: Batch) -> Any:
    return model(**batch.inputs, use_cache=False)
