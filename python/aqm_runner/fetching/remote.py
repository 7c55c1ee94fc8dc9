"""One HTTP request, and what its answer means for a download. Standard library only."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aqm_runner.runner.failures import RunnerError, bad_request

TIMEOUT_SECONDS = 60
AGENT = "aqm"
# What a server may answer differently a moment later.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """The server or the network gave out; the same request may succeed a moment later."""

    def __init__(self, cause: str, wait: float = 0.0) -> None:
        super().__init__(cause)
        self.wait = wait


class StaleRangeError(Exception):
    """The part that is already there does not fit what the server has now."""


@dataclass(frozen=True)
class Answer:
    """The head of an answer.

    Attributes:
        start: Offset of the body's first byte in the whole file.
        size: Bytes of the whole file; None if the server does not say.
        validator: Names this version of the file for If-Range; None if nothing does so reliably.
    """

    start: int
    size: int | None
    validator: str | None
    _body: Any

    def read(self, size: int) -> bytes:
        """Returns the next bytes of the body, none at its end; raises PassingError."""
        try:
            return self._body.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise PassingError(_reason(error)) from error


@contextmanager
def opened(
    url: str, offset: int, validator: str | None, credentials: Mapping[str, str]
) -> Iterator[Answer]:
    """Opens a URL at an offset; the server may begin at 0 all the same.

    `credentials` are headers that only the URL's own host gets, wherever it redirects to. Proxies
    are those of the environment (HTTPS_PROXY, NO_PROXY and their like). Raises PassingError,
    StaleRangeError, and bad_request `not_found`, `access_denied`, `refused`.
    """
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **credentials}
    if offset > 0:
        headers["Range"] = f"bytes={offset}-"
        if validator is not None:
            headers["If-Range"] = validator
    try:
        response = urllib.request.build_opener(_Redirects(credentials)).open(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, url) from error
    except (OSError, http.client.HTTPException) as error:
        raise PassingError(_reason(error)) from error
    with response:
        yield _answer(response)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and tells credentials to nobody but the host they are for."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._secret = {name.lower() for name in credentials}

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        followed = super().redirect_request(req, fp, code, msg, headers, newurl)
        if followed is not None and _origin(newurl) != _origin(req.full_url):
            for name in [name for name in followed.headers if name.lower() in self._secret]:
                del followed.headers[name]
        return followed


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _answer(response: Any) -> Answer:
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else None
    start = 0
    if response.status == 206:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        if found is None:
            raise StaleRangeError
        start = int(found[1])
        size = int(found[2]) if found[2] != "*" else None if size is None else start + size
    etag = response.headers.get("ETag", "")
    # A weak tag names content that may differ in its bytes; If-Range does not take one.
    strong = etag if etag.startswith('"') else None
    return Answer(start, size, strong or response.headers.get("Last-Modified"), response)


def _refusal(error: urllib.error.HTTPError, url: str) -> Exception:
    code = error.code
    if code == 416:
        return StaleRangeError()
    if code in PASSING:
        after = error.headers.get("Retry-After", "")
        return PassingError(f"HTTP {code} {error.reason}", float(after) if after.isdigit() else 0.0)
    if code in (404, 410):
        return bad_request(
            "not_found",
            f"{url} is not there (HTTP {code}).",
            next_step="Correct the source in conf/, or put the files in place yourself.",
        )
    if code in (401, 403, 407):
        return bad_request(
            "access_denied",
            f"{url} may not be read from here (HTTP {code}).",
            next_step="Use a source that needs no password, correct the proxy variables, or put "
            "the files in place yourself.",
        )
    return bad_request(
        "refused",
        f"{url} was answered with HTTP {code} {error.reason}.",
        next_step="Correct the source in conf/.",
    )


def no_connection(url: str, cause: str) -> RunnerError:
    """Returns the failure of a source that could not be reached, or that gives out every time."""
    return RunnerError(
        "unsupported_here",
        "no_connection",
        f"{url} could not be reached: {cause}.",
        next_step="Check the network and the proxy variables (HTTPS_PROXY, NO_PROXY), then run "
        "the same command again: what has arrived is kept and not fetched again.",
    )


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(inner).strip() or type(inner).__name__
