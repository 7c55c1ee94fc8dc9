import pytest

from aqm_runner.runner.errors import classify, error_fields, exit_code, print_traceback
from aqm_runner.runner.failures import gate_failed


class OutOfMemoryError(RuntimeError):
    """Named as torch names it."""


def wrapped(inner: BaseException) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            raise RuntimeError("AutoQuantize: Error while calling `backward()`") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "class_", "code", "retryable"),
    [
        (OutOfMemoryError("CUDA out of memory."), "out_of_memory", 4, False),
        (MemoryError(), "out_of_memory", 4, False),
        (RuntimeError("CUDA error: unspecified launch failure"), "device_lost", 5, True),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "device_lost", 5, True),
        (RuntimeError("CUDA error: device-side assert triggered"), "bug", 5, False),
        (gate_failed("all_zero", "Nothing."), "gate_failed", 3, False),
        (KeyError("x"), "bug", 5, False),
    ],
)
def test_causes_decide_the_class_however_libraries_wrap_them(error, class_, code, retryable):
    for outer in (error, wrapped(error)):
        found = classify(outer)
        assert (found.class_, exit_code(found.class_), found.retryable) == (class_, code, retryable)


def test_a_bug_comes_with_its_traceback_and_a_foreseen_failure_without(capsys):
    fields = error_fields(wrapped(KeyError("x")), "j", "a")
    assert "AutoQuantize" in fields["traceback"]
    print_traceback(fields)  # a job prints to its log, which the message of a failure names
    assert capsys.readouterr().err == fields["traceback"]
    foreseen = error_fields(gate_failed("r", "m"), "j", "a")
    assert foreseen["traceback"] is None
    print_traceback(foreseen)
    assert capsys.readouterr().err == ""


def test_no_message_and_no_traceback_has_a_password():
    error = ValueError("nonnumeric port in https://user:secret@host/x")
    fields = error_fields(error, None, None)
    assert "secret" not in fields["message"] + fields["traceback"]
    assert "https://***@host/x" in fields["traceback"]
