"""Files fetched over HTTP, kept in a folder that outlives the attempt: nothing is fetched twice.

Each file has a folder of its own, named after its pinned digest, else after its URL: `content` is
the whole file, `partial` what has arrived of it, `about.json` says of which version. A whole file
is checked each time it is taken, and never asked for again.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from aqm_runner.fetching.remote import Answer, PassingError, StaleRangeError, no_connection, opened
from aqm_runner.runner.digests import CHUNK, digest_file
from aqm_runner.runner.failures import RunnerError, gate_failed

# In a row, without one new byte.
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0

Tell = Callable[[int, int | None], None]
NOBODY: Mapping[str, str] = {}


def tell_nobody(_done: int, _size: int | None) -> None:
    """Is for those who do not want to hear of progress."""


@dataclass(frozen=True)
class Pin:
    """What a file must be; None where nobody has said so."""

    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class About:
    """Which version of which file lies there; `sha256` once it is whole."""

    url: str
    validator: str | None = None
    size: int | None = None
    sha256: str | None = None


class Downloads:
    """A folder of downloads.

    Args:
        folder: Where they are kept.
        pause: Waits so many seconds before the next attempt.
        credentials: Headers for the hosts of the URLs, never handed to whom they redirect to.
    """

    def __init__(
        self,
        folder: Path,
        pause: Callable[[float], None] = time.sleep,
        credentials: Mapping[str, str] = NOBODY,
    ) -> None:
        self._folder = folder
        self._pause = pause
        self._credentials = credentials

    def fetch(self, url: str, pin: Pin, tell: Tell = tell_nobody) -> Path:
        """Returns a whole file, from the folder or from the network.

        `tell` hears how many bytes have arrived, and of how many. Raises bad_request as `opened`
        does, unsupported_here `no_connection` and `disk_full`, gate_failed `digest_mismatch` and
        `size_mismatch`.
        """
        slot = self._slot(url, pin)
        try:
            with slot.locked():
                if not slot.is_whole():
                    self._download(slot, url, pin, tell)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise RunnerError(
                "unsupported_here",
                "disk_full",
                f"There is no room left in {self._folder} for {url}.",
                next_step="Free space, or set AQM_CACHE to a folder on a larger disk; what has "
                "arrived is kept.",
            ) from error
        return slot.content

    def forget(self, url: str, pin: Pin) -> None:
        """Removes a file that turned out to be something else, so that it is asked for again."""
        shutil.rmtree(self._slot(url, pin).folder, ignore_errors=True)

    def _slot(self, url: str, pin: Pin) -> "_Slot":
        named = hashlib.sha256(url.encode()).hexdigest()[:40]
        name = f"url-{named}" if pin.sha256 is None else f"sha256-{pin.sha256}"
        return _Slot(self._folder / name)

    def _download(self, slot: "_Slot", url: str, pin: Pin, tell: Tell) -> None:
        failures = 0
        while True:
            before = slot.arrived()
            try:
                resumed = self._attempt(slot, url, pin, tell)
            except (PassingError, StaleRangeError) as error:
                gained = slot.arrived() > before
                if isinstance(error, StaleRangeError):
                    slot.drop()
                failures = 0 if gained else failures + 1
                if failures == ATTEMPTS:
                    cause = f"{str(error) or 'no such range'} ({ATTEMPTS} attempts)"
                    raise no_connection(url, cause) from error
                if not gained and isinstance(error, PassingError):
                    backoff = FIRST_PAUSE_SECONDS * 2 ** (failures - 1)
                    self._pause(min(max(backoff, error.wait), LONGEST_PAUSE_SECONDS))
                continue
            digest, size = digest_file(slot.partial)
            sha256 = digest.removeprefix("sha256:")
            if pin.sha256 in (None, sha256) and pin.size in (None, size):
                slot.keep(About(url, slot.about().validator, size, sha256))
                return
            slot.drop()
            if not resumed:  # else the parts may be of two versions: once more, from the start
                raise _mismatch(url, pin, sha256, size)

    def _attempt(self, slot: "_Slot", url: str, pin: Pin, tell: Tell) -> bool:
        """Brings what is missing; returns whether something was there before."""
        about = slot.about()
        offset = slot.arrived()
        # Without a validator only a pinned digest can tell whether it is still the same file.
        if offset > 0 and (about.url != url or (about.validator is None and pin.sha256 is None)):
            slot.drop()
            offset = 0
        if offset > 0 and offset == about.size:
            return True
        with opened(url, offset, about.validator, self._credentials) as answer:
            if pin.size is not None and answer.size not in (None, pin.size):
                raise _mismatch(url, pin, None, answer.size)
            if answer.start not in (0, offset) or (
                answer.start > 0 and answer.validator not in (None, about.validator)
            ):
                raise StaleRangeError
            if answer.start == 0:
                slot.begin(About(url, answer.validator, answer.size))
            _receive(slot, answer, tell)
            return answer.start > 0


def _receive(slot: "_Slot", answer: Answer, tell: Tell) -> None:
    done = answer.start
    with slot.partial.open("ab") as file:
        tell(done, answer.size)
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            file.flush()
            done += len(chunk)
            tell(done, answer.size)
    if answer.size is not None and done < answer.size:
        raise PassingError(f"the connection ended after {done} of {answer.size} bytes")


def _mismatch(url: str, pin: Pin, sha256: str | None, size: int | None) -> RunnerError:
    wrong_size = pin.size is not None and size != pin.size
    found, wanted = (
        (f"{size} bytes", f"{pin.size}")
        if wrong_size
        else (f"the SHA-256 {sha256}", f"{pin.sha256}")
    )
    return gate_failed(
        "size_mismatch" if wrong_size else "digest_mismatch",
        f"{url} has {found}, but conf/ asks for {wanted}; it was not kept.",
        next_step="Find out which of the two is right: the source may have changed, or something "
        "on the way (a proxy, a login page) answers in its place.",
    )


class _Slot:
    """The folder of one file."""

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
        try:
            return About(**json.loads(self._about.read_bytes()))
        except (OSError, ValueError, TypeError):
            return About("")

    def arrived(self) -> int:
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def is_whole(self) -> bool:
        if not self.content.is_file():
            return False
        if digest_file(self.content)[0] == f"sha256:{self.about().sha256}":
            return True
        self.content.unlink()  # damaged
        return False

    def begin(self, about: About) -> None:
        self.partial.write_bytes(b"")
        self._about.write_text(json.dumps(asdict(about)))

    def drop(self) -> None:
        self.partial.unlink(missing_ok=True)

    def keep(self, about: About) -> None:
        # In this order: content without its digest counts as damaged, not as whole.
        self._about.write_text(json.dumps(asdict(about)))
        self.partial.replace(self.content)
