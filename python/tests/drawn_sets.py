"""Runs of text_sample and table_sample, and what they wrote, for the tests of both."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import FakeContext, place, run_op

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.calibration.sample_writing import SampleRow

SETS = ("calibration", "small", "medium", "large", "search", "confirm", "report")
HELD_OUT = SETS[4:]
DRAWING: dict[str, Any] = {
    "samples": 12,
    "seed": 42,
    "sizes": {"small": 2, "medium": 6, "large": 12},
    "held_out": {"seed": 7, "sizes": {"search": 3, "confirm": 4, "report": 2}},
    "rows": "one",
    "empty_rows": "refuse",
}
# As many as DRAWING takes: the sets are dealt in turn, the fourth of confirm is the eleventh.
NEEDED = 12 + 11
TEXTS = [f"Text number {n} says something of its own." for n in range(40)]


def asking(op: str, kind: str, source: Path, content: dict[str, str] | None, **changes: Any):
    """Returns params and inputs of a run on a file or a folder."""
    where = "folder" if source.is_dir() else "file"
    own = {"split": None} if op == "table_sample" else {}
    # As the rule has it: blank lines stand between texts.
    own |= DRAWING | ({"empty_rows": "skip"} if kind == "lines" else {})
    params = {"kind": kind, "place": where, "content": content, **own, **changes}
    return params, {where: source}


@dataclass(frozen=True)
class Made:
    """What a run wrote: rows and meta table by set, facts and warnings."""

    folder: Path
    facts: dict[str, Any]
    warnings: list[str]

    def rows(self, name: str) -> list[SampleRow]:
        return read_rows(place(self.folder / name, "file"))[0]

    def texts(self, name: str) -> list[str]:
        return [row.caption for row in self.rows(name)]

    def meta(self, name: str) -> dict[str, str]:
        return read_rows(place(self.folder / name, "file"))[1] or {}

    def all_texts(self) -> dict[str, list[str]]:
        return {name: self.texts(name) for name in SETS}


def drawn(
    op: str,
    kind: str,
    source: Path,
    output: Path,
    content: dict[str, str] | None = None,
    **changes: Any,
) -> Made:
    params, inputs = asking(op, kind, source, content, **changes)
    context = FakeContext()
    return Made(output, run_op(op, params, inputs, output, context), context.warnings)


def write_json_lines(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": f"{text} Yes."}]
