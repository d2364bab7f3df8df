"""What the machine has: cores, memory, NVIDIA GPUs. Asked of the system, never of torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

QUERY = "name,memory.used,memory.total,utilization.gpu"
PATIENCE = 3.0


@dataclass(frozen=True)
class Gpu:
    """One GPU: memory in MB, utilisation in percent (NaN where the driver does not tell)."""

    name: str
    used: float
    total: float
    busy: float


def cores() -> int:
    """Number of processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads(asked: int = 0) -> int:
    """Threads to compute with: as many as ``asked`` for; else ``OMP_NUM_THREADS``; else one a core.

    The variable may be a list, one number for each level of nesting: the first one counts.
    """
    with suppress(ValueError):
        asked = asked or int(os.environ.get("OMP_NUM_THREADS", "").split(",")[0])
    return asked if asked > 0 else cores()


def memory() -> tuple[float, float] | None:
    """Free and total memory in GB; None where the system does not tell."""
    with suppress(OSError, ValueError, AttributeError):
        page = os.sysconf("SC_PAGE_SIZE") / 2**30
        free = _available() or os.sysconf("SC_AVPHYS_PAGES") * page
        return free, os.sysconf("SC_PHYS_PAGES") * page
    return None


def _available() -> float | None:
    """Memory in GB that programs can have: what Linux would take back from its caches included."""
    with suppress(OSError, ValueError, StopIteration), Path("/proc/meminfo").open() as file:
        line = next(line for line in file if line.startswith("MemAvailable"))
        return int(line.split()[1]) / 2**20
    return None


def peak_memory_mb() -> int | None:
    """Largest memory this process has had so far, in MB; None where the system does not tell."""
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts kilobytes, macOS bytes.
        return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
    return None


def gpus() -> list[Gpu]:
    """NVIDIA GPUs as their driver's own tool tells; empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        told = subprocess.run(
            [tool, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in told.stdout.splitlines():
        name, *numbers = (word.strip() for word in line.split(","))
        if len(numbers) == 3:
            found.append(Gpu(name, *(_number(word) for word in numbers)))
    return found


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def describe() -> str:
    """The machine in one line for the user."""
    parts = [f"{cores()} processor cores"]
    found = memory()
    if found:
        parts.append(f"{found[0]:.0f} of {found[1]:.0f} GB memory free")
    parts += [f"{g.name} ({g.used / 1024:.0f} of {g.total / 1024:.0f} GB in use)" for g in gpus()]
    if len(parts) <= 2:
        parts.append("no NVIDIA GPU")
    return ", ".join(parts)
