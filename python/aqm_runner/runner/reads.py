"""Which files of the workspace an action read without having declared them.

An audit hook sees every file that Python opens, every folder that it lists and every database that
it connects to. Native code that opens files itself is not seen (a checkpoint that safetensors maps
in Rust), nor are other programs that an op starts; forked children of the runner are.
"""

# Text instead of Path objects, since this runs for every file that the process opens.
# ruff: noqa: PTH100, PTH109, PTH112, PTH113, PTH115

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aqm_runner.runner.cache import compiled_folders, downloads_folder
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

PACKAGE = Path(__file__).resolve().parent.parent
NAMED = 5  # how many files an error names


class ReadGuard:
    """Watches the reads of one action after the other. A hook cannot be removed: make one guard."""

    def __init__(self) -> None:
        self._watch: _Watch | None = None
        sys.addaudithook(self._hear)

    def begin(self, workspace: Path, declared: Iterable[Place]) -> None:
        """Starts to watch.

        Below `workspace` only what lies in a declared place may be read, and of a folder that is
        taken in part only what its patterns take.
        """
        self.end()
        self._watch = _Watch(str(workspace), list(declared))

    def so_far(self) -> list[str]:
        """Returns the undeclared files that were read until now, and goes on watching."""
        return [] if self._watch is None else self._watch.found()

    def end(self) -> list[str]:
        """Stops to watch; returns the undeclared files, workspace-relative, sorted."""
        watch, self._watch = self._watch, None
        return [] if watch is None else watch.close()

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Every call of `open` in this process comes through here, so most must leave at once.
        if self._watch is None:
            return
        look = LOOKS.get(event)
        if look is not None:
            with contextlib.suppress(OSError, ValueError, TypeError):
                look(self._watch, *arguments)


def undeclared_read(op: str, files: list[str]) -> RunnerError:
    """Returns the failure of the gate `undeclared_read`."""
    more = f", and {len(files) - NAMED} more" if len(files) > NAMED else ""
    one = len(files) == 1
    return gate_failed(
        "undeclared_read",
        f"{op} read {', '.join(files[:NAMED])}{more}, which {'is' if one else 'are'} no declared "
        f"input of this action: its result would not be made again when "
        f"{'that changes' if one else 'they change'}.",
        file=files[0],
        next_step=f"Declare {'it' if one else 'them'} as {'an input' if one else 'inputs'} in the "
        f"rule, or have the op read only what it is given.",
    )


class _Watch:
    """What was seen during one action. Decides at once, since files come and go."""

    def __init__(self, workspace: str, declared: list[Place]) -> None:
        self._roots = _both(workspace)
        # What Python and its libraries read for themselves; the runner may live in the workspace.
        listed = [entry or os.getcwd() for entry in sys.path]
        self._listed = {path for entry in listed for path in _both(entry)}
        libraries = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *listed]
        own = {str(PACKAGE.parent), *_both(str(PACKAGE.parent))}
        allowed = [
            *(str(place.path) for place in declared if place.include is None),
            str(PACKAGE),
            str(downloads_folder()),  # what lies there is checked against a digest when it is taken
            *compiled_folders(),
            *(f"{root}/.aqm" for root in self._roots),
            *(path for path in libraries if path not in own and not self._holds_workspace(path)),
        ]
        self._allowed = tuple({path for entry in allowed for path in _both(entry)})
        self._allowed_folders = tuple(f"{path}/" for path in self._allowed)
        # Folders of which some files are in the key; all of them may be listed.
        partly = [
            (path, place)
            for place in declared
            if place.include is not None
            for path in _both(str(place.path))
        ]
        self._partly = [(f"{path}/", place) for path, place in partly]
        self._seen: set[str] = set()
        self._own: set[str] = set()
        # A pipe, so that a forked child can tell, too; what does not fit is not needed.
        self._told, self._tell = os.pipe()
        os.set_blocking(self._told, False)
        os.set_blocking(self._tell, False)
        self._heard = b""

    def found(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):  # this process or a child holds the other end
            while chunk := os.read(self._told, 1 << 16):
                self._heard += chunk
        return sorted({os.fsdecode(name) for name in self._heard.split(b"\0") if name})

    def close(self) -> list[str]:
        os.close(self._tell)
        found = self.found()
        os.close(self._told)
        return found

    def opened(self, path: Any, _mode: Any, flags: Any) -> None:
        flags = flags if isinstance(flags, int) else 0
        if flags & (os.O_TRUNC | os.O_EXCL):
            self._made(path)  # nothing of what was there before can be read
        elif flags & os.O_ACCMODE != os.O_WRONLY:
            self._read(path, folder=False)

    def listed(self, path: Any) -> None:
        self._read("." if path is None else path, folder=True)

    def connected(self, database: Any) -> None:
        name = os.fsdecode(database)
        if name.startswith("file:"):
            name = unquote(name[len("file:") :].split("?")[0].split("#")[0])
            name = f"/{name.lstrip('/')}" if name.startswith("/") else name
        if name and not name.startswith(":memory:"):
            self._read(name, folder=False)

    def mapped(self, descriptor: Any, *_: Any) -> None:
        if isinstance(descriptor, int) and descriptor >= 0:
            self._read(descriptor, folder=False)

    def moved(self, source: Any, target: Any, *_: Any) -> None:
        """Another name for a file brings in its content without opening it."""
        if _absolute(source) in self._own:
            self._made(target)
        else:
            self._read(source, folder=False)

    def linked(self, source: Any, target: Any, *_: Any) -> None:
        """A link to what may be read may be read, wherever that in turn leads."""
        if self._may_be_read(_absolute(source)):
            self._own.add(_absolute(target))

    def _made(self, path: Any) -> None:
        name = _absolute(path)
        if not name.startswith(self._allowed_folders):
            self._own |= {name, os.path.realpath(name)}

    def _read(self, path: Any, folder: bool) -> None:
        name = _absolute(path)
        if name in self._seen or name in self._own:
            return
        plain = _is_plain(name)
        if self._may_be_read(name):
            return
        self._seen.add(name)
        real = os.path.realpath(name)
        names = [path for path in ([name] if plain else []) + [real] if self._inside(path)]
        if not names or name in self._allowed or real in self._allowed:
            return
        if self._may_be_read(real) or real in self._own:
            return
        if folder and (name in self._listed or real in self._listed):
            return  # the import system lists these to find modules
        if folder and any(f"{name}/".startswith(path) for path, _ in self._partly):
            return  # names alone, to find what is taken
        if not (os.path.isdir(real) if folder else os.path.isfile(real)):
            return  # nothing there to read, a device, or a folder that is merely held open
        relative = next(
            os.path.relpath(path, root)
            for path in names
            for root in self._roots
            if _within(path, root)
        )
        with contextlib.suppress(BlockingIOError):
            os.write(self._tell, os.fsencode(relative) + b"\0")

    def _may_be_read(self, name: str) -> bool:
        return _is_plain(name) and (
            name.startswith(self._allowed_folders)
            or any(
                name.startswith(folder) and place.takes(name[len(folder) :])
                for folder, place in self._partly
            )
        )

    def _inside(self, path: str) -> bool:
        return any(_within(path, root) for root in self._roots)

    def _holds_workspace(self, path: str) -> bool:
        return any(_within(root, name) for root in self._roots for name in _both(path))


LOOKS: dict[str, Callable[..., None]] = {
    "open": _Watch.opened,
    "os.listdir": _Watch.listed,
    "os.scandir": _Watch.listed,
    "os.link": _Watch.moved,
    "os.rename": _Watch.moved,
    "os.symlink": _Watch.linked,
    "sqlite3.connect": _Watch.connected,
    "mmap.__new__": _Watch.mapped,
}


def _is_plain(name: str) -> bool:
    return "/../" not in name and not name.endswith("/..")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _both(path: str) -> set[str]:
    """Returns a path as it is written, and as it is without symbolic links."""
    return {os.path.abspath(path), os.path.realpath(path)}


def _absolute(path: Any) -> str:
    """Returns an absolute path that still has its symbolic links and `..`."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    name = os.fsdecode(path)
    if not name.startswith("/"):
        name = f"{os.getcwd()}/{name}"
    if "//" in name or "/./" in name or name.endswith(("/.", "/")):
        name = f"/{'/'.join(part for part in name.split('/') if part not in ('', '.'))}"
    return name
