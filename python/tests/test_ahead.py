"""What a runner that imports ahead of its first job may know of a device that is nobody's yet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from harness import PYTHON_ROOT

from aqm_runner.runner.ahead import capability_of_driver


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Puts a driver's tool on the path that does what is given."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-b547,GPU-6c5b")

    def become(body: str) -> Path:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\n{body}\n')
        tool.chmod(0o755)
        return tmp_path / "asked"

    return become


def test_the_driver_says_what_the_first_device_can_do(driver):
    asked = driver("echo 9.0")
    original = torch.cuda.get_device_capability
    with capability_of_driver():
        taken = torch.cuda.get_device_capability
        assert taken() == (9, 0)
        assert not torch.cuda.is_initialized()
    assert "--id=GPU-b547 " in asked.read_text()
    assert torch.cuda.get_device_capability is original


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch answers here")
def test_afterwards_and_of_other_devices_pytorch_is_asked(driver):
    driver("echo 9.0")
    with capability_of_driver():
        taken = torch.cuda.get_device_capability
        with pytest.raises((AssertionError, RuntimeError)):
            taken(1)
    with pytest.raises((AssertionError, RuntimeError)):
        taken()


@pytest.mark.parametrize("body", ["exit 9", "echo '[N/A]'", "echo 9"])
def test_where_the_driver_does_not_say_it_pytorch_is_asked(driver, body):
    driver(body)
    original = torch.cuda.get_device_capability
    with capability_of_driver():
        assert torch.cuda.get_device_capability is original


def test_without_a_device_nobody_is_asked(driver, monkeypatch):
    asked = driver("echo 9.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with capability_of_driver():
        pass
    assert not asked.exists()


def test_bytecode_of_pytorch_is_kept_as_well(driver, tmp_path):
    driver("echo 9.0")
    (tmp_path / "torch.py").write_text("class cuda:\n    get_device_capability = None\n")
    code = (
        "from aqm_runner.runner.ahead import capability_of_driver\n"
        "with capability_of_driver(): import torch"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{PYTHON_ROOT}", "AQM_BYTECODE": str(tmp_path / "kept")}
    subprocess.run([sys.executable, "-c", code], env=os.environ | path, check=True)
    assert list((tmp_path / "kept").rglob("torch.*.pyc"))
