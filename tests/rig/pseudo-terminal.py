"""Runs a command in a pseudo-terminal, types when it says what is waited for, tells what it showed.

python3 pseudo-terminal.py STEPS COMMAND...

STEPS is a JSON list of pairs: what is waited for, which has to come after what was there when
something was typed last, and what is typed then. Prints JSON: the exit code (of a signal its
negative number), all output, whether the terminal is left as it was found (lines, echo, signals),
and the steps that nothing came for. A command that waits for ever is killed after HANGS seconds.
"""

import fcntl
import json
import os
import pty
import select
import signal
import sys
import termios
import time

MODES = 3  # of a terminal's attributes those that say whether it reads lines, echoes, signals


HANGS = 300  # far longer than any command takes on a busy machine


def main() -> None:
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)[MODES]
    child = os.fork()
    if child == 0:
        take(theirs)
        os.execvp(command[0], command)
    # The other end stays open here, so that the terminal can be looked at after the command's end.
    os.set_blocking(ours, False)
    shown, typed_at, code, begun = b"", 0, None, time.monotonic()
    while code is None:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
        else:
            if time.monotonic() - begun > HANGS:
                os.kill(child, signal.SIGKILL)
            select.select([ours], [], [], 0.05)
        shown += read(ours)
        if steps and steps[0][0].encode() in shown[typed_at:]:
            typed_at = len(shown)
            os.write(ours, steps.pop(0)[1].encode())
    restored = termios.tcgetattr(theirs)[MODES] == before
    said = {"code": code, "shown": shown.decode(), "restored": restored, "left": steps}
    print(json.dumps(said))


def take(terminal: int) -> None:
    """Makes the terminal the one that this process is controlled by, and its standard streams."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(terminal, stream)


def read(descriptor: int) -> bytes:
    """Returns all that is there to be read now."""
    found = b""
    while True:
        try:
            part = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return found
        found += part


main()
