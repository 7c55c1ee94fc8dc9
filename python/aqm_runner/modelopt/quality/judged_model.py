"""A model with the calibrated quantizers of all candidates in it, of which plans choose."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import modelopt.torch.quantization as mtq
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.quantization import algorithms, model_calib
from torch import nn

from aqm_runner.model.batches import Batch, Loader
from aqm_runner.modelopt.memory import free_bytes
from aqm_runner.modelopt.progress import Progress, check_calibration
from aqm_runner.modelopt.quality.blocks.reused import ReusedBlocks
from aqm_runner.modelopt.quality.fused_scales import share_ranges
from aqm_runner.modelopt.quality.held_weights import HeldWeight, HeldWeights
from aqm_runner.modelopt.reading import SUFFIX
from aqm_runner.modelopt.recipes import Format
from aqm_runner.modelopt.scoring import ALL_BITS
from aqm_runner.modelopt.shared_calibration import SharedCalibration
from aqm_runner.modelopt.simulated_experts import quantizer_pairs
from aqm_runner.modelopt.stored_scales import round_ranges
from aqm_runner.modelopt.versions import may_wrap
from aqm_runner.quality.plans import NONE
from aqm_runner.runner.failures import gate_failed
from aqm_runner.scoring.scopes import kept_layers

UNQUANTIZED = algorithms.QuantRecipe(quant_cfg=None)
# Of the device's free memory, what quantized weights may take; on a CPU, so many bytes.
SHARE = 0.5
ON_A_CPU = 2 << 30
# What is left of it, for what blocks made; on a CPU, so many bytes.
BLOCKS_SHARE = 0.25
BLOCKS_ON_A_CPU = 1 << 30


class JudgedModel:
    """Groups of layers, each of which can be put into any of the candidate formats.

    AutoQuantize makes the groups and calibrates every candidate in each of them; it neither scores
    nor searches. Ranges are then shared as a server shares them (`fused_scales`), and those of
    weights are made what stored scales say (`stored_scales`).

    Args:
        context: Gets the phase `calibrate` and its steps.
        model: A fresh model; all groups are unquantized at first.
        loader: Batches to find ranges on.
        formats: The candidates.
        scope: "lm" or "all_layers".
        include_lm_head: Whether the output head takes part.

    Attributes:
        model: The model.
        blocks: What computes it without doing again what an earlier plan did; see `keep_blocks`.
        layers: Paths of all modules of the model as it was given.
        groups: Name and modules of the groups that may be quantized.

    Raises:
        RunnerError: gate_failed `progress_short`, `non_finite_range`.
    """

    def __init__(
        self,
        context: Any,
        model: nn.Module,
        loader: Loader,
        formats: list[Format],
        scope: str,
        include_lm_head: bool,
    ) -> None:
        self.model = model
        self.layers = {name for name, _ in model.named_modules()}
        self._recipes = {each.name: each.recipe for each in formats} | {NONE: UNQUANTIZED}
        self._calibrate(context, loader, formats, kept_layers(model, scope, include_lm_head))
        hparams = {
            name.removesuffix(SUFFIX): hparam
            for name, hparam in named_hparams(model, unique=True)
            if isinstance(hparam, algorithms.QuantRecipeHparam) and len(hparam.choices) > 1
        }
        self.groups = {name: tuple(each.quant_module_names) for name, each in hparams.items()}
        self._hparams = hparams
        # The name of each group's format.
        self._now = dict.fromkeys(hparams, NONE)
        free = free_bytes(context.device)
        self._weights = HeldWeights(ON_A_CPU if free is None else int(SHARE * free))
        names = {id(module): name for name, module in model.named_modules()}
        self.blocks = ReusedBlocks(model, self.groups)
        self._device = context.device
        self._held: dict[tuple[str, algorithms.QuantRecipe], list[HeldWeight]] = {}
        for group, hparam in hparams.items():
            for recipe in hparam.choices:
                hparam.active = recipe
                if recipe != UNQUANTIZED:
                    chosen = hparam._all_quantizer_choices[recipe]
                    share_ranges(
                        hparam.quant_module_names,
                        {names[id(module)]: roles for module, roles in chosen.items()},
                    )
                    for roles in chosen.values():
                        for of_weight, of_input in quantizer_pairs(roles):
                            round_ranges(of_weight, of_input)
                    self._held[group, recipe] = [
                        self._weights.hold(quantizer, weight)
                        for module in hparam.quant_modules
                        for weight, quantizer in module.iter_weights_for_calibration()
                    ]
            hparam.active = UNQUANTIZED

    def keep_blocks(self, block_bytes: int) -> None:
        """Lets plans take from earlier ones what blocks made of the same batches.

        Args:
            block_bytes: What one block makes of all batches.
        """
        free = free_bytes(self._device)
        if free is not None:
            # Quantized weights come first.
            free = int(BLOCKS_SHARE * max(free - self._weights.left, 0))
        self.blocks.allow(block_bytes, BLOCKS_ON_A_CPU if free is None else free)
        self.blocks.begin(self._now)

    def choose(self, formats: Mapping[str, str]) -> None:
        """Puts every group into a format.

        Args:
            formats: Name of each group and of its format; NONE leaves it in 16 bits.
        """
        for group, hparam in self._hparams.items():
            if formats[group] == self._now[group]:
                continue
            old, new = self._recipes[self._now[group]], self._recipes[formats[group]]
            self._weights.end(self._held.get((group, old), []))
            self._weights.begin(self._held.get((group, new), []))
            hparam.active = new
            self._now[group] = formats[group]
        self.blocks.begin(formats)

    def close(self) -> None:
        """Lets go of what is held besides the model."""
        self._weights.remove()
        self.blocks.remove()

    def _calibrate(
        self, context: Any, loader: Loader, formats: list[Format], disabled: list[str]
    ) -> None:
        progress = Progress(context)
        shared = SharedCalibration() if may_wrap(context) else None
        head = any(name.rsplit(".", 1)[-1] == "lm_head" for name in self.layers) and not any(
            "lm_head" in pattern for pattern in disabled
        )

        def forward(model: nn.Module, batch: Batch) -> Any:
            # The ranges of the output head need all tokens; those of other layers no logits.
            return model(**batch.inputs, use_cache=False, logits_to_keep=0 if head else 1)

        with contextlib.ExitStack() as stack:
            stack.enter_context(_only_calibrating())
            stack.enter_context(progress.installed(algorithms))
            if shared:
                stack.enter_context(shared.installed())
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Received custom quantization formats")
            try:
                mtq.auto_quantize(
                    self.model,
                    constraints={"effective_bits": ALL_BITS},
                    quantization_formats=[each.config for each in formats],
                    data_loader=loader,
                    forward_step=forward,
                    disabled_layers=disabled,
                    num_calib_steps=len(loader),
                    num_score_steps=1,
                    verbose=False,
                    method="kl_div",
                )
            except (AssertionError, RuntimeError, ValueError) as error:
                # ModelOpt's own checks on ranges.
                if any(sign in str(error).lower() for sign in ("nan", "non-finite", "inf ")):
                    raise gate_failed(
                        "non_finite_range",
                        f"ModelOpt found no ranges on the calibration data: {error}.",
                        next_step="Check the checkpoint's weights for NaN and infinity; with "
                        "bfloat16, try float32.",
                    ) from error
                raise
        if progress.listening:
            check_calibration(progress.loops, shared.walks if shared else 0)
        self.model.eval()


@contextlib.contextmanager
def _only_calibrating() -> Iterator[None]:
    """Leaves out AutoQuantize's scoring and its search for a while."""
    searcher, base = algorithms.AutoQuantizeKLDivSearcher, algorithms._AutoQuantizeBaseSearcher
    estimate, search = searcher.estimate_sensitivity_scores, base.run_search
    searcher.estimate_sensitivity_scores = base.run_search = lambda _searcher: None
    try:
        yield
    finally:
        searcher.estimate_sensitivity_scores = estimate
        base.run_search = search
        # Off during a search; only the search's end turns it on again.
        model_calib._ENABLE_FOLDING_PQS_TO_WEIGHTS = True
