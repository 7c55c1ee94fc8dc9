"""A list that a server hands out page by page, with bounds on pages and length."""

import re
import time
import urllib.error
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from aqm_runner.fetching.addresses import origin, shown
from aqm_runner.fetching.remote import Answer, PassingError, no_connection, opened, refusal
from aqm_runner.runner.digests import CHUNK
from aqm_runner.runner.documents import DocumentError, parse_document
from aqm_runner.runner.failures import RunnerError, gate_failed

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0

# The hub lists a thousand files a page, each with a few hundred bytes.
MOST_BYTES = 64 << 20
MOST_PAGES = 1000


class Refused(Exception):  # noqa: N818
    """The server will not hand out the list.

    Attributes:
        code: The HTTP status.
        word: What the header X-Error-Code says, "" without one.
    """

    def __init__(self, code: int, word: str) -> None:
        super().__init__(f"HTTP {code}")
        self.code = code
        self.word = word


def pages(url: str, credentials: Mapping[str, str], name: str) -> Iterator[Any]:
    """Yields the items of all pages of a list in their order.

    Args:
        url: Of the first page; all others must be of the same host.
        credentials: Headers for that host alone.
        name: Of the list, for messages.

    Raises:
        Refused: The server said no.
        RunnerError: gate_failed `bad_listing` for what is no list of bounded length;
            unsupported_here `no_connection`; what `opened` raises.
    """
    left = MOST_BYTES
    seen: set[str] = set()
    place: str | None = url
    while place is not None:
        if place in seen or len(seen) == MOST_PAGES:
            raise _bad(name, "it has no end")
        seen.add(place)
        text, links = _page(place, left, credentials, name)
        left -= len(text)
        try:
            items = parse_document(text)
        except DocumentError as error:
            raise _bad(name, str(error)) from error
        if not isinstance(items, list):
            raise _bad(name, "it is no list")
        yield from items
        place = _next(place, links, name)


def _page(url: str, left: int, credentials: Mapping[str, str], name: str) -> tuple[bytes, str]:
    """Returns the body of a page and its Link header."""
    for attempt in range(ATTEMPTS):
        try:
            with opened(url, 0, None, credentials, _refusal) as answer:
                return _body(answer, left, name), answer.links
        except PassingError as error:
            if attempt == ATTEMPTS - 1:
                raise no_connection(name, f"{error} ({ATTEMPTS} attempts)") from error
            backoff = FIRST_PAUSE_SECONDS * 2**attempt
            time.sleep(min(max(backoff, error.wait), LONGEST_PAUSE_SECONDS))
    raise AssertionError


def _body(answer: Answer, left: int, name: str) -> bytes:
    text = bytearray()
    while piece := answer.read(min(CHUNK, left + 1 - len(text))):
        text += piece
    if len(text) > left:
        raise _bad(name, f"it has more than {MOST_BYTES >> 20} MiB")
    if answer.size is not None and len(text) < answer.size:
        raise PassingError(f"the connection ended after {len(text)} of {answer.size} bytes")
    return bytes(text)


def _next(place: str, links: str, name: str) -> str | None:
    """Returns the address of the next page; None after the last one."""
    found = re.search(r'<([^<>]*)>\s*;\s*rel="?next"?', links)
    if found is None:
        return None
    try:
        target = urljoin(place, found[1])
        same = origin(target) == origin(place)
    except (ValueError, KeyError):
        target, same = found[1], False
    if not same:
        raise _bad(name, f"its next page is on another host, {shown(target)}")
    return target


def _refusal(error: urllib.error.HTTPError, url: str) -> Exception:
    told = refusal(error, url)
    passing = isinstance(told, PassingError)
    return told if passing else Refused(error.code, error.headers.get("X-Error-Code") or "")


def _bad(name: str, problem: str) -> RunnerError:
    return gate_failed(
        "bad_listing",
        f"The list of {name} cannot be used: {problem}.",
        next_step="Try again; if it stays so, something on the way answers in the hub's place.",
    )
