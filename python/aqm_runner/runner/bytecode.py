"""Keeps the bytecode of libraries that have none, for an interpreter that the user named.

Python compiles a module whose bytecode it does not find, and does so again in each process that may
not write beside the sources: 15 s instead of 5 for the modules of PyTorch, transformers and
ModelOpt. Environments that aqm makes have bytecode from their installation. A named interpreter may
lack it, and may lie where nothing can be written, so what is compiled for it goes into the folder
that AQM_BYTECODE names. Folders of sources that have bytecode are left to Python.

Modules of aqm are compiled each time. Python takes bytecode for that of a source by the time and
the size of the file, and all files of an npm package have the same time: another version of aqm
might be taken for the old one.
"""

import os
import sys
import threading
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

PACKAGE = Path(__file__).parent.parent


def bytecode_folder() -> str | None:
    """Returns the folder for bytecode; None if none is named."""
    return os.environ.get("AQM_BYTECODE") or None


def keep_bytecode() -> None:
    """From now on keeps the bytecode of imported libraries, if a folder for it is named.

    Where the folder cannot be written, modules are compiled, as they would be without it.
    """
    if bytecode_folder() is None or _finder in sys.path_hooks:
        return
    sys.path_hooks.insert(0, _finder)
    sys.path_importer_cache.clear()


class _Kept(SourceFileLoader):
    """Loads a module from the bytecode that is kept, or keeps it."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Returns the module's code; none of it runs in here, so no other import is concerned."""
        with _lock:
            before = sys.pycache_prefix, sys.dont_write_bytecode
            sys.pycache_prefix, sys.dont_write_bytecode = bytecode_folder(), False
            try:
                return super().get_code(fullname)
            finally:
                sys.pycache_prefix, sys.dont_write_bytecode = before


# Of two threads that import, the second would take the setting of the first for that of Python, and
# leave it behind: modules of aqm would be kept as well from then on.
_lock = threading.RLock()


def _finder(folder: str) -> Any:
    # A folder that may not be looked into is none for Python; Path.is_dir would raise.
    there = os.path.isdir(folder)  # noqa: PTH112
    if not there or Path(folder).is_relative_to(PACKAGE) or _has_bytecode(folder):
        raise ImportError(f"{folder} is left to Python", path=folder)
    return FileFinder(
        folder,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_Kept, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )


def _has_bytecode(folder: str) -> bool:
    """Returns whether modules in a folder of sources were compiled for this Python."""
    try:
        return any(Path(folder, "__pycache__").glob(f"*.{sys.implementation.cache_tag}*.pyc"))
    except OSError:
        return False
