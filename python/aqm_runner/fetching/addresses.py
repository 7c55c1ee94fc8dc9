"""Which addresses aqm asks, where it lets itself be sent, and what messages show of an address."""

import ipaddress
import socket
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit, urlunsplit

from aqm_runner.runner.failures import RunnerError, bad_request

PORTS = {"http": 80, "https": 443}


def shown(url: str) -> str:
    """Returns an address as messages may have it: without user name, password and query."""
    with suppress(ValueError):
        parts = urlsplit(url)
        _ = parts.port  # raises where a password with a slash was taken for a port
        if parts.netloc or "@" not in url:
            host = parts.netloc.rpartition("@")[2]
            query = "…" if parts.query else ""
            return urlunsplit((parts.scheme, host, parts.path, query, ""))
    return f"{url.partition(':')[0][:20]}:…"


def checked(url: str) -> SplitResult:
    """Returns the parts of an http or https address.

    Raises bad_request `bad_address` for what is none, and `password_in_address`: an address stands
    in a committed file and in messages.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or character < " " for character in url):
        raise bad_request(
            "bad_address",
            f"{shown(url)} is no http or https address.",
            next_step="Correct the address in conf/.",
        )
    if "@" in parts.netloc:
        raise bad_request(
            "password_in_address",
            f"The address {shown(url)} holds a user name or a password; it was not asked.",
            next_step="Take it out of conf/, which is committed, and change the password if it "
            "was published. Put files that need one in place yourself.",
        )
    return parts


def origin(url: str) -> tuple[str, str, int]:
    """Returns scheme, host and port of an address that `checked` accepts."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]


def is_loopback(host: str) -> bool:
    """Returns whether a host, as an address names it, is this machine."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    number = _number_of(host)
    return number is not None and (number.is_loopback or number.is_unspecified)


def check_redirect(asked: str, target: str) -> None:
    """Checks that a server may send us from one address to another.

    Raises bad_request `unsafe_redirect` for another protocol than http and https, for https that
    becomes http, and from another machine to this one or to its own link, where services answer
    trust everyone who reaches them. An address that `checked` refuses is unsafe, too.
    """
    try:
        parts = checked(target)
    except RunnerError as error:
        raise _unsafe(asked, target, "which is no plain http or https address") from error
    before = urlsplit(asked)
    here = parts.hostname or ""
    number = _number_of(here)
    near = is_loopback(here) or (number is not None and number.is_link_local)
    if before.scheme == "https" and parts.scheme == "http":
        raise _unsafe(asked, target, "which is not encrypted")
    if near and not is_loopback(before.hostname or ""):
        raise _unsafe(asked, target, "which only this machine can reach")


def _number_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        number = ipaddress.ip_address(host.partition("%")[0])
        return getattr(number, "ipv4_mapped", None) or number
    with suppress(OSError):  # 127.1 and 0x7f000001 are addresses, too
        return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


def _unsafe(asked: str, target: str, why: str) -> RunnerError:
    return bad_request(
        "unsafe_redirect",
        f"{shown(asked)} redirects to {shown(target)}, {why}; it was not followed.",
        next_step="Name the address where the files really are in conf/, if you trust it.",
    )
