"""A web server on this machine that keeps to the rules, except where a test says otherwise."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: Answered instead of the file; None: the file is.
        cut: Bytes of the body after which the connection ends; None: all are sent.
        headers: Sent as well.
        plain: Takes no notice of Range.
    """

    status: int | None = None
    cut: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    plain: bool = False


@dataclass
class Asked:
    """One request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Web:
    """Files by path, faults by path (one for each request, in turn), and what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.answers: dict[str, Callable[[Asked], tuple[int, dict[str, str], bytes]]] = {}
        self.validators = True
        self.asked: list[Asked] = []
        self.url = ""
        self.lock = threading.Lock()

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def ranges(self, path: str) -> list[str | None]:
        return [request.headers.get("range") for request in self.asked if request.path == path]

    def fault(self, path: str) -> Fault:
        with self.lock:
            faults = self.faults.get(path, [])
            return faults.pop(0) if faults else Fault()


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(web, self)

        def do_HEAD(self) -> None:
            _answer(web, self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def _answer(web: Web, handler: BaseHTTPRequestHandler) -> None:
    path = handler.path.split("?")[0]
    headers = {name.lower(): value for name, value in handler.headers.items()}
    asked = Asked(handler.command, path, headers)
    web.asked.append(asked)
    fault = web.fault(path)
    given: dict[str, str] = dict(fault.headers)
    if fault.status is not None:
        status, body = fault.status, b"a page that says sorry"
    elif path in web.answers:
        status, more, body = web.answers[path](asked)
        given |= more
    elif path in web.files:
        whole = web.files[path]
        status, body = 200, whole
        given["Accept-Ranges"] = "bytes"
        if web.validators:
            given["ETag"] = etag(whole)
        wanted = headers.get("range")
        same = headers.get("if-range") in (None, given.get("ETag"))
        if wanted and same and not fault.plain:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            status, body = (206, whole[start:]) if start < len(whole) else (416, b"")
            given["Content-Range"] = (
                f"bytes {start}-{len(whole) - 1}/{len(whole)}"
                if status == 206
                else f"bytes */{len(whole)}"
            )
    else:
        status, body = 404, b"no such page"
    handler.send_response(status)
    for name, value in given.items():
        handler.send_header(name, value)
    if "Content-Length" not in given:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "HEAD":
        return
    handler.wfile.write(body if fault.cut is None else body[: fault.cut])
    if fault.cut is not None:
        handler.close_connection = True
