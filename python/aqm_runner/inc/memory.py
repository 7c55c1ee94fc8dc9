"""How much memory this process holds."""

import os
from pathlib import Path


def resident() -> int | None:
    """Returns the resident bytes of this process now; None where Linux's /proc is missing."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return None
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
