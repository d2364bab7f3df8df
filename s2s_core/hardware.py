"""What the machine has: cores, memory, NVIDIA GPUs. Asked of the system, never of torch."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass

import psutil
from threadpoolctl import threadpool_limits

# The kernel's own count of the most memory a process ever held; Windows keeps it elsewhere.
try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

# Measured spots below which linear algebra runs on one thread.
FEW_SPOTS = 1500
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


def blas_threads(spots: int, asked: int = 0) -> threadpool_limits:
    """As many threads for linear algebra as may be used, one with few measured spots.

    Its idle threads spin for a while after every call, in the way of the network's own: with
    180 measured spots a run took 16 s with two of them and 11 s with one, with 1,700 135 and
    149 s (x86-64, 2 cores, 2026-11-21).
    """
    return threadpool_limits(1 if spots < FEW_SPOTS else threads(asked), "blas")


def memory() -> tuple[float, float]:
    """Memory in GB that programs can have (what caches would give back included), and all of it."""
    found = psutil.virtual_memory()
    return found.available / 2**30, found.total / 2**30


def peak_memory_mb() -> float:
    """The most memory in MB that this process held at any time; its present one where the system
    keeps no such count."""
    if resource is not None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts kilobytes, macOS bytes.
        return peak / (2**20 if platform.system() == "Darwin" else 2**10)
    used = psutil.Process().memory_info()
    return getattr(used, "peak_wset", used.rss) / 2**20


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
    free, total = memory()
    parts = [f"{cores()} processor cores", f"{free:.0f} of {total:.0f} GB memory free"]
    parts += [f"{g.name} ({g.used / 1024:.0f} of {g.total / 1024:.0f} GB in use)" for g in gpus()]
    if len(parts) <= 2:
        parts.append("no NVIDIA GPU")
    return ", ".join(parts)
