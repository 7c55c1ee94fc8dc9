"""Partial results of an op: items that it has measured, kept so that a later run need not.

An item is a name and a JSON value. Items lie in the folder of an identity, which aqm makes from
the action's key without its bounds (docs/runner-protocol.md, "Partial results"), and in it in one
of their origin: what only the runner knows (see `partial_origin`). So items of other inputs,
settings, code, packages or devices are never mixed.

Each item is a file of its own, written whole or not at all, with a digest of its value, name and
place. What does not fit its digest counts as absent. Partial results save time and decide nothing:
where they cannot be read or written, the op measures, and a warning says so.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A sync takes some milliseconds. An item that was measured in less time than this is not worth it:
# a killed process loses nothing by that, a power cut at most such items.
SYNCED_FROM_SECONDS = 0.1

# An item is read whole. What is larger is no item of ours, or not worth keeping: a run that needs
# it could no longer say how much memory it takes.
LARGEST_BYTES = 64 << 20

Warn = Callable[[str, str], None]


class Partials:
    """The items of one action.

    Args:
        folder: Where they lie, `<identity>/items`; None keeps nothing, so that each item is
            measured.
        origin: Digest of what only the runner knows; a name for a folder.
        warn: Told a code and a message.
        check: Called before an item is kept; raises what forbids to keep it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        origin: str = "any",
        warn: Warn = lambda _code, _message: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = None if folder is None else folder / origin
        self._seal = "" if folder is None else f"{folder.parent.name}\0{origin}"
        self._warn = warn
        self._check = check
        self._warned: set[str] = set()
        self._measured: set[str] = set()
        self._reused: set[str] = set()
        self._last = time.monotonic()

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self._folder is not None

    def get(self, name: str) -> Any | None:
        """Returns the value of an item, or None where it has to be measured.

        Args:
            name: Any text that tells the item from all others of the same identity.
        """
        self._last = time.monotonic()
        if self._folder is None:
            return None
        path = self._path(name)
        try:
            if path.exists() and not path.is_file():  # to open a pipe would wait for ever
                raise OSError("it is no file")
            if (size := path.stat().st_size) > LARGEST_BYTES:
                raise ValueError(f"it has {size} bytes; {LARGEST_BYTES} is the most")
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if path.is_symlink():  # it leads nowhere
                self._remove_obstacle(path)
            return None
        except (OSError, ValueError) as error:
            self._damaged(path, str(error))
            return None
        digest, _, content = text.partition("\n")
        if digest != self._digest(name, content):
            self._damaged(path, "it does not fit its digest")
            return None
        self._reused.add(name)
        return json.loads(content)

    def put(self, name: str, value: Any) -> Any:
        """Keeps an item; returns its value as `get` will return it.

        Raises:
            ValueError: The value is None, or no JSON: infinite, NaN, or of another type.
            RunnerError: The run is not to be trusted, see `check`.
        """
        if value is None:
            raise ValueError(f"the item {name} has no value")
        content = json.dumps(value, allow_nan=False)
        self._measured.add(name)
        if self._folder is not None:
            self._check()
            took = time.monotonic() - self._last
            try:
                text = f"{self._digest(name, content)}\n{content}"
                if len(text) > LARGEST_BYTES:
                    raise OSError(f"an item of {len(text)} characters is too large")
                self._write(self._path(name), text, took)
            except OSError as error:
                self._once(
                    "partial_not_kept",
                    f"Partial results cannot be kept in {self._folder}: {error}. The action goes "
                    "on, but a later run cannot continue from here.",
                )
        self._last = time.monotonic()
        return json.loads(content)

    def measure(self, name: str, compute: Callable[[], Any]) -> Any:
        """Returns the value of an item, which `compute` measures if it is not kept yet.

        A value is the same whether it was measured or kept: tuples are lists in both cases.
        """
        value = self.get(name)
        return self.put(name, compute()) if value is None else value

    def facts(self) -> dict[str, Any]:
        """Returns how many items were measured and reused, for the result's facts; {} if none."""
        reused = len(self._reused - self._measured)
        if not self._measured and not reused:
            return {}
        return {"items": {"measured": len(self._measured), "reused": reused}}

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / hashlib.sha256(name.encode()).hexdigest()

    def _digest(self, name: str, content: str) -> str:
        sealed = f"{self._seal}\0{name}\0{content}"
        return f"sha256:{hashlib.sha256(sealed.encode()).hexdigest()}"

    def _write(self, path: Path, text: str, took: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two runs of one identity may write the same item: each has a temporary file of its own.
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            if took >= SYNCED_FROM_SECONDS:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)

    def _remove_obstacle(self, path: Path) -> None:
        """Removes what is in an item's place and is none, so that the next run need not say so."""
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError:
            pass  # it is said again, and decides nothing

    def _damaged(self, path: Path, why: str) -> None:
        self._remove_obstacle(path)
        self._once(
            "partial_damaged",
            f"The partial result {path} cannot be used ({why}) and is measured again, as are "
            "others like it.",
        )

    def _once(self, code: str, message: str) -> None:
        if code not in self._warned:
            self._warned.add(code)
            self._warn(code, message)
