"""One job of measured search: from a request to the document of what it found."""

import contextlib
from importlib import metadata
from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.model.determinism import device_kind, make_deterministic
from aqm_runner.model.placement import release_memory
from aqm_runner.modelopt.quality.judging import (
    check_asked,
    control_differs,
    load_judged,
    unfilled_memory,
)
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.bootstrap import CONFIDENCE
from aqm_runner.quality.figures import Intervals, single_figure
from aqm_runner.quality.held_out import LEAST_SAMPLES, LEAST_TO_JUDGE, HeldOut
from aqm_runner.quality.material import read_confirming, read_material
from aqm_runner.quality.measuring import Measurement, non_finite_logits
from aqm_runner.quality.plans import NONE, check_plans
from aqm_runner.runner.places import Place
from aqm_runner.scoring.document import environment_of
from aqm_runner.search.document import search_document
from aqm_runner.search.ledger import CONFIRM, SEARCH, Figure, Ledger, Set
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
    material = read_material(context, params, inputs)
    least = LEAST_SAMPLES if problem.goal is None else LEAST_TO_JUDGE
    confirming = read_confirming(context, params, inputs, least)
    sets = {SEARCH: material.held_out, CONFIRM: confirming}
    measuring = _Measuring(context, params, inputs["problem"], problem, sets, material.intervals)
    ledger = Ledger(problem, measuring, most, context.step)
    with unfilled_memory(), contextlib.closing(measuring):
        measuring.begin(inputs, formats, material.calibration)
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


class _Measuring:
    """Measures plans of a problem, or takes what a former run has measured of them.

    Args:
        context: Of the run.
        params: Of the op.
        place: Of the problem, for messages.
        problem: Whose plans are measured.
        sets: What they are measured on.
        intervals: How intervals are made.
    """

    def __init__(
        self,
        context: Any,
        params: dict[str, Any],
        place: Place,
        problem: Problem,
        sets: dict[Set, HeldOut],
        intervals: Intervals,
    ) -> None:
        self._context = context
        self._params = params
        self._place = place
        self._problem = problem
        self._sets = sets
        self._intervals = intervals
        self._measurements: dict[Set, Measurement] = {}

    def begin(
        self, inputs: dict[str, Place], formats: list[Format], calibration: list[Batch]
    ) -> None:
        """Loads, looks at the unquantized model, calibrates; checks control and problem.

        Raises:
            RunnerError: gate_failed `control_differs`, and what `load_judged` and `check_plans`
                raise.
        """
        context, params, checkpoint = self._context, self._params, inputs["checkpoint"].name
        found = {name: Measurement(each, context.device) for name, each in self._sets.items()}
        self._measurements = found

        def look(model: Any) -> None:
            for measurement in found.values():
                measurement.look_at_unquantized(model, checkpoint)

        self._judged = load_judged(context, params, inputs, formats, calibration, look)
        judged = self._judged
        judged.keep_blocks(sum(each.block_bytes(judged.model) for each in found.values()))
        for measurement in found.values():
            tokens = measurement.measure(judged.model, judged.blocks.compute)
            largest = float(abs(tokens.kl).max())
            if largest != 0:
                how = f"largest divergence of a token: {largest:.3g} nats"
                raise control_differs(checkpoint, how)
        candidates = [each["name"] for each in params["candidates"]]
        groups, layers = self._judged.groups, self._judged.layers
        check_plans(self._problem.plans(), groups, layers, candidates, self._place)

    def close(self) -> None:
        """Gives back the memory of the model and of what was kept beside it."""
        if hasattr(self, "_judged"):
            self._judged.close()
            del self._judged
        self._measurements = {}
        release_memory(self._context.device)

    def __call__(self, set_: Set, formats: tuple[str, ...]) -> Figure:
        """Returns the figure of a plan on a set; on `confirm` with its interval."""
        item = f"{set_}: {' '.join(formats)}"
        value = self._context.partials.get(item)
        if value is None:
            value = self._measure(set_, formats)
            self._context.partials.put(item, value)
        return Figure(**value)

    def _measure(self, set_: Set, formats: tuple[str, ...]) -> dict[str, float]:
        names = [group.name for group in self._problem.groups]
        kept = dict.fromkeys(self._problem.kept, NONE)
        self._judged.choose(dict(zip(names, formats, strict=True)) | kept)
        measurement = self._measurements[set_]
        tokens = measurement.measure(self._judged.model, self._judged.blocks.compute)
        if not tokens.finite:
            used = sorted({*formats} - {NONE})
            raise non_finite_logits(f"a plan of {', '.join(used)}", self._place.name)
        goal = self._problem.goal
        confidence = CONFIDENCE if goal is None else goal.confidence
        return single_figure(
            "kl" if goal is None else goal.figure,
            tokens,
            measurement.loss,
            self._sets[set_].sample_tokens,
            self._intervals,
            confidence if set_ == CONFIRM else None,
        )


def _data(held_out: HeldOut) -> dict[str, int]:
    return {
        "samples": len(held_out.sample_tokens),
        "tokens": held_out.tokens,
        "batches": len(held_out.batches),
    }
