"""ModelOpt's progress bar, replaced by one that counts for us.

The count is not decoration: a loader that ends early ends ModelOpt's loop without an error, and
the gate on the counts is what notices.
"""

import contextlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from aqm_runner.failures import gate_failed


class Progress:
    """Counts the steps of each loop and tells them to the context as phases and steps."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.loops: list[tuple[str, int, int]] = []
        self.listening = False

    def bar(self, iterable: Iterable[Any], desc: str = "", total: int = 0) -> Iterator[Any]:
        """Stands for `tqdm(iterable, desc=..., total=...)`; a step counts once it is over."""
        name = "calibrate" if desc.lower().startswith("calibrat") else "score"
        self._context.phase(name, total)
        done = 0
        for item in iterable:
            yield item
            done += 1
            self._context.step(done)
        self.loops.append((name, done, total))

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


def check_progress(loops: list[tuple[str, int, int]], calibrates: bool, score_steps: int) -> None:
    """Raises gate_failed `progress_short` unless every loop ran to its end and none is missing.

    Args:
        loops: (phase, steps done, steps announced) of every loop; or one of phase `all`, where only
            batches could be counted.
        calibrates: Whether the format's algorithm needs a forward pass over data.
        score_steps: Steps that scoring must have had.
    """
    short = [f"{name} {done}/{total}" for name, done, total in loops if done != total]
    names = [name for name, _, _ in loops]
    if names == ["all"]:
        names, loops = ["calibrate", "score"], [*loops, ("score", score_steps, score_steps)]
    if names.count("score") != 1 or (calibrates and "calibrate" not in names):
        short.append(f"loops seen: {', '.join(names) or 'none'}")
    scored = sum(done for name, done, _ in loops if name == "score")
    if short or scored != score_steps:
        raise gate_failed(
            "progress_short",
            f"Not all steps ran ({'; '.join(short) or f'score {scored}/{score_steps}'}), so the "
            "scores would stand for less data than they claim.",
            next_step="Report it with the job's log: the data ended before ModelOpt's loop did.",
        )
