"""Drawing calibration and held-out samples from a source, in one walk over it.

A sample's place in a draw depends on its content and a seed alone: samples are taken in the order
of SHA-256(seed ":" digest). So the order of lines, the names of files and the kind of the source
change nothing, and a sample that is added to the source displaces one at most of calibration.
"""

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from aqm_runner.calibration.found import Found, unreadable
from aqm_runner.runner.failures import RunnerError, gate_failed

PARTS = ("search", "confirm", "report")


@dataclass
class Counts:
    """How many samples of a source there are, and what became of the others.

    Attributes:
        read: All rows, blank ones included.
        blank: Those without a text.
        repeated: Those whose text, in any case and spacing, or image was there before.
    """

    read: int = 0
    blank: int = 0
    repeated: int = 0

    @property
    def distinct(self) -> int:
        """Samples that can be drawn: no two of them share a text or an image."""
        return self.read - self.blank - self.repeated


@dataclass
class _First:
    """The first so many of the samples that were offered, by a seed's order."""

    count: int
    seed: int
    held: list[tuple[int, int, Found]] = field(default_factory=list)

    def offer(self, number: int, sample: Found) -> tuple[int, Found] | None:
        """Takes a sample; returns the one, with its number, that has no place (None: none)."""
        drawn = hashlib.sha256(f"{self.seed}:".encode() + sample.digest).digest()
        # The largest at the top of the heap, so that it can give way.
        entry = (-int.from_bytes(drawn, "big"), number, sample)
        if len(self.held) < self.count:
            heapq.heappush(self.held, entry)
            return None
        _, number, other = heapq.heappushpop(self.held, entry)
        return number, other

    def in_order(self) -> list[tuple[int, Found]]:
        return [(number, sample) for _, number, sample in sorted(self.held, reverse=True)]


@dataclass(frozen=True)
class Drawn:
    """What was drawn; each sample with its number in the source, from 1.

    Attributes:
        calibration: The full sample, in the order of the draw: subsets are its first rows.
        held_out: By part; no sample of one is in another, or in `calibration`.
        counts: Of the source.
    """

    calibration: list[tuple[int, Found]]
    held_out: dict[str, list[tuple[int, Found]]]
    counts: Counts


@dataclass(frozen=True)
class Asked:
    """What is to be drawn.

    Attributes:
        full: Samples for calibration.
        seed: Of calibration.
        sizes: Samples of each held-out set.
        held_seed: Of the held-out sets.
    """

    full: int
    seed: int
    sizes: dict[str, int]
    held_seed: int

    @property
    def others(self) -> int:
        """Samples beside the full sample that fill all held-out sets, dealt in turn."""
        places = (index + len(PARTS) * self.sizes[part] for index, part in enumerate(PARTS))
        return max(places) - len(PARTS) + 1


def draw(samples: Iterable[Found], asked: Asked, source: str, *, skip: bool) -> Drawn:
    """Returns the first `full` samples by `seed`, and the held-out sets from all others.

    The others, in the order of `held_seed`, are dealt to search, confirm, report, search and so on,
    so that the size of one set changes nothing in the others. Sets are smaller than asked for where
    the source is; see `require_enough`.

    Args:
        samples: Of the source, in its order. Of samples that share a text, in any case and spacing,
            or an image, the first counts.
        asked: How many, by which seeds.
        source: Workspace-relative name, for messages.
        skip: Whether blank samples are left out and counted; else one is refused.

    Raises:
        RunnerError: gate_failed `unreadable_sample` for a blank sample.
    """
    counts = Counts()
    seen: set[bytes] = set()
    sizes = asked.sizes
    calibration = _First(asked.full, asked.seed)
    others = _First(asked.others, asked.held_seed)
    for number, sample in enumerate(samples, start=1):
        counts.read += 1
        if not sample.text.strip():
            if not skip:
                raise _blank(sample, source)
            counts.blank += 1
            continue
        keys = {b"t" + sample.text_digest}
        if sample.image_digest is not None:
            keys.add(b"i" + sample.image_digest)
        if not seen.isdisjoint(keys):
            counts.repeated += 1
            continue
        seen |= keys
        displaced = calibration.offer(number, sample)
        if displaced is not None:
            others.offer(*displaced)
    dealt = others.in_order()
    held_out = {part: dealt[index :: len(PARTS)][: sizes[part]] for index, part in enumerate(PARTS)}
    return Drawn(calibration.in_order(), held_out, counts)


def require_enough(drawn: Drawn, asked: Asked, source: str) -> None:
    """Raises gate_failed `too_few_samples`, with all figures, where a set is not full."""
    counts, full, sizes = drawn.counts, asked.full, asked.sizes
    short = len(drawn.calibration) < full
    parts = [part for part in PARTS if len(drawn.held_out[part]) < sizes[part]]
    if not short and not parts:
        return
    name = "calibration" if short else f"the held-out set {parts[0]}"
    has = len(drawn.calibration) if short else len(drawn.held_out[parts[0]])
    wanted = full if short else sizes[parts[0]]
    raise gate_failed(
        "too_few_samples",
        f"{source} has {counts.distinct} samples that can be drawn ({counts.read} rows, "
        f"{counts.blank} blank, {counts.repeated} repeated), so that {name} has {has} of {wanted}. "
        f"{full + asked.others} are needed: {full} for calibration, and {asked.others} that are "
        "dealt in turn to the three held-out sets.",
        file=source,
        next_step="Lower full_samples or held_out.sizes in the config in conf/dataset/, or give "
        "more data.",
    )


def _blank(sample: Found, source: str) -> RunnerError:
    return unreadable(
        source,
        f"sample {sample.where}",
        "has no text",
        "Take it out, or write empty_rows: skip in the config in conf/dataset/, and such rows are "
        "left out and counted.",
    )
