"""A hub, or what answers in its place, that means harm: paths outside, the token, no end."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from harness import FakeContext, run_op
from hub_web import INCLUDE, REPOSITORY, REVISION, HubWeb, resolve
from web import Asked, serving

from aqm_runner.fetching.addresses import check_redirect, is_loopback, shown
from aqm_runner.fetching.downloads import Downloads, Pin
from aqm_runner.runner.failures import RunnerError

TREE = f"/api/models/{REPOSITORY}/tree/{REVISION}"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[HubWeb]:
    monkeypatch.setenv("AQM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setattr("aqm_runner.fetching.listing.time.sleep", lambda _: None)
    monkeypatch.setattr("aqm_runner.fetching.downloads.FIRST_PAUSE_SECONDS", 0.0)
    with serving() as web, serving() as store:
        yield HubWeb(web, store)


def fetch(hub: HubWeb, folder: Path, context: FakeContext | None = None) -> None:
    params = {
        "hub": REPOSITORY,
        "revision": REVISION,
        "endpoint": hub.web.url,
        "include": INCLUDE,
    }
    run_op("hub_checkpoint", params, {}, folder, context)


def failure(hub: HubWeb, folder: Path) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        fetch(hub, folder)
    assert caught.value.next_step
    return caught.value


def entry(path: object, **changes: object) -> dict:
    return {"type": "file", "oid": "0" * 40, "size": 3, "path": path} | changes


@pytest.mark.parametrize(
    "name", ["/tmp/x.json", "../x.json", "a/../../x.json", "a//x.json", "..\\x.json", "a\0.json"]
)
def test_a_name_outside_of_the_folder_is_refused(hub, tmp_path, name):
    hub.more = [entry(name)]
    before = sorted(tmp_path.rglob("*"))
    error = failure(hub, tmp_path / "out")
    assert (error.class_, error.reason) == ("gate_failed", "unsafe_path")
    assert hub.web.paths() == [TREE]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "odd",
    [
        entry("b.safetensors", lfs={"oid": "x/../../../victim", "size": 3, "pointerSize": 1}),
        entry("b.safetensors", lfs={"oid": "A" * 64, "size": 3, "pointerSize": 1}),
        entry("b.safetensors", lfs={"oid": None, "size": 3, "pointerSize": 1}),
        entry("b.safetensors", lfs=[]),
        entry("b.json", oid="../../x"),
        entry("b.json", oid=None),
        entry("b.json", size=-1),
        entry("b.json", size=1.5),
        entry("b.json", size=True),
        entry(["b.json"]),
        entry("b\ud800.json"),
        entry("config.json"),
        entry("merges.txt/a.json"),
        "text",
        None,
        {},
    ],
)
def test_an_entry_that_is_no_file_is_refused(hub, tmp_path, odd):
    hub.more = [odd]
    before = sorted(tmp_path.rglob("*"))
    error = failure(hub, tmp_path / "out")
    assert (error.class_, error.reason) == ("gate_failed", "bad_listing")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b"{}", b"7", b"nothing", b"[" + b"1" * 5000 + b"]", b"\xff"]
)
def test_a_list_that_is_none_is_refused(hub, tmp_path, body):
    hub.web.answers[TREE] = lambda _: (200, {}, body)
    assert failure(hub, tmp_path / "out").reason == "bad_listing"


def test_a_list_without_end_is_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("aqm_runner.fetching.listing.MOST_PAGES", 5)
    numbers = iter(range(1000))

    def page(_: Asked) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Link": f'<{hub.web.url}{TREE}?page={next(numbers)}>; rel="next"'}, b"[]"

    hub.web.answers[TREE] = page
    assert "it has no end" in failure(hub, tmp_path / "out").message
    assert len(hub.web.asked) == 5
    same = f'<{hub.web.url}{TREE}?page=1>; rel="next"'
    hub.web.answers[TREE] = lambda _: (200, {"Link": same}, b"[]")
    assert "it has no end" in failure(hub, tmp_path / "out").message


def test_a_list_beyond_its_bound_is_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("aqm_runner.fetching.listing.MOST_BYTES", 100)
    assert "it has more than" in failure(hub, tmp_path / "out").message


def test_a_token_stays_here_when_only_the_config_names_the_hub(hub, tmp_path):
    context = FakeContext()
    fetch(hub, tmp_path / "out", context)
    assert context.warnings == ["token_withheld"]
    asked = hub.web.asked + hub.store.asked
    assert asked
    assert not any("authorization" in request.headers for request in asked)
    hub.gated = True
    error = failure(hub, tmp_path / "again")
    assert f"set HF_ENDPOINT={hub.web.url}" in error.next_step


@pytest.mark.parametrize("place", ["{}/next", "{}/next?secret=1", "http://[::1/"])
def test_the_next_page_of_another_host_is_not_asked_for(hub, tmp_path, monkeypatch, place):
    monkeypatch.setenv("HF_ENDPOINT", hub.web.url)
    link = f'<{place.format(hub.store.url)}>; rel="next"'
    hub.web.answers[TREE] = lambda _: (200, {"Link": link}, b"[]")
    error = failure(hub, tmp_path / "out")
    assert error.reason == "bad_listing"
    assert "another host" in error.message
    assert "secret" not in error.message
    assert hub.store.asked == []


def test_a_list_that_redirects_elsewhere_loses_the_token(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.web.url)
    hub.web.answers[TREE] = lambda _: (307, {"Location": f"{hub.store.url}/list"}, b"")
    hub.store.answers["/list"] = lambda _: (200, {}, b"[]")
    assert failure(hub, tmp_path / "out").reason == "missing_files"
    assert hub.web.asked[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in hub.store.asked[0].headers


@pytest.mark.parametrize(
    ("asked", "target", "problem"),
    [
        ("http://a.example/", "ftp://a.example/x", "no plain http or https address"),
        ("https://a.example/", "file:///etc/passwd", "no plain http or https address"),
        ("https://a.example/", "data:,x", "no plain http or https address"),
        ("https://a.example/", "https://user:pass@a.example/", "no plain http or https address"),
        ("https://a.example/", "http://a.example/", "not encrypted"),
        ("https://a.example/", "https://localhost:8080/", "only this machine"),
        ("https://a.example/", "https://127.1/", "only this machine"),
        ("https://a.example/", "https://2130706433/", "only this machine"),
        ("https://a.example/", "https://0/", "only this machine"),
        ("https://a.example/", "https://[::1]/", "only this machine"),
        ("https://a.example/", "https://[::ffff:127.0.0.1]/", "only this machine"),
        ("https://a.example/", "https://169.254.169.254/latest/meta-data", "only this machine"),
    ],
)
def test_an_unsafe_redirect_is_refused(asked, target, problem):
    with pytest.raises(RunnerError, match="unsafe_redirect") as caught:
        check_redirect(asked, target)
    assert problem in caught.value.message
    assert "pass@" not in caught.value.message


def test_a_safe_redirect_is_followed():
    check_redirect("http://a.example/", "https://b.example/x?signature=1")
    check_redirect("http://127.0.0.1:1/", "http://localhost:2/")
    check_redirect("http://a.example/", "http://10.0.0.1/")
    assert not is_loopback("example.org")


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_a_server_cannot_send_a_download_to_another_protocol(hub, tmp_path, target):
    hub.web.answers["/f"] = lambda _: (302, {"Location": target}, b"")
    with pytest.raises(RunnerError, match="unsafe_redirect"):
        Downloads(tmp_path / "d").fetch(f"{hub.web.url}/f", Pin())
    assert len(hub.web.asked) == 1


def test_redirects_without_end_are_refused(hub, tmp_path):
    hub.web.answers["/f"] = lambda _: (302, {"Location": "/f"}, b"")
    with pytest.raises(RunnerError, match="redirects more than 10 times"):
        Downloads(tmp_path / "d").fetch(f"{hub.web.url}/f", Pin())


def test_line_breaks_in_a_redirect_are_no_headers(hub, tmp_path):
    hub.web.answers["/f"] = lambda _: (302, {"Location": "/g\u0085x é"}, b"")
    with pytest.raises(RunnerError, match="not_found"):
        Downloads(tmp_path / "d").fetch(f"{hub.web.url}/f", Pin())
    assert hub.web.paths()[-1] == "/g%C2%85x%20%C3%A9"


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://user:secret@a.example/f", "https://a.example/f"),
        ("https://user:sec/ret@a.example/f", "https:…"),
        ("https://a.example/f?token=secret", "https://a.example/f?…"),
        ("secret@a.example/f", "secret@a.example/f:…"),
    ],
)
def test_messages_show_no_password(url, there):
    assert shown(url)[:20] == there[:20]
    assert "secret" not in shown(url).removeprefix("secret@a.example/f")


def test_an_address_with_a_password_is_not_asked(tmp_path):
    with pytest.raises(RunnerError, match="password_in_address") as caught:
        Downloads(tmp_path).fetch("http://user:secret@127.0.0.1:1/f", Pin())
    assert "secret" not in str(caught.value) + caught.value.next_step


@contextmanager
def answering(answer: bytes, more: bytes, *, close: bool = False) -> Iterator[str]:
    """A server that sends `answer`, then `more` until its client goes away; or closes at once."""
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                clients.append(client)
                with client:
                    try:
                        client.recv(1 << 16)
                        client.sendall(answer)
                        while more:
                            client.sendall(more)
                        if not close:
                            client.recv(1)  # the client's end
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/f"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for client in clients:
                # One that has gone away with a full buffer would be written to for two minutes.
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
    thread.join()


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("answer", "more"), [(HEAD, b"x" * 65536), (CHUNKED, b"5\r\nxxxxx\r\n")])
def test_a_body_without_end_is_given_up_after_the_declared_size(tmp_path, answer, more):
    with answering(answer, more) as url:
        for pin, reason in ((Pin(None, 15), "size_mismatch"), (Pin(most=40_000), "too_large")):
            with pytest.raises(RunnerError) as caught:
                Downloads(tmp_path).fetch(url, pin)
            assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert [path for path in tmp_path.rglob("*") if path.name in ("content", "partial")] == []


def test_more_than_the_disk_holds_is_refused_before_it_comes(tmp_path):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n"
    with answering(head, b"x" * 65536) as url, pytest.raises(RunnerError, match="disk_full"):
        Downloads(tmp_path).fetch(url, Pin(most=1 << 62))


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        (b"", b""),  # nothing comes
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b""),  # and then no more
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),  # heads for ever
        (CHUNKED + b"0\r\n", b"X: y\r\n"),  # trailers for ever
    ],
)
def test_a_server_that_trickles_or_hangs_is_given_up(tmp_path, monkeypatch, answer, more):
    monkeypatch.setattr("aqm_runner.fetching.transport.WINDOW_SECONDS", 0.05)
    with answering(answer, more) as url, pytest.raises(RunnerError, match="no_connection"):
        Downloads(tmp_path, pause=lambda _: None).fetch(url, Pin())


@pytest.mark.parametrize(
    "head", ["Content-Length: ²", 'ETag: "a\x80b"', f'ETag: "{"a" * 5000}"', "Last-Modified: \x7f"]
)
def test_odd_headers_are_as_good_as_none(tmp_path, head):
    answer = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\nbody".encode("latin-1")
    with answering(answer, b"", close=True) as url:
        path = Downloads(tmp_path).fetch(url, Pin())
    assert path.read_bytes() == b"body"
    about = json.loads((path.parent / "about.json").read_bytes())
    assert (about["validator"], about["size"]) == (None, 4)


def test_the_hub_asks_only_for_its_own_paths(hub, tmp_path):
    fetch(hub, tmp_path / "out")
    assert set(hub.web.paths()) == {
        TREE,
        *(resolve(name) for name in ("config.json", "merges.txt", "model.safetensors")),
    }
