"""One HTTP request, and what its answer means for a download. Standard library only."""

import http.client
import re
import string
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from aqm_runner.fetching.addresses import check_redirect, checked, origin, shown
from aqm_runner.fetching.transport import Watchdog, opener
from aqm_runner.runner.failures import RunnerError, bad_request

TIMEOUT_SECONDS = 60
AGENT = "aqm"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 10
# What a server may answer differently a moment later.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """The server or the network gave out; the same request may succeed a moment later."""

    def __init__(self, cause: str, wait: float = 0.0) -> None:
        super().__init__(cause)
        self.wait = wait


class TrickleError(PassingError):
    """What came was too little to count as progress."""


class StaleRangeError(Exception):
    """The part that is already there does not fit what the server has now."""


@dataclass(frozen=True)
class Answer:
    """The head of an answer.

    Attributes:
        start: Offset of the body's first byte in the whole file.
        size: Bytes of the whole file; None if the server does not say.
        validator: Names this version of the file for If-Range; None if nothing does so reliably.
        links: The Link headers.
    """

    start: int
    size: int | None
    validator: str | None
    links: str
    _body: Any
    _watchdog: Watchdog

    def read(self, size: int) -> bytes:
        """Returns at most `size` bytes as soon as some are there, none at the body's end.

        Raises PassingError.
        """
        try:
            piece: bytes = self._body.read1(size)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _gave_out(self._watchdog, error) from error
        if self._watchdog.bit:
            raise _gave_out(self._watchdog, None)
        self._watchdog.hear(len(piece))
        return piece


Refusal = Callable[[urllib.error.HTTPError, str], Exception]


def refusal(error: urllib.error.HTTPError, url: str) -> Exception:
    """Returns what the status of an answer means: PassingError, StaleRangeError or bad_request."""
    code = error.code
    if code == 416:
        return StaleRangeError()
    if code in PASSING:
        after = whole_number(error.headers.get("Retry-After", ""))
        return PassingError(f"HTTP {code} {_printable(error.reason)}", float(after or 0))
    if code in (404, 410):
        return bad_request(
            "not_found",
            f"{shown(url)} is not there (HTTP {code}).",
            next_step="Correct the source in conf/, or put the files in place yourself.",
        )
    if code in (401, 403, 407):
        return bad_request(
            "access_denied",
            f"{shown(url)} may not be read from here (HTTP {code}).",
            next_step="Use a source that needs no password, correct the proxy variables, or put "
            "the files in place yourself.",
        )
    return bad_request(
        "refused",
        f"{shown(url)} was answered with HTTP {code} {_printable(error.reason)}.",
        next_step="Correct the source in conf/.",
    )


@contextmanager
def opened(
    url: str,
    offset: int,
    validator: str | None,
    credentials: Mapping[str, str],
    refusal: Refusal = refusal,
) -> Iterator[Answer]:
    """Opens an http or https URL at an offset; the server may begin at 0 all the same.

    `credentials` are headers that only the URL's own host gets, wherever it redirects to; with them
    a proxy is asked only for https, where it sees nothing. Else proxies are those of the
    environment (HTTPS_PROXY, NO_PROXY and their like). Raises PassingError, StaleRangeError, what
    `checked`, `check_redirect` and `refusal` do.
    """
    with Watchdog() as watchdog:
        response = _asked(url, offset, validator, credentials, refusal, watchdog)
        with response:
            yield _answer(response, watchdog)


def _asked(
    url: str,
    offset: int,
    validator: str | None,
    credentials: Mapping[str, str],
    refusal: Refusal,
    watchdog: Watchdog,
) -> Any:
    """Returns the answer after all redirects, whose own bodies are never read."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if offset > 0:
        headers["Range"] = f"bytes={offset}-"
        if validator is not None:
            headers["If-Range"] = validator
    place = url
    secret = dict(credentials)
    for _ in range(MOST_REDIRECTS):
        plain = checked(place).scheme == "http"
        request = urllib.request.Request(place, headers=headers | secret)
        try:
            return opener(watchdog, proxied=not (plain and secret)).open(
                request, timeout=TIMEOUT_SECONDS
            )
        except urllib.error.HTTPError as error:
            with error:
                target = error.headers.get("Location")
                if error.code not in REDIRECTS or not target:
                    raise refusal(error, url) from error
            # What is no plain ASCII is escaped, so that it stays one line of the next request.
            target = quote(urljoin(place, target.strip()), safe=string.punctuation)
            check_redirect(place, target)
            if origin(target) != origin(place):
                secret = {}
            place = target
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _gave_out(watchdog, error) from error
    raise bad_request(
        "refused",
        f"{shown(url)} redirects more than {MOST_REDIRECTS} times.",
        next_step="Correct the source in conf/.",
    )


def whole_number(text: str) -> int | None:
    """Returns the number that a header holds; None for what is none, or absurdly long."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text.strip()) else None


def _answer(response: Any, watchdog: Watchdog) -> Answer:
    size = whole_number(response.headers.get("Content-Length", ""))
    start = 0
    if response.status == 206:
        found = re.fullmatch(
            r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)",
            response.headers.get("Content-Range", "").strip(),
        )
        if found is None:
            raise StaleRangeError
        start = int(found[1])
        size = int(found[2]) if found[2] != "*" else None if size is None else start + size
    etag = response.headers.get("ETag", "")
    # A weak tag names content that may differ in its bytes; If-Range does not take one.
    strong = etag if etag.startswith('"') else None
    validator = strong or response.headers.get("Last-Modified")
    if validator is not None and not re.fullmatch(r"[ -~]{1,500}", validator):
        validator = None  # it is sent back, so it must be one plain line
    links = ",".join(response.headers.get_all("Link", []))
    return Answer(start, size, validator, links, response, watchdog)


def no_connection(url: str, cause: str) -> RunnerError:
    """Returns the failure of a source that could not be reached, or that gives out every time."""
    return RunnerError(
        "unsupported_here",
        "no_connection",
        f"{shown(url)} could not be reached: {cause}.",
        next_step="Check the network and the proxy variables (HTTPS_PROXY, NO_PROXY), then run "
        "the same command again: what has arrived is kept and not fetched again.",
    )


def _gave_out(watchdog: Watchdog, error: Exception | None) -> PassingError:
    if watchdog.bit:
        return TrickleError("the server sends next to nothing")
    return PassingError("" if error is None else _reason(error))


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return _printable(str(inner)) or type(inner).__name__


def _printable(text: object) -> str:
    """Returns what a server said in one line, cut where it goes on and on."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= 200 else f"{line[:200]}…"
