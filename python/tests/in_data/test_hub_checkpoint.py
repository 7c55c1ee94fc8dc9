"""A checkpoint from a local server that speaks the hub's language, through the real library."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import FakeContext, run_op
from hub_web import FILES, INCLUDE, REPOSITORY, REVISION, WEIGHTS, HubWeb, resolve
from web import Fault, serving

from aqm_runner.runner.failures import RunnerError


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[HubWeb]:
    monkeypatch.setenv("AQM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    monkeypatch.setattr("aqm_runner.fetching.listing.time.sleep", lambda _: None)
    monkeypatch.setattr("aqm_runner.fetching.downloads.FIRST_PAUSE_SECONDS", 0.0)
    with serving() as web, serving() as store:
        yield HubWeb(web, store)


def fetch(hub: HubWeb, folder: Path, context: FakeContext | None = None, /, **changes) -> Path:
    params = {
        "hub": REPOSITORY,
        "revision": REVISION,
        "endpoint": hub.web.url,
        "include": INCLUDE,
    } | changes
    run_op("hub_checkpoint", params, {}, folder, context)
    return folder / "checkpoint"


def failure(hub: HubWeb, folder: Path, /, **changes) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        fetch(hub, folder, **changes)
    assert not (folder / "checkpoint").exists()
    assert caught.value.next_step
    return caught.value


def test_the_files_that_matter_come_and_nothing_else(hub, tmp_path):
    context = FakeContext()
    folder = fetch(hub, tmp_path / "out", context)
    kept = {"config.json", "model.safetensors", "merges.txt"}
    assert {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == {
        name: FILES[name] for name in kept
    }
    total = sum(len(FILES[name]) for name in kept) // 1000
    assert context.phases == [("list", None), ("fetch, kB", total)]
    assert context.steps[-1] == total
    assert context.steps == sorted(context.steps)


def test_nothing_is_fetched_twice(hub, tmp_path):
    fetch(hub, tmp_path / "first")
    fetch(hub, tmp_path / "second")
    assert len(hub.store.asked) == 1
    assert hub.web.paths().count(resolve("config.json")) == 1


def test_weights_go_on_where_the_connection_was_cut(hub, tmp_path):
    path = "/blobs/model.safetensors"
    hub.store.faults[path] = [Fault(cut=5000), *[Fault(status=503)] * 5]
    error = failure(hub, tmp_path / "first")
    assert error.reason == "no_connection"
    folder = fetch(hub, tmp_path / "second")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.store.ranges(path)[-1] == "bytes=5000-"
    # Each attempt asks the hub anew, since what it redirects to is good for a while only.
    assert hub.web.paths().count(resolve("model.safetensors")) == len(hub.store.asked)


def test_the_token_goes_to_the_hub_and_not_to_where_the_weights_lie(hub, tmp_path, monkeypatch):
    hub.gated = True
    monkeypatch.setenv("HF_TOKEN", "right")
    monkeypatch.setenv("HF_ENDPOINT", hub.web.url)
    fetch(hub, tmp_path / "out")
    assert all(request.headers.get("authorization") == "Bearer right" for request in hub.web.asked)
    assert ["authorization" in request.headers for request in hub.store.asked] == [False]


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_gated_model_names_the_token(hub, tmp_path, monkeypatch, token):
    hub.gated = True
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
        monkeypatch.setenv("HF_ENDPOINT", hub.web.url)
    error = failure(hub, tmp_path / "out")
    assert (error.class_, error.reason) == ("bad_request", "access_denied")
    assert "HF_TOKEN" in error.next_step
    assert ("does not help" if token else "no token was given") in error.message
    assert REPOSITORY in error.message


def test_a_file_that_is_gated_when_the_list_is_not(hub, tmp_path):
    hub.web.faults[resolve("model.safetensors")] = [Fault(status=403)]
    assert "HF_TOKEN" in failure(hub, tmp_path / "out").next_step


@pytest.mark.parametrize("revision", ["main", "v1.0", REVISION[:12], REVISION.upper()])
def test_a_revision_that_moves_is_refused_before_anything_is_asked(hub, tmp_path, revision):
    error = failure(hub, tmp_path / "out", revision=revision)
    assert (error.class_, error.reason) == ("bad_request", "unpinned_revision")
    assert "commit id" in error.message
    assert "40 hexadecimal digits" in error.next_step
    assert hub.web.asked == []


def test_an_unknown_revision_or_repository(hub, tmp_path):
    other = "f" * 40
    hub.web.answers[f"/api/models/{REPOSITORY}/tree/{other}"] = lambda _: (
        404,
        {"X-Error-Code": "RevisionNotFound"},
        b"{}",
    )
    error = failure(hub, tmp_path / "out", revision=other)
    assert error.reason == "unknown_revision"
    assert other in error.message
    hub.web.answers[f"/api/models/owner/none/tree/{REVISION}"] = lambda _: (
        404,
        {"X-Error-Code": "RepoNotFound"},
        b"{}",
    )
    assert failure(hub, tmp_path / "out", hub="owner/none").reason == "not_found"
    assert failure(hub, tmp_path / "out", hub="a/b/c").reason == "not_found"
    assert failure(hub, tmp_path / "out", include=["*.gguf"]).reason == "missing_files"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_content_that_is_not_what_the_list_says_is_refused(hub, tmp_path, name):
    hub.lie[name] = "0" * (64 if name == "model.safetensors" else 40)
    error = failure(hub, tmp_path / "out")
    assert (error.class_, error.reason) == ("gate_failed", "digest_mismatch")
    assert name in error.message
    hub.lie.clear()
    fetch(hub, tmp_path / "again")


def test_a_hub_that_cannot_be_reached(hub, tmp_path):
    error = failure(hub, tmp_path / "out", endpoint="http://127.0.0.1:1")
    assert error.reason == "no_connection"
    path = f"/api/models/{REPOSITORY}/tree/{REVISION}"
    hub.web.faults[path] = [Fault(status=500)] * 20
    assert failure(hub, tmp_path / "out").reason == "no_connection"
