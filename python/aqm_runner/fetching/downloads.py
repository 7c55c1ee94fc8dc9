"""Files fetched over HTTP, kept in a folder that outlives the attempt: nothing is fetched twice.

Each file has a folder of its own (`Slot`), named after its pinned digest, else after its URL. A
whole file is checked each time it is taken, and never asked for again.
"""

import errno
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aqm_runner.fetching.addresses import shown
from aqm_runner.fetching.remote import (
    Answer,
    PassingError,
    StaleRangeError,
    TrickleError,
    no_connection,
    opened,
)
from aqm_runner.fetching.slot import About, Slot
from aqm_runner.runner.digests import CHUNK, digest_file
from aqm_runner.runner.failures import RunnerError, bad_request, gate_failed

# In a row, without one new byte.
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0

# Of a file whose size is neither pinned nor asked for otherwise.
MOST_BYTES = 64 << 30

Tell = Callable[[int, int | None], None]
NOBODY: Mapping[str, str] = {}


def tell_nobody(_done: int, _size: int | None) -> None:
    """Is for those who do not want to hear of progress."""


@dataclass(frozen=True)
class Pin:
    """What a file must be.

    Attributes:
        sha256: Its digest, 64 lower-case hexadecimal digits; None where that is not known.
        size: Its bytes; None where that is not known.
        most: The bytes that it may have at most.
    """

    sha256: str | None = None
    size: int | None = None
    most: int = MOST_BYTES

    def __post_init__(self) -> None:
        """Checks the digest, which names a folder; raises bad_request `bad_digest`."""
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise bad_request(
                "bad_digest",
                f"{self.sha256[:80]!r} is no SHA-256 of 64 lower-case hexadecimal digits.",
                next_step="Correct the digest in conf/.",
            )

    @property
    def limit(self) -> int:
        """The bytes after which nothing more is taken."""
        return self.most if self.size is None else self.size


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
        does, unsupported_here `no_connection` and `disk_full`, gate_failed `digest_mismatch`,
        `size_mismatch` and `too_large`.
        """
        slot = self._slot(url, pin)
        try:
            with slot.locked():
                if not slot.is_whole():
                    self._download(slot, url, pin, tell)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._disk_full(url) from error
        return slot.content

    def _disk_full(self, url: str) -> RunnerError:
        return RunnerError(
            "unsupported_here",
            "disk_full",
            f"There is no room left in {self._folder} for {shown(url)}.",
            next_step="Free space, or set AQM_CACHE to a folder on a larger disk; what has "
            "arrived is kept.",
        )

    def forget(self, url: str, pin: Pin) -> None:
        """Removes a file that turned out to be something else, so that it is asked for again."""
        shutil.rmtree(self._slot(url, pin).folder, ignore_errors=True)

    def _slot(self, url: str, pin: Pin) -> Slot:
        named = hashlib.sha256(url.encode()).hexdigest()[:40]
        name = f"url-{named}" if pin.sha256 is None else f"sha256-{pin.sha256}"
        return Slot(self._folder / name)

    def _download(self, slot: Slot, url: str, pin: Pin, tell: Tell) -> None:
        failures = 0
        while True:
            before = slot.arrived()
            try:
                resumed = self._attempt(slot, url, pin, tell)
            except (PassingError, StaleRangeError) as error:
                gained = slot.arrived() > before and not isinstance(error, TrickleError)
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

    def _attempt(self, slot: Slot, url: str, pin: Pin, tell: Tell) -> bool:
        """Brings what is missing; returns whether something was there before."""
        about = slot.about()
        offset = slot.arrived()
        # Without a validator only a pinned digest can tell whether it is still the same file.
        if offset > 0 and (about.url != url or (about.validator is None and pin.sha256 is None)):
            slot.drop()
            offset = 0
        if offset > pin.limit:
            slot.drop()
            offset = 0
        if offset > 0 and offset == about.size:
            return True
        with opened(url, offset, about.validator, self._credentials) as answer:
            if pin.size is not None and answer.size not in (None, pin.size):
                raise _mismatch(url, pin, None, answer.size)
            if answer.size is not None and answer.size > pin.limit:
                raise _too_large(url, pin)
            if answer.start not in (0, offset) or (
                answer.start > 0 and answer.validator not in (None, about.validator)
            ):
                raise StaleRangeError
            if answer.start == 0:
                slot.begin(About(url, answer.validator, answer.size))
            if shutil.disk_usage(slot.folder).free < (answer.size or 0) - answer.start:
                raise self._disk_full(url)
            done = _receive(slot, answer, tell, pin.limit)
        if done > pin.limit:
            slot.drop()
            raise _too_large(url, pin)
        return answer.start > 0


def _receive(slot: Slot, answer: Answer, tell: Tell, limit: int) -> int:
    """Appends the body to what has arrived; returns how much that is, at most one byte too much."""
    done = told = answer.start
    with slot.partial.open("ab") as file:
        tell(done, answer.size)
        while chunk := answer.read(min(CHUNK, limit + 1 - done)):
            file.write(chunk)
            done += len(chunk)
            if done - told >= CHUNK:
                tell(done, answer.size)
                told = done
    if done != told:
        tell(done, answer.size)
    if answer.size is not None and done < answer.size:
        raise PassingError(f"the connection ended after {done} of {answer.size} bytes")
    return done


def _mismatch(url: str, pin: Pin, sha256: str | None, size: int | None) -> RunnerError:
    wrong_size = pin.size is not None and size != pin.size
    found, wanted = (
        (f"{size} bytes", f"{pin.size}")
        if wrong_size
        else (f"the SHA-256 {sha256}", f"{pin.sha256}")
    )
    return gate_failed(
        "size_mismatch" if wrong_size else "digest_mismatch",
        f"{shown(url)} has {found}, but conf/ asks for {wanted}; it was not kept.",
        next_step="Find out which of the two is right: the source may have changed, or something "
        "on the way (a proxy, a login page) answers in its place.",
    )


def _too_large(url: str, pin: Pin) -> RunnerError:
    if pin.size is not None:
        return gate_failed(
            "size_mismatch",
            f"{shown(url)} has more than the {pin.size} bytes that it should have; it was not "
            "kept.",
            next_step="Find out which of the two is right: the source may have changed, or "
            "something on the way (a proxy, a login page) answers in its place.",
        )
    return gate_failed(
        "too_large",
        f"{shown(url)} has more than {pin.most} bytes, the most that is taken of such a file.",
        next_step="Correct the source in conf/, or pin the size there.",
    )
