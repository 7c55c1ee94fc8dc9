"""How an op fails: one exception that carries all that an `error` event says."""

BAD_REQUEST = "bad_request"
GATE_FAILED = "gate_failed"
UNSUPPORTED_HERE = "unsupported_here"
OUT_OF_MEMORY = "out_of_memory"
DEVICE_LOST = "device_lost"
CANCELLED = "cancelled"
BUG = "bug"


class RunnerError(Exception):
    """A failure that was foreseen.

    Args:
        class_: One of the classes above; decides the exit code and whether a scheduler retries.
        reason: Name of the cause in snake_case; tests and users match on it.
        message: What went wrong, in a sentence.
        file: Workspace-relative name of the file at fault.
        next_step: What a person can do about it.
        retryable: Whether the same request may succeed on another device or a moment later.
    """

    def __init__(
        self,
        class_: str,
        reason: str,
        message: str,
        *,
        file: str | None = None,
        next_step: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.class_ = class_
        self.reason = reason
        self.message = message
        self.file = file
        self.next_step = next_step
        self.retryable = retryable


def bad_request(reason: str, message: str, **more: str) -> RunnerError:
    """Returns the error of a request that can never succeed as it is written."""
    return RunnerError(BAD_REQUEST, reason, message, **more)


def gate_failed(reason: str, message: str, **more: str) -> RunnerError:
    """Returns the error of a result, or an input, that must not be trusted."""
    return RunnerError(GATE_FAILED, reason, message, **more)


def unsupported_here(reason: str, message: str, **more: str) -> RunnerError:
    """Returns the error of a request that needs another device or environment."""
    return RunnerError(UNSUPPORTED_HERE, reason, message, **more)
