"""The collector leaves the objects of libraries alone, and nothing that an earlier op left."""

import gc
import sys
import weakref
from types import SimpleNamespace

import pytest

from aqm_runner.runner.server import Server

OP = "coco_annotations"


class Model:
    """Stands for one that a library ties into a cycle."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def server(monkeypatch):
    told = []
    events = SimpleNamespace(emit=lambda *given, **fields: told.append(fields))
    monkeypatch.delitem(sys.modules, f"aqm_runner.ops.{OP}", raising=False)
    yield Server(events)
    gc.unfreeze()


def test_libraries_are_left_alone_once_an_op_is_imported(server):
    before = gc.get_freeze_count()
    server._load(SimpleNamespace(job="j"), OP, None)
    assert gc.get_freeze_count() > before
    assert gc.isenabled()


def test_what_an_earlier_op_left_in_a_cycle_is_not_kept_with_them(server):
    gc.disable()
    left = weakref.ref(Model())
    assert left() is not None
    server._load(SimpleNamespace(job="j"), OP, None)
    assert left() is None


def test_the_collector_is_on_again_after_an_op_that_is_none(server):
    with pytest.raises(Exception, match="no_such_op"):
        server._load(SimpleNamespace(job="j"), "no_such_op", None)
    assert gc.isenabled()
