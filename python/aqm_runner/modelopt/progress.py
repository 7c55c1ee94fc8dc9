"""ModelOpt's progress bar, replaced by one that counts for us.

The count is not decoration: a loader that ends early ends ModelOpt's loop without an error, and
the gate on the counts is what notices.
"""

import contextlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from aqm_runner.runner.failures import gate_failed

# Within one batch the method kl_div tries one group after the other.
INNER = "evaluating hparams"


class Progress:
    """Counts the steps of each loop and tells them to the context as phases and steps."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._outer = (0, 0)
        self._counts_groups = False
        self.loops: list[tuple[str, int, int]] = []
        self.listening = False

    def bar(self, iterable: Iterable[Any], desc: str = "", total: int = 0) -> Iterator[Any]:
        """Stands for `tqdm(iterable, desc=..., total=...)`; a step counts once it is over."""
        if desc.lower() == INNER:
            yield from self._inner(list(iterable))
            return
        name = "calibrate" if desc.lower().startswith("calibrat") else "score"
        self._context.phase(name, total)
        done = 0
        self._outer = (done, total)
        for item in iterable:
            yield item
            done += 1
            self._outer = (done, total)
            if not self._counts_groups:
                self._context.step(done)
        self._counts_groups = False
        self.loops.append((name, done, total))

    def _inner(self, items: list[Any]) -> Iterator[Any]:
        """Counts in groups instead of batches, since each of them takes a forward pass a format."""
        done, total = self._outer
        if not self._counts_groups:
            self._counts_groups = True
            self._context.phase("score", total * len(items))
        for index, item in enumerate(items, start=1):
            yield item
            self._context.step(done * len(items) + index)

    @contextlib.contextmanager
    def installed(self, module: ModuleType) -> Iterator[None]:
        """Puts the bar in place of `module.tqdm` for a while; `listening` says if there is one."""
        original = getattr(module, "tqdm", None)
        if original is None:
            self._context.warning(
                "no_progress",
                "This ModelOpt has no progress bar to listen to; only batches are counted.",
            )
            yield
            return
        self.listening = True
        module.tqdm = self.bar  # type: ignore[attr-defined]
        try:
            yield
        finally:
            module.tqdm = original  # type: ignore[attr-defined]


def check_progress(loops: list[tuple[str, int, int]], walks: int, score_steps: int) -> None:
    """Raises gate_failed `progress_short` unless every loop ran to its end and none is missing.

    Args:
        loops: (phase, steps done, steps announced) of every loop; or one of phase `all`, where only
            batches could be counted.
        walks: How often, at least, calibration must have walked the data.
        score_steps: Steps that scoring must have had.
    """
    short = [f"{name} {done}/{total}" for name, done, total in loops if done != total]
    names = [name for name, _, _ in loops]
    if names == ["all"]:
        names = ["calibrate"] * walks + ["score"]
        loops = [*loops, ("score", score_steps, score_steps)]
    if names.count("score") != 1 or names.count("calibrate") < walks:
        short.append(f"loops seen: {', '.join(names) or 'none'}")
    scored = sum(done for name, done, _ in loops if name == "score")
    if short or scored != score_steps:
        raise gate_failed(
            "progress_short",
            f"Not all steps ran ({'; '.join(short) or f'score {scored}/{score_steps}'}), so the "
            "scores would stand for less data than they claim.",
            next_step="Report it with the job's log: the data ended before ModelOpt's loop did.",
        )


def check_calibration(loops: list[tuple[str, int, int]], walks: int) -> None:
    """Raises gate_failed `progress_short` unless calibration walked all data so often.

    Args:
        loops: (phase, steps done, steps announced) of every loop.
        walks: How often, at least, calibration must have walked the data.
    """
    short = [f"{name} {done}/{total}" for name, done, total in loops if done != total]
    if short or len(loops) < walks:
        raise gate_failed(
            "progress_short",
            f"Calibration ended early ({'; '.join(short) or f'{len(loops)}/{walks} walks'}), so "
            "that ranges would stand for less data than they claim.",
            next_step="Report it with the job's log: the data ended before ModelOpt's loop did.",
        )
