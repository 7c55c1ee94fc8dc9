"""Where aqm keeps what all workspaces of a user share; src/host/python-install.ts says the same."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Returns AQM_CACHE, else `aqm` in XDG_CACHE_HOME, else in ~/.cache."""
    own = os.environ.get("AQM_CACHE")
    if own:
        return Path(own)
    xdg = os.environ.get("XDG_CACHE_HOME")
    return Path(xdg or Path.home() / ".cache") / "aqm"


def downloads_folder() -> Path:
    """Returns the folder of what was fetched, whole or in part."""
    return cache_folder() / "downloads"
