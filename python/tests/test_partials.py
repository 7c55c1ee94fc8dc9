"""Partial results: what is kept is what was measured, or it is measured again."""

import json
import os
import random
from pathlib import Path

import pytest

from aqm_runner.runner import partials as partials_module
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.partial_origin import open_partials
from aqm_runner.runner.partials import Partials
from aqm_runner.runner.places import Place
from aqm_runner.runner.reads import ReadGuard
from aqm_runner.runner.requests import Action

VALUE = {"divergence": 0.1 + 0.2, "calls": [1, 2]}


class Told(list):
    """Warnings, by their codes."""

    def __call__(self, code: str, _message: str) -> None:
        self.append(code)


def opened(folder: Path, origin: str = "here") -> tuple[Partials, Told]:
    told = Told()
    return Partials(folder, origin, told), told


def entry(folder: Path) -> Path:
    (found,) = (path for path in folder.rglob("*") if path.is_file())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of one identity with one item, `a`."""
    items = tmp_path / "identity" / "items"
    opened(items)[0].put("a", VALUE)
    return items


def test_an_item_that_was_kept_is_not_measured_again(folder):
    partials, told = opened(folder)
    assert partials.get("a") == VALUE
    assert partials.measure("a", lambda: pytest.fail("measured")) == VALUE
    assert partials.measure("b", lambda: 3) == 3
    assert partials.facts() == {"items": {"measured": 1, "reused": 1}}
    assert told == []


def test_a_value_is_the_same_whether_it_was_measured_or_kept(tmp_path):
    given = {"pair": (1, 2), "small": 5e-324, "third": 1 / 3}
    first = opened(tmp_path / "x")[0].measure("a", lambda: given)
    assert first == opened(tmp_path / "x")[0].get("a") == {**given, "pair": [1, 2]}


def test_an_item_put_twice_has_the_last_value_and_counts_once(folder):
    partials, _ = opened(folder)
    assert partials.get("a") == VALUE
    for value in (1, 2):
        partials.put("a", value)
    assert opened(folder)[0].get("a") == 2
    assert partials.facts() == {"items": {"measured": 1, "reused": 0}}
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("value", [None, float("nan"), [float("inf")], {"a": {1}}, b"bytes"])
def test_what_json_cannot_hold_is_refused(tmp_path, value):
    with pytest.raises((TypeError, ValueError)):
        opened(tmp_path / "x")[0].put("a", value)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["../../escaped", "/etc/passwd", "a/b", "", "ü\n\0", "x" * 5000])
def test_a_name_is_never_a_path(tmp_path, name):
    partials, _ = opened(tmp_path / "x")
    partials.put(name, 1)
    assert partials.get(name) == 1
    assert entry(tmp_path).parent == tmp_path / "x" / "here"


def test_a_torn_item_is_absent(folder):
    path = entry(folder)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        partials, told = opened(folder)
        assert partials.get("a") is None
        assert told == ["partial_damaged"]
        assert partials.facts() == {}
    partials.put("a", VALUE)
    assert path.read_bytes() == whole


def test_an_item_with_a_flipped_bit_is_absent(folder):
    path = entry(folder)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        partials, told = opened(folder)
        assert partials.get("a") is None
        assert told == ["partial_damaged"]


def test_an_item_of_another_identity_origin_or_name_is_absent(folder):
    other = folder.parent.with_name("other") / folder.name
    assert opened(other)[0].get("a") is None
    assert opened(folder, "elsewhere")[0].get("a") is None
    assert opened(folder)[0].get("b") is None
    # Not even where its file was moved to.
    path = entry(folder)
    folder.parent.rename(other.parent)
    partials, told = opened(other)
    assert partials.get("a") is None
    (other / "here").rename(other / "elsewhere")
    assert opened(other, "elsewhere")[0].get("a") is None
    assert told == ["partial_damaged"]
    assert not path.exists()


def test_a_pipe_in_place_of_an_item_is_not_waited_for(folder):
    path = entry(folder)
    path.unlink()
    os.mkfifo(path)
    partials, told = opened(folder)
    assert partials.measure("a", lambda: VALUE) == VALUE
    assert told == ["partial_damaged"]
    assert path.is_file()


@pytest.mark.parametrize("content", [None, 3 << 30], ids=["a folder", "a file of 3 GiB"])
def test_what_cannot_be_an_item_is_not_read_and_said_once(folder, content):
    path = entry(folder)
    path.unlink()
    if content is None:
        (path / "deep").mkdir(parents=True)
    else:
        path.touch()
        os.truncate(path, content)  # takes no room on the disk
    partials, told = opened(folder)
    assert partials.measure("a", lambda: VALUE) == VALUE
    assert told == ["partial_damaged"]
    again, told = opened(folder)
    assert again.get("a") == VALUE
    assert told == []


def test_an_item_that_could_not_be_read_again_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(partials_module, "LARGEST_BYTES", 200)
    partials, told = opened(folder)
    assert partials.measure("b", lambda: "x" * 200) == "x" * 200
    assert told == ["partial_not_kept"]
    assert opened(folder)[0].get("b") is None


def test_what_a_killed_process_left_behind_is_not_an_item(folder):
    path = entry(folder)
    path.rename(path.with_name(f"{path.name}.123.tmp"))
    partials, told = opened(folder)
    assert partials.get("a") is None
    assert told == []


@pytest.mark.parametrize(
    "place",
    ["partial", "partial/identity", "partial/identity/items", "partial/identity/items/here"],
)
def test_a_file_in_the_way_costs_a_warning(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    partials, told = opened(tmp_path / "partial" / "identity" / "items")
    for name in ("a", "b"):
        assert partials.measure(name, lambda: 7) == 7
    assert told == ["partial_damaged", "partial_not_kept"]
    assert partials.facts() == {"items": {"measured": 2, "reused": 0}}


def test_a_folder_that_goes_away_meanwhile_is_made_again(folder):
    partials, told = opened(folder)
    entry(folder).unlink()
    (folder / "here").rmdir()
    partials.put("b", 1)
    assert opened(folder)[0].get("b") == 1
    assert told == []


def test_without_a_folder_each_item_is_measured():
    partials = Partials()
    assert not partials.keeps
    assert [partials.measure("a", lambda: 1) for _ in range(2)] == [1, 1]
    assert partials.facts() == {"items": {"measured": 1, "reused": 0}}
    assert Partials().facts() == {}


# --- Bounds ---------------------------------------------------------------------------------------


class KilledError(Exception):
    """Stands for SIGKILL: nothing runs after it."""


def walk(partials: Partials, bound: int | None, die_at: int | None = None) -> str:
    """A resumable op: takes its items in a fixed order, and only as many as its bound allows."""

    def measured(item: int) -> float:
        if item == die_at:
            raise KilledError
        return 1 / (item + 3)

    items = range(20) if bound is None else range(min(bound, 20))
    return json.dumps(
        [partials.measure(f"item {item}", lambda i=item: measured(i)) for item in items]
    )


@pytest.mark.parametrize("seed", range(25))
def test_any_history_of_bounds_kills_and_damage_gives_what_it_gives_from_nothing(tmp_path, seed):
    """The model: the set of items that are kept. A run measures what it lacks, and nothing else."""
    chance = random.Random(seed)
    kept: set[int] = set()
    for _ in range(12):
        bound = chance.choice([None, *range(21)])
        wanted = set(range(20 if bound is None else bound))
        if kept and chance.random() < 0.3:
            damaged = chance.choice(sorted(kept))
            path = opened(tmp_path / "x")[0]._path(f"item {damaged}")
            path.write_text("damaged") if chance.random() < 0.5 else path.unlink()
            kept.remove(damaged)
        die_at = chance.choice([None, *range(20)])
        partials, _ = opened(tmp_path / "x")
        if die_at in wanted - kept:
            with pytest.raises(KilledError):
                walk(partials, bound, die_at)
            kept |= set(range(die_at))
            continue
        assert walk(partials, bound, die_at) == walk(Partials(), bound)
        counts = {"measured": len(wanted - kept), "reused": len(wanted & kept)}
        assert partials.facts() == ({"items": counts} if wanted else {})
        kept |= wanted


# --- As the runner opens them ---------------------------------------------------------------------


class Context:
    device = "cpu"
    warning = staticmethod(lambda _code, _message: None)


def test_nothing_is_kept_once_an_undeclared_file_was_read(tmp_path):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "declared").write_text("1")
    (workspace / "secret").write_text("2")
    action = Action("a", "work", {}, {}, {}, workspace / ".aqm/partial/identity/items")
    reads = ReadGuard()
    reads.begin(workspace, [Place(workspace / "declared", "folder", "declared")])
    partials = open_partials(action, Context(), reads)
    partials.measure("first", lambda: int((workspace / "declared").read_text()))
    with pytest.raises(RunnerError, match="secret") as raised:
        partials.measure("second", lambda: int((workspace / "secret").read_text()))
    assert raised.value.reason == "undeclared_read"
    assert reads.end() == ["secret"]
    again = open_partials(action, Context(), reads)
    assert again.get("first") == 1
    assert again.get("second") is None


def test_an_action_without_a_place_keeps_nothing():
    assert not open_partials(Action("a", "work", {}, {}, {}), Context(), ReadGuard()).keeps


def test_a_slow_item_is_durable_and_a_quick_one_is_not_worth_it(tmp_path, monkeypatch):
    import aqm_runner.runner.partials as module

    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    clock = iter([0.0, 1.0, 1.0 + module.SYNCED_FROM_SECONDS, 2.0, 2.0, 2.01, 3.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    partials, _ = opened(tmp_path / "x")
    partials.measure("slow", lambda: 1)
    assert len(synced) == 1
    partials.measure("quick", lambda: 1)
    assert len(synced) == 1
