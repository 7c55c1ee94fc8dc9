"""One call of ModelOpt's AutoQuantize that scores some formats and chooses nothing."""

import contextlib
import warnings
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import modelopt.torch.quantization as mtq
import torch
from modelopt.torch.quantization import algorithms
from torch import nn

from aqm_runner.model.batches import IGNORED, Batch, Loader
from aqm_runner.model.loss import LOSSES
from aqm_runner.modelopt.combined_formats import CombinedFormats
from aqm_runner.modelopt.kept_divergences import KeptDivergences
from aqm_runner.modelopt.peers import Peers
from aqm_runner.modelopt.progress import Progress, check_progress
from aqm_runner.modelopt.reading import SEARCHERS, ScoreReader
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.shared_calibration import SharedCalibration
from aqm_runner.modelopt.shared_scoring import in_sum, shared_scoring
from aqm_runner.modelopt.signatures import kept_signatures
from aqm_runner.modelopt.versions import may_wrap
from aqm_runner.runner.failures import RunnerError, unsupported_here
from aqm_runner.scoring.gates import check_groups, non_finite
from aqm_runner.scoring.scopes import kept_layers
from aqm_runner.scoring.table import Table

MODELOPT = "0.47.0"
# At 16 bits every choice is feasible, so no budget enters the result.
ALL_BITS = 16.0


@dataclass(frozen=True)
class Setting:
    """How to score.

    Attributes:
        scope: "lm" or "all_layers".
        loss: "batch_mean" or "sample_sum".
        include_lm_head: Whether the output head takes part.
        score_steps: Batches to score over, from the first; calibration uses all.
        method: "gradient" or "kl_div".
    """

    scope: str
    loss: str
    include_lm_head: bool
    score_steps: int
    method: str = "gradient"

    def disabled_layers(self, model: nn.Module) -> list[str]:
        """Returns the patterns of modules of a model that stay in high precision."""
        return kept_layers(model, self.scope, self.include_lm_head)


def check_modelopt() -> None:
    """Raises unsupported_here `modelopt_version`: reading raw scores uses ModelOpt's insides."""
    found = metadata.version("nvidia-modelopt")
    if found != MODELOPT:
        raise unsupported_here(
            "modelopt_version",
            f"ModelOpt {found} is installed; scores are read in the way of {MODELOPT}.",
            next_step="Use an environment made from the runner's requirements.lock.",
        )


class Scorer:
    """Scores formats, any number in a call; ranges found in one call serve the next.

    Args:
        context: Gets phases `calibrate` and `score` with their steps.
        setting: How to score.
        peers: Processes that score further batches at the same time, by gradient; the batches of
            this one are then a share. None: it scores all.
    """

    def __init__(self, context: Any, setting: Setting, peers: Peers | None = None) -> None:
        self.context = context
        self.setting = setting
        self._peers = peers
        merged = None if peers is None else peers.merged
        self._calibration = SharedCalibration(merged) if may_wrap(context) else None

    @property
    def keeps_differences(self) -> bool:
        """Whether what each format changes in outputs is kept until the next forward pass."""
        return self.setting.method == "gradient" and self._calibration is None

    @property
    def may_share(self) -> bool:
        """Whether other processes may score further batches at the same time."""
        return self.setting.method == "gradient" and self._calibration is not None

    def score(
        self, model: nn.Module, loader: Loader, formats: list[Format]
    ) -> list[Table | RunnerError]:
        """Returns for each format its scores, or the gate that it failed.

        By gradient, the score of a group is the sum, over scored batches and output elements of
        its modules, of (dL/dY * (Y_quantized - Y))^2 in float32. By kl_div, it is the sum over
        scored batches and counted tokens of the Kullback-Leibler divergence, in nats, of the
        model's next-token distribution from that of the model with the group quantized. Both raw.

        Args:
            model: A fresh model; it is left with quantizers in it and must not be used again.
            loader: Batches, re-iterable.
            formats: What to score.

        Raises:
            RunnerError: gate_failed that concerns all: `progress_short`, `non_finite_score`.
        """
        progress = Progress(self.context)
        method = self.setting.method
        keeps = method == "kl_div" and any(each.partials.keeps for each in formats)
        reader = ScoreReader(
            self.context,
            [each.recipe for each in formats],
            method,
            KeptDivergences(formats) if keeps and self._calibration else None,
            self._peers,
        )
        start = loader.yields
        loss = LOSSES[self.setting.loss]
        by_gradient = {
            "forward_step": _forward,
            "loss_func": lambda output, batch: loss(output.logits, batch.labels),
        }
        walked = self._calibration.walks if self._calibration else 0
        disabled = self.setting.disabled_layers(model)
        calibrated = formats
        with contextlib.ExitStack() as stack:
            stack.enter_context(reader.installed())
            stack.enter_context(progress.installed(algorithms))
            if self._calibration:
                stack.enter_context(self._calibration.installed())
                add = in_sum if self._peers is None else self._peers.add
                stack.enter_context(shared_scoring(add))
                stack.enter_context(kept_signatures())
                combined = CombinedFormats(formats, model, disabled)
                stack.enter_context(combined.installed(SEARCHERS[method]))
                calibrated = combined.calibrated
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Received custom quantization formats")
            try:
                mtq.auto_quantize(
                    model,
                    constraints={"effective_bits": ALL_BITS},
                    quantization_formats=[each.config for each in calibrated],
                    data_loader=loader,
                    **(by_gradient if method == "gradient" else {"forward_step": _logits}),
                    disabled_layers=disabled,
                    num_calib_steps=len(loader),
                    num_score_steps=self.setting.score_steps,
                    verbose=False,
                    method=method,
                )
            except (AssertionError, RuntimeError, ValueError) as error:
                # ModelOpt's own checks on ranges and gradients; newer ones say "non-finite".
                if any(sign in str(error).lower() for sign in ("nan", "non-finite", "inf ")):
                    names = ", ".join(each.name for each in formats)
                    raise non_finite(f"ModelOpt stopped on {names}: {error}.") from error
                raise
        if self._calibration:
            walks = self._calibration.walks - walked
        else:
            walks = len({each.recipe for each in formats if each.recipe.config.algorithm})
        steps = self.setting.score_steps
        loops = progress.loops
        if not progress.listening:
            loops = [("all", loader.yields - start, len(loader) * walks + steps)]
        check_progress(loops, walks, steps)
        return [
            self._checked(each, table) for each, table in zip(formats, reader.tables, strict=True)
        ]

    def _checked(self, format_: Format, table: Table) -> Table | RunnerError:
        try:
            check_groups(
                table.groups,
                [path for path, _ in table.modules],
                self.setting.include_lm_head,
                format_.name,
            )
        except RunnerError as error:
            return error
        return table


def _forward(model: nn.Module, batch: Batch) -> Any:
    return model(**batch.inputs, use_cache=False)


def _logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Returns the logits (counted tokens, vocabulary): of pads a divergence would mean nothing."""
    return _forward(model, batch).logits[:, :-1][batch.labels[:, 1:] != IGNORED]
