"""Partial results are of one origin: packages, Python and processor."""

from aqm_runner.runner import partial_origin
from aqm_runner.runner.partial_origin import origin_digest


def test_another_package_python_or_processor_is_another_origin(monkeypatch):
    origins = {origin_digest("cpu")}
    assert origins == {origin_digest("cpu")}
    for name, value in (("_packages", ["torch==0"]), ("_processor", "Another CPU @ 1 GHz")):
        monkeypatch.setattr(partial_origin, name, lambda value=value: value)
        origins.add(origin_digest("cpu"))
    monkeypatch.setattr(partial_origin.platform, "python_version", lambda: "3.99.0")
    origins.add(origin_digest("cpu"))
    assert len(origins) == 4
