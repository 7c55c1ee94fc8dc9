"""One job of measured search: from a request to the document of what it found."""

import contextlib
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.model.determinism import device_kind, make_deterministic
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.quality.devices.others import Others
from aqm_runner.modelopt.quality.devices.replica import Begin
from aqm_runner.modelopt.quality.judging import check_asked, unfilled_memory
from aqm_runner.modelopt.quality.measured_model import MeasuredModel
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.bootstrap import CONFIDENCE
from aqm_runner.quality.figures import Intervals, single_figure
from aqm_runner.quality.held_out import LEAST_SAMPLES, LEAST_TO_JUDGE, HeldOut
from aqm_runner.quality.material import intervals_of, read_confirming, read_material
from aqm_runner.quality.measuring import non_finite_logits
from aqm_runner.quality.plans import NONE, check_plans
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.search.document import search_document
from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Formats, Ledger, Set
from aqm_runner.search.problem import Problem
from aqm_runner.search.reading import read_problem
from aqm_runner.search.searching import check_bound, search

OP = "measured_search"


def search_plan(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the document of a search; returns facts.

    Args:
        context: Gets phases, steps and warnings; `partials` keeps what was measured.
        params: Of the op.
        inputs: Of the op.
        outputs: `search`.

    Raises:
        RunnerError: See the op.
    """
    formats = check_asked(context, params, inputs)
    problem, most = read_problem(inputs["problem"]), params["measurements"]
    check_bound(problem, most, inputs["problem"])
    make_deterministic(context.device)
    # Other processes read, load and calibrate while this one does.
    others = Others(context, Begin(params, inputs, _read), len(context.replicas))
    calibration, sets = _read(context, params, inputs)
    measuring = _Measuring(context, params, inputs["problem"], problem, sets, others)
    at_once = 1 + len(context.replicas)
    ledger = Ledger(problem, measuring, most, context.step, at_once, measuring.expect)
    with unfilled_memory(), contextlib.closing(measuring):
        measuring.begin(inputs, formats, calibration)
        context.phase("search", most)
        found = search(problem, ledger, params["seed"])
    versions = {"modelopt": metadata.version("nvidia-modelopt")}
    text = search_document(
        OP,
        params,
        {name: _data(held_out) for name, held_out in sets.items()},
        environment_of(context.device, params, versions),
        problem,
        ledger,
        found,
    )
    outputs["search"].create().write_bytes(text.encode())
    return {
        "device_kind": device_kind(context.device),
        "groups": len(problem.groups),
        "measured": ledger.measured,
        "moves_kept": len(found.steps),
        "exhausted": found.exhausted,
        "search_samples": len(sets[SEARCH].sample_tokens),
        "search_tokens": sets[SEARCH].tokens,
        "confirm_samples": len(sets[CONFIRM].sample_tokens),
        "confirm_tokens": sets[CONFIRM].tokens,
    }


def _read(
    context: Any, params: dict[str, Any], inputs: dict[str, Place]
) -> tuple[list[Batch], dict[Set, HeldOut]]:
    """Returns the calibration data and both sets; see `replica.Read`."""
    material = read_material(context, params, inputs)
    goal = read_problem(inputs["problem"]).goal
    least = LEAST_SAMPLES if goal is None else LEAST_TO_JUDGE
    confirming = read_confirming(context, params, inputs, least)
    return material.calibration, {SEARCH: material.held_out, CONFIRM: confirming}


class _Measuring:
    """Measures plans of a problem, or takes what a former run has measured of them.

    Args:
        context: Of the run.
        params: Of the op.
        place: Of the problem, for messages.
        problem: Whose plans are measured.
        sets: What they are measured on.
        others: Processes that measure plans as well.
    """

    def __init__(
        self,
        context: Any,
        params: dict[str, Any],
        place: Place,
        problem: Problem,
        sets: dict[Set, HeldOut],
        others: Others,
    ) -> None:
        self._context = context
        self._params = params
        self._place = place
        self._problem = problem
        self._sets = sets
        self._others = others
        self._expected: list[tuple[Set, Formats]] = []

    def begin(
        self, inputs: dict[str, Place], formats: list[Format], calibration: list[Batch]
    ) -> None:
        """Loads, looks at the unquantized model, calibrates; checks control and problem.

        Raises:
            RunnerError: What `MeasuredModel` and `check_plans` raise.
        """
        self._model = MeasuredModel(
            self._context, self._params, inputs, formats, calibration, self._sets
        )
        judged = self._model.judged
        candidates = [each["name"] for each in self._params["candidates"]]
        check_plans(self._problem.plans(), judged.groups, judged.layers, candidates, self._place)

    def close(self) -> None:
        """Gives back the memory of the model and of what was kept beside it."""
        if hasattr(self, "_model"):
            self._model.close()
            del self._model
        release_memory(self._context.device)

    def expect(self, set_: Set, plans: list[Formats]) -> None:
        """Notes which plans may be asked for after the next one."""
        self._expected = [(set_, formats) for formats in plans]

    def __call__(self, set_: Set, formats: Formats) -> Figure:
        """Returns the figure of a plan on a set; on `confirm` with its interval."""
        item = _item(set_, formats)
        value = self._context.partials.get(item)
        if value is None:
            value = self._measure(set_, formats)
            self._context.partials.put(item, value)
        return Figure(**value)

    def _measure(self, set_: Set, formats: Formats) -> dict[str, float]:
        item = _item(set_, formats)
        if not self._others.was_asked(item):
            # This process is busy for as long as a measurement takes.
            self._ask_ahead()
        found: dict[str, float] = self._others.take(
            item, self._question(set_, formats), self._model
        )
        return found

    def _ask_ahead(self) -> None:
        """Asks each idle process for a plan that may come next."""
        for set_, formats in self._expected:
            if not self._others.can_take(1):
                return
            item = _item(set_, formats)
            if not self._others.was_asked(item):
                self._others.ask(item, self._question(set_, formats))

    def _question(self, set_: Set, formats: Formats) -> "FigureQuestion":
        goal = self._problem.goal
        confidence = CONFIDENCE if goal is None else goal.confidence
        names = [group.name for group in self._problem.groups]
        kept = dict.fromkeys(self._problem.kept, NONE)
        return FigureQuestion(
            set_,
            dict(zip(names, formats, strict=True)) | kept,
            "kl" if goal is None else goal.figure,
            intervals_of(self._params),
            confidence if set_ == CONFIRM else None,
            self._place.name,
        )


@dataclass(frozen=True)
class FigureQuestion:
    """The figure of a plan on a set; see `replica.Question`.

    Attributes:
        set_: Name of the set.
        formats: Name of each group and of its format.
        figure: Which figure.
        intervals: How intervals are made.
        confidence: Of the interval; None: there is none.
        file: The problem's name, for messages.
    """

    set_: Set
    formats: dict[str, str]
    figure: str
    intervals: Intervals
    confidence: float | None
    file: str

    def answer(self, model: MeasuredModel) -> dict[str, float]:
        """Returns the figure as `single_figure` does; raises gate_failed `non_finite_logits`."""
        tokens = model.measure(self.set_, self.formats)
        if not tokens.finite:
            used = sorted({*self.formats.values()} - {NONE})
            raise non_finite_logits(f"a plan of {', '.join(used)}", self.file)
        return single_figure(
            self.figure,
            tokens,
            model.measurements[self.set_].loss,
            model.sets[self.set_].sample_tokens,
            self.intervals,
            self.confidence,
        )


def _item(set_: Set, formats: Formats) -> str:
    """Returns what a measurement is called among partial results."""
    return f"{set_}: {' '.join(formats)}"


def _data(held_out: HeldOut) -> dict[str, int]:
    return {
        "samples": len(held_out.sample_tokens),
        "tokens": held_out.tokens,
        "batches": len(held_out.batches),
    }
