"""Runs one command and says what it took: `spawn.py LIMIT_SECONDS LOG COMMAND…`.

Node cannot ask for the resources of one child, wait4 can. The clock runs from just before the start to
just after the end, so the time of this process is not in it. One line of JSON goes to descriptor 3.
"""

import json
import os
import signal
import sys
import time

limit, log, *command = sys.argv[1:]
os.set_inheritable(3, False)
child = 0
timed_out = False


def end(signum, _frame):
    global timed_out
    timed_out = timed_out or signum == signal.SIGALRM
    if child:
        os.killpg(child, signal.SIGKILL)


def io_of(process):
    """Bytes that it and the children it waited for read: all calls, and those that reached a disk."""
    try:
        with open(f"/proc/{process}/io") as file:
            fields = dict(line.split(": ") for line in file.read().splitlines())
        return int(fields["rchar"]), int(fields["read_bytes"])
    except OSError:
        return None, None


for signum in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
    signal.signal(signum, end)
output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
files = [
    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    (os.POSIX_SPAWN_DUP2, output, 1),
    (os.POSIX_SPAWN_DUP2, output, 2),
]
signal.alarm(int(limit))
begin = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ, file_actions=files, setpgroup=0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # a zombie still has its counters
seconds = time.monotonic() - begin
signal.alarm(0)
read, read_from_disk = io_of(child)
_, status, used = os.wait4(child, 0)
finished = {
    "code": os.waitstatus_to_exitcode(status),
    "timedOut": timed_out,
    "seconds": seconds,
    "cpuSeconds": used.ru_utime + used.ru_stime,
    # Of the biggest process. Not below that of this interpreter, which the child briefly shares.
    "peakBytes": used.ru_maxrss * 1024,
    "readBytes": read,
    "diskReadBytes": read_from_disk,
}
os.write(3, json.dumps(finished).encode())
