"""From any exception to the foreseen failure that it amounts to."""

import traceback

from aqm_runner.runner.failures import BUG, DEVICE_LOST, OUT_OF_MEMORY, RunnerError

# Texts of CUDA failures after which another device, or the same one reset, may well succeed.
LOST = (
    "device is lost",
    "gpu is lost",
    "fallen off the bus",
    "cuda error: unspecified launch failure",
    "cuda error: uncorrectable ecc error",
    "cuda error: hardware stack error",
    "cuda error: all cuda-capable devices are busy or unavailable",
    "cuda error: the launch timed out",
    "cuda error: system not yet initialized",
    "cuda error: no cuda-capable device is detected",
    "cuda error: unknown error",
)


def classify(error: BaseException) -> RunnerError:
    """Returns the RunnerError that an exception amounts to; libraries wrap, so causes count."""
    chain = _chain(error)
    for link in chain:
        if isinstance(link, RunnerError):
            return link
    for link in chain:
        text = str(link).lower()
        # By name: torch may not be imported, and its class moved between modules over time.
        if type(link).__name__ == "OutOfMemoryError" or isinstance(link, MemoryError):
            return RunnerError(
                OUT_OF_MEMORY,
                "out_of_memory",
                f"Not enough memory: {_first_line(link)}",
                next_step="Use a smaller batch size or a device with more memory.",
            )
        if any(sign in text for sign in LOST):
            return RunnerError(
                DEVICE_LOST,
                "device_lost",
                f"The device failed: {_first_line(link)}",
                next_step="Retry on another device; check the driver's log on this host.",
                retryable=True,
            )
    return RunnerError(
        BUG,
        "unforeseen",
        f"{type(error).__name__}: {_first_line(error)}",
        next_step="Read the job's log; report it with the traceback if the cause is not there.",
    )


def let_go(error: BaseException) -> None:
    """Empties the frames that an exception went through: their variables may hold a model."""
    for link in _chain(error):
        traceback.clear_frames(link.__traceback__)


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
