"""Limits of this process, as far as the system has them."""

from __future__ import annotations

import sys
from pathlib import Path

_MB = 1_000_000


def limit_process(memory: int, seconds: int, output: int) -> bool:
    """Limit the memory, the computing time and the files of this process from now on.

    Args:
        memory: bytes besides those in use now.
        seconds: computing time, after which the system ends the process.
        output: bytes of a file that it writes.

    Returns:
        Whether the system keeps the limit of memory; otherwise the process has to watch it.
    """
    if sys.platform == "win32":
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return False
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return True


def used() -> int:
    """The most memory that this process has used, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return _used_on_windows()
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if sys.platform == "win32":

    def _used_on_windows() -> int:
        import ctypes
        from ctypes import wintypes

        class Counters(ctypes.Structure):
            _fields_ = (
                ("size", wintypes.DWORD),
                ("faults", wintypes.DWORD),
                ("peak", ctypes.c_size_t),
                ("others", ctypes.c_size_t * 7),
            )

        kernel = ctypes.windll.kernel32
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        counters = Counters()
        counters.size = ctypes.sizeof(counters)
        kernel.K32GetProcessMemoryInfo(
            wintypes.HANDLE(kernel.GetCurrentProcess()), ctypes.byref(counters), counters.size
        )
        return int(counters.peak)
