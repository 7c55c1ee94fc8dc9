"""A judged model beside what the unquantized one said of held-out data."""

from collections.abc import Mapping
from typing import Any

from aqm_runner.model.batches import Batch
from aqm_runner.modelopt.quality.judging import control_differs, load_judged
from aqm_runner.modelopt.recipes import Format
from aqm_runner.quality.held_out import HeldOut
from aqm_runner.quality.measuring import Measurement
from aqm_runner.quality.tokens import TokenFigures


class MeasuredModel:
    """Loads a model, looks at it unquantized, calibrates it, and then measures plans.

    Args:
        context: Gets the phases `load` and `calibrate`.
        params: `scope`, `dtype` and `include_lm_head`.
        inputs: `checkpoint`.
        formats: The candidates.
        calibration: Batches to find ranges on.
        sets: What plans are measured on, by name.

    Attributes:
        judged: The model.
        sets: As given.
        measurements: By name of the set; each has looked at the unquantized model.

    Raises:
        RunnerError: gate_failed `control_differs` where the model says something else with all
            groups at NONE than as it was loaded; what `load_judged` raises.
    """

    def __init__(
        self,
        context: Any,
        params: dict[str, Any],
        inputs: dict[str, Any],
        formats: list[Format],
        calibration: list[Batch],
        sets: Mapping[str, HeldOut],
    ) -> None:
        checkpoint = inputs["checkpoint"].name
        self.sets = sets
        self.measurements = {name: Measurement(each, context.device) for name, each in sets.items()}

        def look(model: Any) -> None:
            for measurement in self.measurements.values():
                measurement.look_at_unquantized(model, checkpoint)

        self.judged = load_judged(context, params, inputs, formats, calibration, look)
        model = self.judged.model
        self.judged.keep_blocks(sum(each.block_bytes(model) for each in self.measurements.values()))
        for name in sets:
            largest = float(abs(self._measured(name).kl).max())
            if largest != 0:
                how = f"largest divergence of a token: {largest:.3g} nats"
                raise control_differs(checkpoint, how)

    def measure(self, name: str, formats: Mapping[str, str]) -> TokenFigures:
        """Returns what a plan says of a set; `formats` has the format of each group."""
        self.judged.choose(formats)
        return self._measured(name)

    def close(self) -> None:
        """Lets go of what is held besides the model."""
        self.judged.close()

    def _measured(self, name: str) -> TokenFigures:
        return self.measurements[name].measure(self.judged.model, self.judged.blocks.compute)
