"""Downloads from a server that fails as real ones do. Nothing here waits: pauses are counted."""

import errno
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from web import Fault, Web, etag, serving

from aqm_runner.fetching.downloads import Downloads, Pin
from aqm_runner.fetching.sources import Source
from aqm_runner.runner.cache import downloads_folder
from aqm_runner.runner.failures import RunnerError

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
FREE = Pin()
PINNED = Pin(SHA256, len(BODY))


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.files["/f"] = BODY
        yield web


class Here:
    """A downloads folder, and the pauses that were made."""

    def __init__(self, folder: Path) -> None:
        self.pauses: list[float] = []
        self.told: list[tuple[int, int | None]] = []
        self.downloads = Downloads(folder, self.pauses.append)

    def fetch(self, url: str, pin: Pin = FREE) -> bytes:
        return self.downloads.fetch(
            url, pin, lambda done, size: self.told.append((done, size))
        ).read_bytes()


@pytest.fixture
def here(tmp_path) -> Here:
    return Here(tmp_path / "downloads")


def failure(here: Here, url: str, pin: Pin = FREE) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        here.fetch(url, pin)
    assert url in caught.value.message
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize("pin", [FREE, PINNED])
def test_a_file_is_fetched_once_and_then_offline(web, here, pin):
    assert here.fetch(f"{web.url}/f", pin) == BODY
    assert here.told[0] == (0, len(BODY))
    assert here.told[-1] == (len(BODY), len(BODY))
    assert here.fetch(f"{web.url}/f", pin) == BODY
    assert web.paths() == ["/f"]
    assert here.pauses == []


@pytest.mark.parametrize("pin", [FREE, PINNED])
def test_a_cut_connection_goes_on_where_it_was_without_a_pause(web, here, pin):
    web.faults["/f"] = [Fault(cut=1000), Fault(cut=2000)]
    assert here.fetch(f"{web.url}/f", pin) == BODY
    assert web.ranges("/f") == [None, "bytes=1000-", "bytes=3000-"]
    assert [request.headers.get("if-range") for request in web.asked] == [
        None,
        etag(BODY),
        etag(BODY),
    ]
    assert here.pauses == []


def test_a_part_survives_the_attempt_that_failed(web, here, tmp_path):
    web.faults["/f"] = [Fault(cut=4000), *[Fault(status=503)] * 5]
    assert failure(here, f"{web.url}/f").reason == "no_connection"
    again = Here(tmp_path / "downloads")
    assert again.fetch(f"{web.url}/f") == BODY
    assert web.ranges("/f")[-1] == "bytes=4000-"
    assert again.told[0] == (4000, len(BODY))


def test_a_whole_part_is_not_asked_for_again(web, here, tmp_path):
    here.fetch(f"{web.url}/f")
    (slot,) = (tmp_path / "downloads").iterdir()
    (slot / "content").rename(slot / "partial")  # as if killed before the last step
    assert here.fetch(f"{web.url}/f") == BODY
    assert len(web.asked) == 1


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(web, here):
    web.faults["/f"] = [Fault(cut=1000), *[Fault(status=500)] * 5]
    failure(here, f"{web.url}/f")
    web.files["/f"] = BODY[::-1]
    assert here.fetch(f"{web.url}/f") == BODY[::-1]


def test_without_a_validator_only_a_pinned_file_goes_on(web, here):
    web.validators = False
    web.faults["/f"] = [Fault(cut=1000)]
    assert here.fetch(f"{web.url}/f") == BODY
    web.faults["/f"] = [Fault(cut=1000)]
    assert here.fetch(f"{web.url}/f", PINNED) == BODY
    assert web.ranges("/f") == [None, None, None, "bytes=1000-"]


def test_parts_of_two_versions_are_noticed_by_the_pin_and_fetched_anew(web, here):
    web.validators = False
    web.files["/f"] = bytes(len(BODY))
    web.faults["/f"] = [Fault(cut=1000), *[Fault(status=500)] * 5]
    failure(here, f"{web.url}/f", PINNED)
    web.files["/f"] = BODY
    assert here.fetch(f"{web.url}/f", PINNED) == BODY
    assert web.ranges("/f")[-2:] == ["bytes=1000-", None]


def test_a_server_that_knows_no_ranges(web, here):
    web.faults["/f"] = [Fault(cut=1000), Fault(plain=True)]
    assert here.fetch(f"{web.url}/f") == BODY


def test_a_range_that_cannot_be_had_starts_anew(web, here):
    web.faults["/f"] = [Fault(cut=1000), Fault(status=416)]
    assert here.fetch(f"{web.url}/f") == BODY
    assert web.ranges("/f") == [None, "bytes=1000-", None]


def test_what_passes_is_tried_again_with_growing_pauses(web, here):
    web.faults["/f"] = [
        Fault(status=503),
        Fault(status=500),
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(cut=0),
    ]
    assert here.fetch(f"{web.url}/f") == BODY
    assert here.pauses == [0.5, 1.0, 7.0, 4.0]


def test_a_body_that_is_always_short_ends_with_what_arrived(web, here):
    web.faults["/f"] = [Fault(cut=1000, plain=True)] * 9
    error = failure(here, f"{web.url}/f")
    assert (error.class_, error.reason) == ("unsupported_here", "no_connection")
    assert "the connection ended after 1000 of 10240 bytes" in error.message


def test_nobody_listens(here):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # but does not listen: connections are refused
        error = failure(here, f"http://127.0.0.1:{bound.getsockname()[1]}/f")
    assert error.reason == "no_connection"
    assert "refused" in error.message
    assert "HTTPS_PROXY" in error.next_step
    assert here.pauses == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "not_found"), (410, "not_found"), (401, "access_denied"), (403, "access_denied")],
)
def test_a_refusal_is_not_tried_again(web, here, status, reason):
    web.faults["/f"] = [Fault(status=status)]
    error = failure(here, f"{web.url}/f")
    assert (error.class_, error.reason) == ("bad_request", reason)
    assert f"HTTP {status}" in error.message
    assert (len(web.asked), here.pauses) == (1, [])


def test_a_wrong_digest_is_refused_and_not_kept(web, here, tmp_path):
    web.files["/f"] = BODY[::-1]
    error = failure(here, f"{web.url}/f", PINNED)
    assert (error.class_, error.reason) == ("gate_failed", "digest_mismatch")
    assert SHA256 in error.message
    assert [file.name for file in tmp_path.rglob("*") if file.name in ("content", "partial")] == []
    assert len(web.asked) == 1


def test_a_wrong_size_is_refused_before_the_body_is_read(web, here):
    web.faults["/f"] = [Fault(cut=0)]
    error = failure(here, f"{web.url}/f", Pin(None, 5))
    assert (error.class_, error.reason) == ("gate_failed", "size_mismatch")
    assert "has 10240 bytes, but conf/ asks for 5" in error.message


def test_a_damaged_file_is_fetched_again(web, here, tmp_path):
    here.fetch(f"{web.url}/f")
    (content,) = tmp_path.rglob("content")
    content.write_bytes(b"damaged")
    assert here.fetch(f"{web.url}/f") == BODY
    assert len(web.asked) == 2


def test_a_pinned_file_is_the_same_file_at_another_address(web, here):
    web.files["/mirror/f"] = BODY
    here.fetch(f"{web.url}/f", PINNED)
    assert here.fetch(f"{web.url}/mirror/f", PINNED) == BODY
    assert web.paths() == ["/f"]


def test_a_full_disk_is_no_network_failure(web, here, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aqm_runner.fetching.downloads._receive", full)
    assert failure(here, f"{web.url}/f").reason == "disk_full"
    assert len(web.asked) == 1


def test_credentials_go_to_their_own_host_alone(web, tmp_path):
    with serving() as other:
        other.files["/elsewhere"] = BODY
        web.answers["/away"] = lambda _: (302, {"Location": f"{other.url}/elsewhere"}, b"")
        web.answers["/near"] = lambda _: (302, {"Location": "/f"}, b"")
        downloads = Downloads(tmp_path, credentials={"Authorization": "Bearer secret"})
        for path in ("/away", "/near"):
            assert downloads.fetch(f"{web.url}{path}", FREE).read_bytes() == BODY
        assert [request.headers.get("authorization") for request in web.asked] == [
            "Bearer secret"
        ] * 3
        assert "authorization" not in other.asked[0].headers


def test_a_proxy_of_the_environment_is_used(web, here, monkeypatch):
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    web.answers["http://data.example/f"] = lambda _: (200, {}, BODY)
    assert here.fetch("http://data.example/f") == BODY


@pytest.mark.parametrize("base", ["{}", "file://{}", "file://localhost{}/"])
def test_a_local_folder_is_read_in_place(tmp_path, here, base):
    (tmp_path / "with space").mkdir()
    (tmp_path / "with space" / "f").write_bytes(BODY)
    folder = str(tmp_path / "with space")
    source = Source(
        base.format(folder.replace(" ", "%20") if "file" in base else folder), here.downloads
    )
    assert source.get("f", PINNED) == tmp_path / "with space" / "f"
    with pytest.raises(RunnerError, match=r"not_found: .*/absent is not there"):
        source.get("absent")
    with pytest.raises(RunnerError, match="digest_mismatch"):
        source.get("f", Pin("0" * 64))
    assert not (tmp_path / "downloads").exists()


@pytest.mark.parametrize("base", ["ftp://example.org", "relative/path", "http://", "file://host/x"])
def test_an_unknown_kind_of_source_is_refused(here, base):
    with pytest.raises(RunnerError, match="unknown_source"):
        Source(base, here.downloads)


def test_where_downloads_lie(monkeypatch):
    monkeypatch.setenv("AQM_CACHE", "/a")
    assert downloads_folder() == Path("/a/downloads")
    monkeypatch.delenv("AQM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert downloads_folder() == Path("/x/aqm/downloads")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert downloads_folder() == Path("/h/.cache/aqm/downloads")


def test_a_lock_file_of_another_process_is_waited_for(web, here, tmp_path):
    """A child holds the lock, and lets go once it has written what is asked for."""
    url = f"{web.url}/f"
    slot = here.downloads._slot(url, FREE)
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with slot.locked():
            os.write(tell, b"x")
            slot.content.write_bytes(BODY)
            (slot.folder / "about.json").write_text(json.dumps({"url": url, "sha256": SHA256}))
        os._exit(0)
    os.read(ready, 1)
    assert here.fetch(url) == BODY
    assert web.asked == []
    os.waitpid(child, 0)
