"""Processes beside this one, on any system: commands with bounds, ends of whole trees."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

# How often a bounded command is looked at, in seconds. What it takes in between is not prevented.
LOOK = 0.1
# How long a tree may take to end once it was told to.
ENDING = 5.0


@dataclass(frozen=True)
class Bounds:
    """What a command may take, its children included.

    Attributes
    ----------
    cpu_seconds : float
        CPU time: a busy machine must not make a sound command look endless.
    gigabytes : float
        Resident memory, in units of 2**30 bytes.
    clock_seconds : float or None
        Time by the clock; None sets no bound.
    """

    cpu_seconds: float
    gigabytes: float
    clock_seconds: float | None = None


def run_bounded(
    command: Sequence[str],
    bounds: Bounds,
    *,
    log: int | IO[bytes] = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int | None:
    """Exit status of a command; None where it went over a bound and was ended, children and all.

    Parameters
    ----------
    command : sequence of str
    bounds : Bounds
    log : int or binary file
        Where its error stream goes; what it prints is dropped.
    env, cwd : as of :class:`subprocess.Popen`
    """
    started = time.monotonic()
    process = psutil.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        env=env,
        cwd=cwd,
    )
    try:
        while True:
            with suppress(psutil.TimeoutExpired):
                return process.wait(timeout=LOOK)
            late = (
                bounds.clock_seconds is not None
                and time.monotonic() - started > bounds.clock_seconds
            )
            if late or _beyond(process, bounds):
                return None
    finally:
        end_tree(process.pid)


def _beyond(process: psutil.Process, bounds: Bounds) -> bool:
    seconds, memory = 0.0, 0
    with suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = one.cpu_times()
                seconds += times.user + times.system
                memory += one.memory_info().rss
    return seconds > bounds.cpu_seconds or memory > bounds.gigabytes * 2**30


def end_tree(process_id: int) -> None:
    """End a process and all it started, at once; one that is gone already is no error."""
    try:
        parent = psutil.Process(process_id)
        tree = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
    psutil.wait_procs(tree, timeout=ENDING)


def is_running(process_id: int, word: str) -> bool:
    """Whether a process works that has the word in its command line.

    Ids are given again to other processes: ``word`` says whether it is the one that is meant.
    """
    if process_id <= 0:
        return False
    try:
        process = psutil.Process(process_id)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and any(word in argument for argument in process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        # Somebody else's, and so none that this program has started.
        return False
