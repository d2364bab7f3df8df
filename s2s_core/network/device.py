"""Where training runs: CUDA with bfloat16, Apple MPS, or the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from s2s_core import hardware
from s2s_core.errors import S2SError


def choose_device(name: str = "auto") -> torch.device:
    """Device by name; ``auto`` takes CUDA, else MPS, else the CPU.

    Raises
    ------
    S2SError
        If the named device is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if name not in there:
        raise S2SError(f"Unknown device {name!r}; choose auto, cpu, cuda or mps.")
    if not there[name]:
        raise S2SError(f"This machine has no {name} device that torch can use; choose auto or cpu.")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Device in words, for the run's record and the screen."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA)"
    if device.type == "mps":
        return "Apple GPU (MPS)"
    return f"CPU, {torch.get_num_threads()} threads"


def set_threads(threads: int) -> None:
    """Use this many CPU threads; 0 leaves it to :func:`s2s_core.hardware.threads`."""
    torch.set_num_threads(hardware.threads(threads))


def autocast(device: torch.device, precision: str = "auto") -> AbstractContextManager:
    """bfloat16 arithmetic where asked or, by ``auto``, where the device is fast at it.

    Weights stay float32.
    """
    fast = device.type == "cuda" or (device.type == "cpu" and _cpu_has_bfloat16())
    if precision == "bfloat16" or (precision == "auto" and fast):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _cpu_has_bfloat16() -> bool:
    # Without the instructions (avx512_bf16, amx) torch emulates, slower than float32.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
