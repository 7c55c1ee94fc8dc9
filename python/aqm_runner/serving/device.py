"""Where vLLM is to believe that it runs: without a GPU, on an invented one, or on the one there is.

An invented device is vLLM's own CUDA platform with a capability that was not measured, and a
`libcuda.so.1` whose functions all say that there is no device: so vLLM's own code chooses kernels
for that GPU. Nothing can run there, and every result names the device as invented.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aqm_runner.runner.failures import unsupported_here

# What vLLM's extensions link against; version 0.33.0, found with `nm -D --undefined-only`.
_DRIVER = (
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuDeviceGetAttribute",
    "cuDevicePrimaryCtxRetain",
    "cuDriverGetVersion",
    "cuGetErrorString",
    "cuGetProcAddress_v2",
    "cuMemAddressFree",
    "cuMemAddressReserve",
    "cuMemCreate",
    "cuMemGetAllocationGranularity",
    "cuMemMap",
    "cuMemRelease",
    "cuMemSetAccess",
    "cuMemUnmap",
    "cuPointerGetAttribute",
    "cuTensorMapEncodeTiled",
)
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


@dataclass(frozen=True)
class Device:
    """One value of the param `device`.

    Attributes:
        kind: "cpu", "invented" or "cuda".
        capability: Compute capability of an invented device, as (9, 0); else None.
    """

    kind: str
    capability: tuple[int, int] | None = None

    @property
    def label(self) -> str:
        """Returns the name that results have for a device that is not a real GPU."""
        if self.capability is None:
            return self.kind
        major, minor = self.capability
        return f"invented, compute capability {major}.{minor}"

    def variables(self, scratch: Path) -> dict[str, str]:
        """Returns the environment of a process in which vLLM sees this device.

        Args:
            scratch: A folder that outlives the process, for the stub of the driver.

        Raises:
            RunnerError: unsupported_here `no_compiler`.
        """
        variables = {
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_PLUGINS": "",  # none: a plugin could be another platform
            "VLLM_LOGGING_LEVEL": "WARNING",
            # Nothing is read from or written to the user's home.
            "VLLM_CACHE_ROOT": os.environ.get("VLLM_CACHE_ROOT") or str(scratch / "cache"),
            "VLLM_CONFIG_ROOT": str(scratch / "config"),
        }
        if self.kind == "cpu":
            variables["VLLM_TARGET_DEVICE"] = "cpu"
        if self.kind == "invented":
            before = os.environ.get("LD_LIBRARY_PATH")
            folders = [str(_stub_driver(scratch)), *([before] if before else [])]
            variables["LD_LIBRARY_PATH"] = ":".join(folders)
            # FlashInfer compiles for a device that is there.
            variables["VLLM_USE_FLASHINFER_SAMPLER"] = "0"
        return variables


def device_of(param: dict[str, Any]) -> Device:
    """Returns the device that the op's param names."""
    if param["kind"] != "invented":
        return Device(param["kind"])
    major, minor = param["capability"].split(".")
    return Device("invented", (int(major), int(minor)))


def _stub_driver(scratch: Path) -> Path:
    """Compiles a `libcuda.so.1` without a device; returns its folder."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise unsupported_here(
            "no_compiler",
            "There is no C compiler: vLLM links against the CUDA driver, and an invented device "
            "needs one that can be loaded without a GPU.",
            next_step="Install a C compiler (cc), or ask for the device cpu.",
        )
    folder = scratch / "driver"
    folder.mkdir()
    source = folder / "driver.c"
    source.write_text("".join(f"int {name}(void) {{ return {_NO_DEVICE}; }}\n" for name in _DRIVER))
    soname = "libcuda.so.1"
    arguments = ["-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", str(folder / soname)]
    built = subprocess.run([compiler, *arguments, str(source)], capture_output=True, text=True)
    if built.returncode != 0:
        raise unsupported_here(
            "no_compiler",
            f"{compiler} could not build a library without a device: {built.stderr.strip()[-500:]}",
            next_step="Repair the C compiler, or ask for the device cpu.",
        )
    return folder


def pretend(capability: tuple[int, int]) -> None:
    """Makes vLLM take this process for one on a GPU of a compute capability; before its import.

    Everything but what is overridden here is vLLM's own CUDA platform.
    """
    import vllm.platforms as platforms
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    class InventedPlatform(NonNvmlCudaPlatform):
        @classmethod
        def get_device_capability(cls, device_id: int = 0) -> DeviceCapability:
            del device_id
            return DeviceCapability(*capability)

        @classmethod
        def has_device_capability(cls, capability: Any, device_id: int = 0) -> bool:
            return cls.get_device_capability(device_id) >= _pair(capability)

        @classmethod
        def get_device_name(cls, device_id: int = 0) -> str:
            del device_id
            return "invented"

        @classmethod
        def get_device_total_memory(cls, device_id: int = 0) -> int:
            del device_id
            return 80 << 30

        @classmethod
        def device_count(cls) -> int:
            return 1

        @classmethod
        def num_compute_units(cls, device_id: int = 0) -> int:
            del device_id
            return 132

        @classmethod
        def check_if_supports_dtype(cls, dtype: Any) -> None:
            """Every dtype: a capability that does not take one is told by the layers."""

    platforms._current_platform = InventedPlatform()


def _pair(capability: Any) -> tuple[int, int]:
    """Returns (9, 0) for 90 and for (9, 0): vLLM writes both."""
    if isinstance(capability, int):
        return divmod(capability, 10)
    return (capability[0], capability[1])
