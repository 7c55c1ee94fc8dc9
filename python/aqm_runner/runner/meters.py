"""What an action used: memory peaks and time."""

import contextlib
import resource
import sys
from pathlib import Path

PROC = Path("/proc/self")


class Meter:
    """Peaks since `reset`, in bytes; of several GPUs that of the fullest one.

    GPU memory is looked at only if torch was imported.
    """

    def __init__(self) -> None:
        self._gpu_peak = 0

    def reset(self) -> None:
        """Starts a new measurement; a kept process must not report its former job's peak."""
        with contextlib.suppress(OSError):
            (PROC / "clear_refs").write_text("5")  # resets VmHWM; Linux only
        self._gpu_peak = 0
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            for device in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(device)

    def sample(self) -> None:
        """Notes the GPU peak so far; ModelOpt resets torch's own when scoring starts."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            devices = range(torch.cuda.device_count())
            self._gpu_peak = max(self._gpu_peak, *map(torch.cuda.max_memory_allocated, devices))

    def note(self, gpu_peak: int | None) -> None:
        """Notes the peak of a device that another process of the job is on."""
        self._gpu_peak = max(self._gpu_peak, gpu_peak or 0)

    def peaks(self) -> dict[str, int | None]:
        """Returns the fields of a `resource` event."""
        self.sample()
        torch = sys.modules.get("torch")
        on_gpu = torch is not None and torch.cuda.is_initialized()
        return {
            "peak_memory_bytes": _peak_memory(),
            "peak_gpu_memory_bytes": self._gpu_peak if on_gpu else None,
        }


def _peak_memory() -> int:
    with contextlib.suppress(OSError):
        for line in (PROC / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
