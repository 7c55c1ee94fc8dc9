"""Ranges are checked once, after all data was seen, and not at each tensor.

ModelOpt 0.47.0 asks after every tensor whether its largest value is a number. The host waits for
the device three times for each layer of each batch, which takes longer than the layers do. A value
that is no number, or infinite, stays so in the range of all tensors: asking later misses nothing.
"""

import contextlib
from collections.abc import Iterator

import torch
from modelopt.torch.quantization import utils
from modelopt.torch.quantization.calib import MaxCalibrator


@contextlib.contextmanager
def checked_once() -> Iterator[None]:
    """Takes the place of `MaxCalibrator.collect` for a while.

    Raises AssertionError in the words of ModelOpt if a range is no finite number.
    """
    original = MaxCalibrator.collect
    seen: dict[MaxCalibrator, None] = {}

    @torch.no_grad()
    def collect(calibrator: MaxCalibrator, tensor: torch.Tensor) -> None:
        axis = utils.convert_quantization_axis_to_reduce_axis(tensor, calibrator._axis)
        largest = utils.reduce_amax(tensor, axis=axis).detach()
        known = calibrator._calib_amax
        if known is not None:
            if known.shape != largest.shape:
                raise RuntimeError("amax shape changed!")
            largest = torch.max(known, largest)
        calibrator._calib_amax = largest
        seen[calibrator] = None

    MaxCalibrator.collect = collect  # type: ignore[method-assign]
    try:
        yield
    finally:
        MaxCalibrator.collect = original  # type: ignore[method-assign]
    for calibrator in seen:
        range_ = calibrator._calib_amax
        assert not torch.any(torch.isnan(range_)), "detected nan values in amax"
        assert not torch.any(torch.isinf(range_)), "detected inf values in amax"
