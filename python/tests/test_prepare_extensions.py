"""What can be seen of it without a GPU: a device and a compiler are played by scripts on PATH."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import PYTHON_ROOT

from aqm_runner.modelopt import prepare_extensions
from aqm_runner.modelopt.prepare_extensions import (
    EXTENSIONS,
    STAMP,
    extensions_for,
    is_ready,
    setting,
)


def script(folder: Path, name: str, body: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def prepare(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aqm_runner.modelopt.prepare_extensions"],
        env={"PYTHONPATH": str(PYTHON_ROOT), "PATH": str(path), **env},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_without_a_folder_it_says_what_is_missing(tmp_path):
    ended = prepare(tmp_path)
    assert ended.returncode == 2
    assert "TORCH_EXTENSIONS_DIR" in ended.stdout


def test_without_a_device_or_a_compiler_there_is_nothing_to_prepare(tmp_path):
    folder = tmp_path / "extensions"
    ended = prepare(tmp_path / "bin", TORCH_EXTENSIONS_DIR=str(folder))
    assert (ended.returncode, ended.stdout) == (0, "nothing to prepare: no CUDA device is here\n")
    script(tmp_path / "bin", "nvidia-smi", "exit 9")
    assert "no CUDA device" in prepare(tmp_path / "bin", TORCH_EXTENSIONS_DIR=str(folder)).stdout
    script(tmp_path / "bin", "nvidia-smi", "echo 9.0")
    if not Path("/usr/local/cuda/bin/nvcc").exists():
        ended = prepare(tmp_path / "bin", TORCH_EXTENSIONS_DIR=str(folder))
        assert ended.returncode == 0
        assert "no nvcc" in ended.stdout
    assert not folder.exists()


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A machine with one device and a compiler, and the folder to compile into."""
    script(tmp_path / "bin", "nvidia-smi", "echo 9.0")
    script(tmp_path / "bin", "nvcc", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name in ("CUDA_HOME", "CUDA_PATH", "TORCH_CUDA_ARCH_LIST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "extensions"


def test_what_is_there_is_not_compiled_again(machine, capsys):
    wanted = setting()
    assert wanted["architectures"] == ["9.0"]
    for name in EXTENSIONS:
        (machine / name).mkdir(parents=True)
        (machine / name / f"{name}.so").write_bytes(b"compiled")
        (machine / name / STAMP).write_text(json.dumps(wanted))
        assert is_ready(machine / name, wanted)
        assert not is_ready(machine / name, wanted | {"torch": "9"})
    assert prepare_extensions.prepare(machine) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("3 of 3 extensions are ready")


def test_what_is_missing_is_compiled_side_by_side_and_a_failure_is_shown(
    machine, monkeypatch, capsys
):
    # Each process waits until all three have started.
    body = """
for each in modelopt_cuda_ext modelopt_cuda_ext_fp8 modelopt_cuda_ext_mx; do
  [ "$each" = "$4" ] && echo > "$TORCH_EXTENSIONS_DIR/started $each"
done
while [ "$(ls "$TORCH_EXTENSIONS_DIR" | grep -c started)" != 3 ]; do :; done
if [ "$4" = modelopt_cuda_ext_mx ]; then echo "error: no such instruction"; exit 5; fi
mkdir -p "$TORCH_EXTENSIONS_DIR/$4" && echo > "$TORCH_EXTENSIONS_DIR/$4/$4.so"
"""
    script(machine.parent / "bin", "python", body)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(machine))
    monkeypatch.setattr(sys, "executable", str(machine.parent / "bin/python"))
    assert prepare_extensions.prepare(machine) == 1
    told = capsys.readouterr().out
    assert "modelopt_cuda_ext: ready after" in told
    assert "modelopt_cuda_ext_mx: failed with exit code 5\n  error: no such instruction\n" in told
    ready = [name for name in EXTENSIONS if is_ready(machine / name, setting())]
    assert ready == ["modelopt_cuda_ext", "modelopt_cuda_ext_fp8"]


def test_a_compiler_does_not_wait_for_the_rest_of_modelopt():
    told = """
import sys
from aqm_runner.modelopt.prepare_extensions import EXTENSIONS, extensions_of_modelopt
extensions = extensions_of_modelopt()
print("transformers" in sys.modules, [hasattr(extensions, each) for each in EXTENSIONS.values()])
try:
    extensions.get_cuda_ext(raise_if_failed=True)
except RuntimeError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", told],
        env={"PYTHONPATH": str(PYTHON_ROOT), "PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith("False [True, True, True]\n")
    assert "modelopt_cuda_ext because CUDA is not available" in ended.stdout


def test_a_modelopt_that_lies_in_another_way_is_imported_whole(tmp_path):
    package = tmp_path / "modelopt/torch/quantization"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("import sys\nsys.whole = True\n")
    (package / "extensions.py").write_text("LOADED = True\n")
    told = """
import sys
from aqm_runner.modelopt.prepare_extensions import extensions_of_modelopt
print(extensions_of_modelopt().LOADED, sys.whole)
"""
    ended = subprocess.run(
        [sys.executable, "-c", told],
        env={"PYTHONPATH": f"{tmp_path}:{PYTHON_ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ended.stdout == "True True\n"


@pytest.mark.parametrize(
    ("numbers", "needed"),
    [
        (["fp8"], ["modelopt_cuda_ext_fp8"]),
        (["fp8", "int3", "int8"], ["modelopt_cuda_ext", "modelopt_cuda_ext_fp8"]),
        (["mxfp4"], ["modelopt_cuda_ext_mx"]),
        (["fp8", "fp6"], list(EXTENSIONS)),
        ([], list(EXTENSIONS)),
    ],
)
def test_number_formats_take_the_extensions_that_quantize_to_them(numbers, needed):
    assert extensions_for(numbers) == needed


@pytest.mark.parametrize(("kinds", "needed"), [("9.0", []), ("9.0\n8.6", ["modelopt_cuda_ext_mx"])])
def test_nvfp4_takes_none_where_triton_quantizes(machine, monkeypatch, kinds, needed):
    monkeypatch.setattr(prepare_extensions.util, "find_spec", lambda name: name)
    script(machine.parent / "bin", "nvidia-smi", f"printf '{kinds}'")
    assert extensions_for(["nvfp4"]) == needed
    monkeypatch.setattr(prepare_extensions.util, "find_spec", lambda _name: None)
    assert extensions_for(["nvfp4"]) == ["modelopt_cuda_ext_mx"]


def test_what_is_not_needed_is_not_compiled(machine, monkeypatch, capsys):
    body = 'mkdir -p "$TORCH_EXTENSIONS_DIR/$4" && echo > "$TORCH_EXTENSIONS_DIR/$4/$4.so"'
    script(machine.parent / "bin", "python", body)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(machine))
    monkeypatch.setattr(sys, "executable", str(machine.parent / "bin/python"))
    assert prepare_extensions.prepare(machine, ["fp8"]) == 0
    assert "1 of 1 extensions are ready" in capsys.readouterr().out
    assert [name for name in EXTENSIONS if (machine / name).exists()] == ["modelopt_cuda_ext_fp8"]
    assert prepare_extensions.prepare(machine) == 0
    told = capsys.readouterr().out
    assert "modelopt_cuda_ext_fp8: compiling" not in told
    assert "3 of 3 extensions are ready" in told


def test_what_the_short_header_does_not_suffice_for_is_compiled_with_the_whole_one(
    machine, monkeypatch, capsys
):
    header = machine / prepare_extensions.INCLUDES / "torch/extension.h"
    # FP8 needs more than the short header has.
    body = f"""
echo "$4 $CPATH" >> "$TORCH_EXTENSIONS_DIR/compilers"
[ "$4" = modelopt_cuda_ext_fp8 ] && [ -n "$CPATH" ] && exit 1
case "$CPATH" in {header.parents[1]}*) grep -q pybind.h {header} || exit 2;; esac
mkdir -p "$TORCH_EXTENSIONS_DIR/$4" && echo > "$TORCH_EXTENSIONS_DIR/$4/$4.so"
"""
    script(machine.parent / "bin", "python", body)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(machine))
    monkeypatch.setattr(sys, "executable", str(machine.parent / "bin/python"))
    monkeypatch.delenv("CPATH", raising=False)
    assert prepare_extensions.prepare(machine, ["fp8", "int8"]) == 0
    first = machine / prepare_extensions.INCLUDES
    assert sorted((machine / "compilers").read_text().splitlines()) == [
        f"modelopt_cuda_ext {first}",
        "modelopt_cuda_ext_fp8 ",
        f"modelopt_cuda_ext_fp8 {first}",
    ]
    assert "compiling what failed with PyTorch's whole header" in capsys.readouterr().out
    # A header that is newer than what was compiled with it would have ninja compile again.
    made = header.stat().st_mtime_ns
    monkeypatch.setenv("CPATH", "/of/the/user")
    found = prepare_extensions.with_short_header(machine)
    assert found == os.pathsep.join([str(first), "/of/the/user"])
    assert header.stat().st_mtime_ns == made


def test_a_file_in_the_way_of_the_short_header_does_not_keep_anything_from_being_compiled(
    machine, monkeypatch, capsys
):
    body = 'mkdir -p "$TORCH_EXTENSIONS_DIR/$4" && echo > "$TORCH_EXTENSIONS_DIR/$4/$4.so"'
    script(machine.parent / "bin", "python", body)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(machine))
    monkeypatch.setattr(sys, "executable", str(machine.parent / "bin/python"))
    machine.mkdir()
    (machine / prepare_extensions.INCLUDES).write_text("in the way")
    assert prepare_extensions.prepare(machine, ["fp8"]) == 0
    assert "the short header cannot be written" in capsys.readouterr().out


def test_the_short_header_is_part_of_the_whole_one():
    import torch

    include = Path(torch.__file__).parent / "include"
    api = include / "torch/csrc/api/include"
    reached, todo = set(), ["torch/extension.h"]
    while todo:
        name = todo.pop()
        for folder in (include, api):
            if name not in reached and (folder / name).is_file():
                reached.add(name)
                todo += re.findall(r"#include <(torch/[^>]+)>", (folder / name).read_text())
    short = set(re.findall(r"#include <([^>]+)>", prepare_extensions.SHORT_HEADER))
    assert len(short) == 2
    assert short <= reached
