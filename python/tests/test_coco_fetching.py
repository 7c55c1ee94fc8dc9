"""COCO's files from a local server: the archive, and only the images that a subset names."""

import io
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from harness import FakeContext, Runner, action, of_type, request, run_op
from web import Fault, Web, serving

from aqm_runner.runner.failures import RunnerError

ARCHIVE = "/annotations/annotations_trainval2017.zip"
TRAIN, VAL = "captions_train2017.json", "captions_val2017.json"


@pytest.fixture
def web(coco: Path) -> Iterator[Web]:
    """COCO's layout, with the synthetic data set in it."""
    with serving() as web:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("annotations/instances_val2017.json", "[]" * 1000)
            for name, role in ((TRAIN, "annotations_train"), (VAL, "annotations_val")):
                archive.writestr(f"annotations/{name}", (coco / role).read_bytes())
        web.files[ARCHIVE] = packed.getvalue()
        for image in (coco / "images").rglob("*.jpg"):
            name = image.relative_to(coco / "images").as_posix()
            web.files[f"/{name}"] = image.read_bytes()
        yield web


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("AQM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def archived(source: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "archive": {"path": ARCHIVE[1:], **more}}


def named(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[0] for row in connection.execute("SELECT image_relpath FROM vlm_calib_samples")}


def below(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_two_files_come_out_of_the_archive(web, coco, tmp_path):
    context = FakeContext()
    out = tmp_path / "out"
    web.faults[ARCHIVE] = [Fault(cut=100)]
    run_op("coco_annotations", archived(web.url), {}, out, context)
    for role in ("annotations_train", "annotations_val"):
        assert (out / role).read_bytes() == (coco / role).read_bytes()
    assert below(out) == {"annotations_train", "annotations_val"}
    assert web.ranges(ARCHIVE) == [None, "bytes=100-"]
    size = len(web.files[ARCHIVE])
    assert context.phases[0] == ("fetch annotations_trainval2017.zip, kB", size // 1000)
    assert context.phases[-1] == ("unpack", 2)
    assert size // 1000 in context.steps


def test_unpacked_annotations_need_no_archive(web, coco, tmp_path):
    for name, role in ((TRAIN, "annotations_train"), (VAL, "annotations_val")):
        web.files[f"/annotations/{name}"] = (coco / role).read_bytes()
    run_op("coco_annotations", {"source": web.url, "archive": None}, {}, tmp_path / "out")
    assert (tmp_path / "out/annotations_val").read_bytes() == (
        coco / "annotations_val"
    ).read_bytes()
    assert ARCHIVE not in web.paths()


def test_a_local_folder_serves_as_well(web, coco, subset, tmp_path, cache):
    folder = tmp_path / "coco"
    for path, content in web.files.items():
        (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (folder / path[1:]).write_bytes(content)
    run_op("coco_annotations", archived(str(folder)), {}, tmp_path / "annotations")
    inputs = {"database": subset / "database"}
    run_op("coco_images", {"source": f"file://{folder}"}, inputs, tmp_path / "out")
    assert below(tmp_path / "out/images") == named(subset / "database")
    assert not cache.exists()
    assert web.asked == []


def hostile(kind: str) -> bytes:
    """Returns a small archive that asks for a password, for another program, or for a disk."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (TRAIN, VAL):
            archive.writestr(name, bytes(4 << 20) if kind in ("bomb", "lie") else b"{}")
    data = bytearray(packed.getvalue())
    # Offsets of the flags and of the method: ZIP file format, local and central headers.
    for mark, flags, method in ((b"PK\3\4", 6, 8), (b"PK\1\2", 8, 10)):
        at = data.find(mark)
        while at >= 0:
            data[at + flags] |= kind == "password"
            data[at + method] = 97 if kind == "method" else data[at + method]
            at = data.find(mark, at + 1)
    if kind == "lie":  # the packed size, in the central headers
        for at in (data.find(b"PK\1\2"), data.rfind(b"PK\1\2")):
            data[at + 20 : at + 24] = (1 << 24).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["password", "method", "bomb", "lie"])
def test_an_archive_that_cannot_be_unpacked_within_bounds_is_refused(web, tmp_path, kind):
    web.files[ARCHIVE] = hostile(kind)
    with pytest.raises(RunnerError) as caught:
        run_op("coco_annotations", archived(web.url), {}, tmp_path / "out")
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "unreadable_archive")
    assert caught.value.next_step
    assert sum(path.stat().st_size for path in (tmp_path / "out").glob("*")) <= 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>log in</html>", "unreadable_archive"),
        (None, "unreadable_archive"),
        ("empty", "missing_member"),
    ],
)
def test_what_is_no_such_archive_is_refused_and_asked_for_again(web, tmp_path, content, reason):
    good = web.files[ARCHIVE]
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    damaged = bytearray(good)
    damaged[400] ^= 255
    web.files[ARCHIVE] = (
        bytes(damaged) if content is None else empty.getvalue() if content == "empty" else content
    )
    with pytest.raises(RunnerError, match=reason) as caught:
        run_op("coco_annotations", archived(web.url), {}, tmp_path / "out")
    assert web.url in caught.value.message
    if reason == "unreadable_archive":
        web.files[ARCHIVE] = good
        run_op("coco_annotations", archived(web.url), {}, tmp_path / "again")


def test_a_pinned_archive_must_have_that_digest(web, tmp_path):
    with pytest.raises(RunnerError, match="digest_mismatch"):
        run_op("coco_annotations", archived(web.url, sha256="0" * 64), {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_named_images_are_fetched_and_each_once(web, coco, sample, subset, tmp_path):
    small, large = named(subset / "database"), named(sample / "database")
    context = FakeContext()
    inputs = {"database": subset / "database"}
    facts = run_op("coco_images", {"source": web.url}, inputs, tmp_path / "small", context)
    assert facts["images"] == len(small)
    assert context.phases == [("fetch images", len(small))]
    assert context.steps == list(range(1, len(small) + 1))
    assert sorted(web.paths()) == sorted(f"/{name}" for name in small)
    for name in small:
        assert (tmp_path / "small/images" / name).read_bytes() == (
            coco / "images" / name
        ).read_bytes()
    inputs = {"database": sample / "database"}
    run_op("coco_images", {"source": web.url}, inputs, tmp_path / "large")
    assert below(tmp_path / "large/images") == large
    assert sorted(web.paths()) == sorted(f"/{name}" for name in large)
    assert len(large) > len(small)


def test_an_image_that_is_not_there_or_is_none(web, subset, tmp_path):
    inputs = {"database": subset / "database"}
    name = sorted(named(subset / "database"))[0]
    good = web.files.pop(f"/{name}")
    with pytest.raises(RunnerError, match="not_found") as caught:
        run_op("coco_images", {"source": web.url}, inputs, tmp_path / "one")
    assert f"{web.url}/{name} is not there (HTTP 404)" in caught.value.message
    web.files[f"/{name}"] = b"<html>log in</html>"
    with pytest.raises(RunnerError, match="not_an_image"):
        run_op("coco_images", {"source": web.url}, inputs, tmp_path / "two")
    web.files[f"/{name}"] = good
    run_op("coco_images", {"source": web.url}, inputs, tmp_path / "three")
    # What had arrived before was not asked for again, but for the page that was no image.
    assert web.paths().count(f"/{name}") == 3
    assert all(web.paths().count(f"/{other}") == 1 for other in named(subset / "database") - {name})


def test_a_path_that_leads_elsewhere_is_refused(web, subset, tmp_path):
    database = tmp_path / "database"
    database.write_bytes((subset / "database").read_bytes())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE vlm_calib_samples SET image_relpath = '../../x.jpg' WHERE id = 1"
        )
    with pytest.raises(RunnerError, match="unsafe_path"):
        run_op("coco_images", {"source": web.url}, {"database": database}, tmp_path / "out")
    assert web.asked == []


def test_a_real_runner_may_read_its_downloads_in_the_workspace(web, tmp_path):
    """The guard over reads knows the downloads folder, wherever AQM_CACHE says that it is."""
    runner = Runner(tmp_path / "log", AQM_CACHE=str(tmp_path / "work/.cache"))
    for turn in ("first", "second"):
        one = action("coco_annotations", archived(web.url), {}, tmp_path / turn)
        runner.send(request(turn, one) | {"workspace": str(tmp_path / "work")})
        events = runner.events.until("idle", job=turn)
        assert {event["role"] for event in of_type(events, "artifact")} == {
            "annotations_train",
            "annotations_val",
        }
    assert web.paths() == [ARCHIVE]
    assert runner.end()[0] == 0
