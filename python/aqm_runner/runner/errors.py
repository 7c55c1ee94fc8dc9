"""From any exception to the fields of an `error` event and the process's exit code."""

import sys
import traceback
from typing import Any

from aqm_runner.runner.classify import classify
from aqm_runner.runner.failures import BAD_REQUEST, CANCELLED, GATE_FAILED, OUT_OF_MEMORY
from aqm_runner.runner.secrets import without_secrets

EXIT_CODES = {BAD_REQUEST: 2, GATE_FAILED: 3, OUT_OF_MEMORY: 4, CANCELLED: 130}
EXIT_OTHER = 5


def exit_code(class_: str) -> int:
    """Returns the exit code that stands for an error class."""
    return EXIT_CODES.get(class_, EXIT_OTHER)


def error_fields(error: BaseException, job: str | None, action: str | None) -> dict[str, Any]:
    """Returns the fields of the `error` event for an exception."""
    known = classify(error)
    return {
        "job": job,
        "action": action,
        "class": known.class_,
        "reason": known.reason,
        "message": without_secrets(known.message),
        "file": known.file,
        "next_step": known.next_step,
        "retryable": known.retryable,
        "traceback": None
        if error is known
        else without_secrets(
            "".join(traceback.format_exception(type(error), error, error.__traceback__))
        ),
    }


def print_traceback(fields: dict[str, Any]) -> None:
    """Prints the traceback of `error_fields`, if there is one, into the log of the job."""
    if fields["traceback"] is not None:
        sys.stderr.write(fields["traceback"])
        sys.stderr.flush()
