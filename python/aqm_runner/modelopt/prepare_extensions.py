"""Compiles ModelOpt's CUDA extensions ahead of the first GPU step, side by side.

    TORCH_EXTENSIONS_DIR=… python -m aqm_runner.modelopt.prepare_extensions [NUMBERS…]

Compiles those that quantizing to these number formats takes ("int8", "fp8", "nvfp4"); without any,
or for one that is not known here, all three. What is left out and used all the same, ModelOpt
compiles when it is first used.

Inside a scoring job they would be compiled one after the other, for two minutes, while a GPU is
held. What was prepared with the same libraries, compiler and kind of device is not looked at
again. Prints lines for people. Exit codes: 0 ready, or nothing can be compiled here (the last line
says why); 1 a compiler failed; 2 no folder was named.
"""

import argparse
import fcntl
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path
from types import ModuleType
from typing import Any

from aqm_runner.runner.bytecode import keep_bytecode

# Extension to the function of modelopt.torch.quantization.extensions that loads it.
EXTENSIONS = {
    "modelopt_cuda_ext": "get_cuda_ext",
    "modelopt_cuda_ext_fp8": "get_cuda_ext_fp8",
    "modelopt_cuda_ext_mx": "get_cuda_ext_mx",
}
# Number format to the extension that ModelOpt 0.47.0 quantizes to it with on a GPU.
INTEGERS = re.compile(r"int\d+")
FOR_NUMBERS = {"fp8": "modelopt_cuda_ext_fp8", "mxfp4": "modelopt_cuda_ext_mx"}
# From this kind of device on, ModelOpt quantizes to NVFP4 with a kernel of Triton.
TRITON_QUANTIZES = (8, 9)
# Stands for the header of this name while ModelOpt's sources are compiled. That one has all of
# PyTorch's C++ front end, of which they use no more than these two headers, which it includes: half
# of a compiler's time went into the rest. Code for the device is the same to the byte.
SHORT_HEADER = """#pragma once
#include <torch/types.h>
#include <torch/csrc/utils/pybind.h>
"""
INCLUDES = "aqm-include"
STAMP = "aqm-prepared.json"
# torch leaves this file in a build folder while it compiles, and waits for ever if it is left.
LOCK = "lock"
LOCK_IS_DEAD_SECONDS = 600
SHOWN_LINES = 20
# Exit code of a process that found torch without CUDA, though there are a driver and a compiler.
NO_CUDA = 3


def main() -> int:
    """Prepares all extensions, or loads the one named by --only; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="aqm_runner.modelopt.prepare_extensions", description=__doc__
    )
    parser.add_argument("numbers", nargs="*", metavar="NUMBERS", help="int8, fp8, nvfp4, mxfp4")
    parser.add_argument("--only", choices=EXTENSIONS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        return compile_one(arguments.only)
    folder = os.environ.get("TORCH_EXTENSIONS_DIR")
    if not folder:
        say("TORCH_EXTENSIONS_DIR is not set; name there the folder to compile into")
        return 2
    return prepare(Path(folder), arguments.numbers)


def prepare(folder: Path, numbers: list[str] | None = None) -> int:
    """Compiles into `folder` what `numbers` take and is not there yet; returns the exit code."""
    start = time.monotonic()
    reason = why_not()
    if reason is not None:
        say(f"nothing to prepare: {reason}")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".aqm-prepare").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two builds at once: the second finds all done
        wanted = setting()
        needed = extensions_for(numbers or [])
        missing = [name for name in needed if not is_ready(folder / name, wanted)]
        failures = compile_all(folder, missing, wanted)
        ready = sum(is_ready(folder / name, wanted) for name in needed)
    say(f"{ready} of {len(needed)} extensions are ready ({time.monotonic() - start:.1f} s)")
    return 1 if failures else 0


def extensions_for(numbers: list[str]) -> list[str]:
    """Returns the extensions that quantizing to these number formats takes here; all for none."""
    if not numbers:
        return list(EXTENSIONS)
    needed = set()
    for name in numbers:
        if INTEGERS.fullmatch(name):
            needed.add("modelopt_cuda_ext")
        elif name in FOR_NUMBERS:
            needed.add(FOR_NUMBERS[name])
        elif name == "nvfp4":
            if not triton_quantizes():
                needed.add("modelopt_cuda_ext_mx")
        else:
            return list(EXTENSIONS)
    return [each for each in EXTENSIONS if each in needed]


def triton_quantizes() -> bool:
    """Returns whether ModelOpt has its NVFP4 kernel of Triton for all devices here."""
    kinds = [tuple(map(int, each.split("."))) for each in compute_capabilities()]
    return util.find_spec("triton") is not None and all(each >= TRITON_QUANTIZES for each in kinds)


def why_not() -> str | None:
    """Returns why nothing can be compiled here; None if it can."""
    if not compute_capabilities():
        return "no CUDA device is here"
    if compiler() is None:
        return "no nvcc is on PATH or in CUDA_HOME"
    return None


def compile_all(folder: Path, names: list[str], wanted: dict[str, Any]) -> list[str]:
    """Compiles extensions in a process each; returns the names of those that failed."""
    if not names:
        return []
    try:
        variables = {"CPATH": with_short_header(folder)}
    except OSError as error:
        say(f"the short header cannot be written ({error})")
        return compile_each(folder, names, wanted, {})
    failed = compile_each(folder, names, wanted, variables)
    if not failed:
        return []
    say("compiling what failed with PyTorch's whole header")
    return compile_each(folder, failed, wanted, {})


def with_short_header(folder: Path) -> str:
    """Writes the short header, once, and returns CPATH with it in front of all other headers.

    It stays where it is: ninja compiles again when a header that was read is gone or newer.
    """
    header = folder / INCLUDES / "torch/extension.h"
    if not header.is_file() or header.read_text(encoding="utf-8") != SHORT_HEADER:
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(SHORT_HEADER, encoding="utf-8")
    of_user = os.environ.get("CPATH")
    return os.pathsep.join([str(folder / INCLUDES), *([of_user] if of_user else [])])


def compile_each(
    folder: Path, names: list[str], wanted: dict[str, Any], variables: dict[str, str]
) -> list[str]:
    """Compiles extensions side by side under variables; returns the names of those that failed."""
    failures = []
    started = {}
    for name in names:
        lock = folder / name / LOCK
        if lock.exists() and time.time() - lock.stat().st_mtime > LOCK_IS_DEAD_SECONDS:
            lock.unlink()
        say(f"{name}: compiling")
        started[name] = subprocess.Popen(
            [sys.executable, "-m", "aqm_runner.modelopt.prepare_extensions", "--only", name],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    start = time.monotonic()
    for name, process in started.items():
        output, _ = process.communicate()
        if process.returncode == 0:
            (folder / name / STAMP).write_text(json.dumps(wanted, indent=2, sort_keys=True) + "\n")
            say(f"{name}: ready after {time.monotonic() - start:.1f} s")
        elif process.returncode == NO_CUDA:
            say(f"{name}: nothing to prepare: torch sees no CUDA device")
        else:
            failures.append(name)
            say(f"{name}: failed with exit code {process.returncode}")
            for line in output.splitlines()[-SHOWN_LINES:]:
                say(f"  {line}")
    return failures


def compile_one(name: str) -> int:
    """Compiles and loads one extension in this process; raises if that fails."""
    keep_bytecode()
    import torch

    if not torch.cuda.is_available():
        return NO_CUDA
    getattr(extensions_of_modelopt(), EXTENSIONS[name])(raise_if_failed=True)
    return 0


def extensions_of_modelopt() -> ModuleType:
    """Returns `modelopt.torch.quantization.extensions`, in a process that uses nothing else of it.

    Its packages import all of ModelOpt and transformers, for which a compiler would have to wait
    some 10 s. So empty packages stand for them, unless ModelOpt lies there in another way than in
    0.47.0.
    """
    found = util.find_spec("modelopt")
    folders = list(found.submodule_search_locations or []) if found else []
    names = [f"modelopt{each}" for each in ("", ".torch", ".torch.quantization", ".torch.utils")]
    for name in names:
        package = ModuleType(name)
        package.__path__ = [
            f"{each}{name.removeprefix('modelopt').replace('.', '/')}" for each in folders
        ]
        sys.modules[name] = package
    try:
        compiles = importlib.import_module("modelopt.torch.utils.cpp_extension")
        sys.modules["modelopt.torch.utils"].load_cpp_extension = compiles.load_cpp_extension
        return importlib.import_module("modelopt.torch.quantization.extensions")
    except (ImportError, AttributeError):
        for name in [each for each in sys.modules if each.split(".")[0] == "modelopt"]:
            del sys.modules[name]
        return importlib.import_module("modelopt.torch.quantization.extensions")


def is_ready(folder: Path, wanted: dict[str, Any]) -> bool:
    """Returns whether an extension lies in its folder, made under the same setting."""
    try:
        made = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return made == wanted and (folder / f"{folder.name}.so").is_file()


def setting() -> dict[str, Any]:
    """Returns what the compiled code depends on."""
    return {
        "architectures": os.environ.get("TORCH_CUDA_ARCH_LIST") or compute_capabilities(),
        "compiler": compiler(),
        "modelopt": metadata.version("nvidia-modelopt"),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
    }


def compute_capabilities() -> list[str]:
    """Returns the kinds of the devices here; asks the driver's tool, as importing torch is slow."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return []
    return sorted(set(told.stdout.split())) if told.returncode == 0 else []


def compiler() -> str | None:
    """Returns the path of nvcc, looked for where torch looks."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    named = [f"{home}/bin/nvcc" for home in homes[:2] if home]
    found = [*named, shutil.which("nvcc"), f"{homes[2]}/bin/nvcc"]
    return next((path for path in found if path and os.access(path, os.X_OK)), None)


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
