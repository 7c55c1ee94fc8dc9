"""The other process that has vLLM, as seen from the op."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from select import select
from types import TracebackType
from typing import Any, Self

from aqm_runner.runner.failures import RunnerError, gate_failed, unsupported_here
from aqm_runner.serving.child import main
from aqm_runner.serving.device import Device

_PROGRAM = f"""
import sys
sys.path[:] = {{path!r}}
from {main.__module__} import main
main(sys.argv[1:])
"""
_KILLED = -9


class Server:
    """vLLM in a process of its own, for one device; it is started with the first question.

    Args:
        context: Of the op: a long answer must not keep a cancelled job.
        device: Where vLLM is to believe that it runs.
        param: The op's param that says so.
    """

    def __init__(self, context: Any, device: Device, param: dict[str, Any]) -> None:
        self._context = context
        self._device = device
        self._param = param
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: Any = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.described: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def ask(self, folder: Path, simulated: dict[str, str] | None) -> dict[str, Any]:
        """Returns what `levels.check` says of a folder, on a GPU with answers.

        Raises:
            RunnerError: unsupported_here `vllm_does_not_start`; gate_failed `vllm_died` where the
                process ended over this folder, after which the next question starts another one.
        """
        if self._process is None:
            self._start()
        question = json.dumps({"folder": str(folder), "simulated": simulated})
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: reading says so
        answer = self._read()
        if answer is None:
            raise self._died(folder)
        return answer

    def _start(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="aqm-serving-")
        scratch = Path(self._scratch.name)
        environment = os.environ | self._device.variables(scratch)
        reading, writing = os.pipe()
        program = _PROGRAM.format(path=sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, json.dumps(self._param), str(writing)],
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            pass_fds=[writing],
            env=environment,
            cwd=scratch,
        )
        os.close(writing)
        self._answers = os.fdopen(reading, "rb")
        ready = self._read()
        if ready is None:
            code = self._end()
            raise unsupported_here(
                "vllm_does_not_start",
                f"vLLM does not start for the device {self._device.label} (exit {code}).",
                next_step="Look into the log; `aqm environment vllm` makes its environment again "
                "where that was deleted.",
            )
        self.described = ready["ready"]

    def _read(self) -> dict[str, Any] | None:
        """Returns the next answer; None where the process has ended."""
        while True:
            self._context.check_cancelled()
            if select([self._answers], [], [], 0.5)[0]:
                line = self._answers.readline()
                return json.loads(line) if line.endswith(b"\n") else None

    def _died(self, folder: Path) -> RunnerError:
        code = self._end()
        killed = " It was killed: the memory may have run out." if code == _KILLED else ""
        return gate_failed(
            "vllm_died",
            f"vLLM ended over {folder.name} without an answer (exit {code}).{killed}",
            next_step="Look into the log for what vLLM said last.",
        )

    def _end(self) -> int | None:
        """Ends the process; returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        try:
            code = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._answers.close()
        if self._scratch is not None:
            self._scratch.cleanup()
        return code
