"""Connections for http and https alone, none of which waits for a slow server for ever."""

import http.client
import socket
import threading
import urllib.request
from contextlib import suppress
from functools import partial
from typing import Any

# A server that sends less than this in so many seconds has given out, as if it had hung up.
WINDOW_SECONDS = 120.0
LEAST_BYTES = 64 << 10


class Watchdog:
    """Ends a connection on which too little comes: byte by byte, or heads and trailers for ever.

    A timeout of a socket starts again with each byte, so it cannot tell.

    Attributes:
        bit: Whether it ended the connection.
    """

    def __init__(self) -> None:
        self.bit = False
        self._heard = 0
        self._over = threading.Event()
        self._socket: socket.socket | None = None

    def __enter__(self) -> "Watchdog":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def hear(self, count: int) -> None:
        """Notes that so many bytes came."""
        self._heard += count

    def watch(self, connection: socket.socket) -> None:
        """Watches this connection instead of an earlier one."""
        first = self._socket is None
        self._socket = connection
        if first:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        before = self._heard
        while not self._over.wait(WINDOW_SECONDS):
            if self._heard - before < LEAST_BYTES and self._socket is not None:
                self.bit = True
                with suppress(OSError):
                    # Of the socket below TLS: who reads from the connection finds its end.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                return
            before = self._heard


def opener(watchdog: Watchdog, *, proxied: bool) -> urllib.request.OpenerDirector:
    """Returns an opener that follows no redirect.

    urllib's own also knows ftp, file and data, and reads the whole body of a redirect.
    """
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(None if proxied else {}),
        _Http(watchdog),
        _Https(watchdog),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        made.add_handler(handler)
    return made


class _Watched:
    """A connection that its watchdog watches as soon as it stands; before one of http.client."""

    sock: socket.socket

    def __init__(self, *args: Any, watchdog: Watchdog, **more: Any) -> None:
        super().__init__(*args, **more)
        self._watchdog = watchdog

    def connect(self) -> None:
        super().connect()
        self._watchdog.watch(self.sock)


class _HttpConnection(_Watched, http.client.HTTPConnection):
    pass


class _HttpsConnection(_Watched, http.client.HTTPSConnection):
    pass


class _Opening:
    """A handler whose connections are watched; before one of urllib."""

    connection: type[_Watched]

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__()
        self._watched: Any = partial(self.connection, watchdog=watchdog)


class _Http(_Opening, urllib.request.HTTPHandler):
    connection = _HttpConnection

    def http_open(self, req: Any) -> Any:
        return self.do_open(self._watched, req)


class _Https(_Opening, urllib.request.HTTPSHandler):
    connection = _HttpsConnection

    def https_open(self, req: Any) -> Any:
        return self.do_open(self._watched, req)
