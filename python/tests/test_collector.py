"""The collector leaves the objects of libraries alone, and nothing that an earlier op left."""

import gc
import sys
import weakref

import pytest

from aqm_runner.runner.registry import load_op

OP = "coco_annotations"


class Model:
    """Stands for one that a library ties into a cycle."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, f"aqm_runner.ops.{OP}", raising=False)
    yield
    gc.unfreeze()


def test_libraries_are_left_alone_once_an_op_is_imported():
    before = gc.get_freeze_count()
    load_op(OP)
    assert gc.get_freeze_count() > before
    assert gc.isenabled()


def test_what_an_earlier_op_left_in_a_cycle_is_not_kept_with_them():
    gc.disable()
    left = weakref.ref(Model())
    assert left() is not None
    load_op(OP)
    assert left() is None


def test_the_collector_is_on_again_after_an_op_that_is_none():
    with pytest.raises(ModuleNotFoundError):
        load_op("no_such_op")
    assert gc.isenabled()
