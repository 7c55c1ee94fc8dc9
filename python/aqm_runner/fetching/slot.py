"""Where one download lies, whole or in part."""

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aqm_runner.runner.digests import digest_file
from aqm_runner.runner.documents import DocumentError, read_document


@dataclass(frozen=True)
class About:
    """Which version of which file lies there; `sha256` once it is whole."""

    url: str
    validator: str | None = None
    size: int | None = None
    sha256: str | None = None


class Slot:
    """The folder of one file.

    `content` is the whole file, `partial` the part that has arrived, `about.json` says of which
    version. Content without its digest, or with another one, counts as damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content = folder / "content"
        self.partial = folder / "partial"
        self._about = folder / "about.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes away; the lock goes with the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def about(self) -> About:
        """Returns what is known of what lies here; an empty URL where nothing is."""
        try:
            return About(**read_document(self._about))
        except (DocumentError, TypeError):
            return About("")

    def arrived(self) -> int:
        """Returns how many bytes of an unfinished file are here."""
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def is_whole(self) -> bool:
        """Returns whether the file is here, undamaged; removes a damaged one."""
        if not self.content.is_file():
            return False
        if digest_file(self.content)[0] == f"sha256:{self.about().sha256}":
            return True
        self.content.unlink()  # damaged
        return False

    def begin(self, about: About) -> None:
        """Begins the file of this version from nothing."""
        self.partial.write_bytes(b"")
        self._about.write_text(json.dumps(asdict(about)))

    def drop(self) -> None:
        """Removes what has arrived of an unfinished file."""
        self.partial.unlink(missing_ok=True)

    def keep(self, about: About) -> None:
        """Takes what has arrived for the whole file."""
        # In this order: content without its digest counts as damaged, not as whole.
        self._about.write_text(json.dumps(asdict(about)))
        self.partial.replace(self.content)
