"""The folder that all workspaces of a user share.

The function `cacheFolder` in src/host/python/ says the same for TypeScript.
"""

import json
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


def compiled_folders() -> list[str]:
    """Returns the folders of what was compiled on this machine: AQM_CACHES, a list in JSON."""
    return [str(each) for each in json.loads(os.environ.get("AQM_CACHES") or "[]")]
