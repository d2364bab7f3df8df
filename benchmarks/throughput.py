"""Which share of the machine's matrix throughput training reaches, and what changes it.

python benchmarks/throughput.py

One training step of the compact network on 16 images of 64 x 64 pixels, timed in several forms in
one run; the machine's own rate is that of a large bfloat16 (or float32) matrix product.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from s2s_core.config import COMPACT  # noqa: E402
from s2s_core.network.cdcin import CDCIN, CONTEXT_CHANNELS  # noqa: E402
from s2s_core.network.device import autocast, describe_device, set_threads  # noqa: E402
from s2s_core.network.losses import deep_supervision  # noqa: E402

CPU = torch.device("cpu")
SHAPE = (16, 1, 64, 64)


def seconds(work, repeats: int = 7) -> float:
    """Least time of one call after a warm-up."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def matrix_rate(kind: torch.dtype) -> float:
    """GFLOP/s of a square matrix product."""
    a = torch.randn(2048, 2048).to(kind)
    return 2 * 2048**3 / seconds(lambda: a @ a) / 1e9


def step(model, *, half: bool, last: bool):
    """One training step as a function, and its floating-point operations."""
    layout = torch.channels_last if last else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(SHAPE, generator=generator)
    context = torch.randn((SHAPE[0], CONTEXT_CHANNELS, *SHAPE[2:]), generator=generator)
    start, context = (x.contiguous(memory_format=layout) for x in (start, context))
    mask = torch.rand(SHAPE, generator=generator) < 0.25

    def work() -> None:
        with autocast(CPU) if half else nullcontext():
            outputs = model(start, start, mask, context).consistent
        loss = deep_supervision(outputs, torch.zeros_like(start), torch.ones_like(start), 2)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    with FlopCounterMode(display=False) as counter:
        work()
    return work, counter.get_total_flops()


def main() -> None:
    """Entry point."""
    set_threads(0)
    rate = {"bfloat16": matrix_rate(torch.bfloat16), "float32": matrix_rate(torch.float32)}
    attention = replace(COMPACT, attention_blocks=1, window=4, heads=2)
    wide = replace(attention, window=8, heads=4)
    forms = {
        "as shipped (bfloat16, channels last)": (COMPACT, True, True, False),
        "contiguous layout": (COMPACT, True, False, False),
        "float32": (COMPACT, False, True, False),
        "torch.compile": (COMPACT, True, True, True),
        "with attention, windows of 4 x 4": (attention, True, True, False),
        "with attention, windows of 8 x 8": (wide, True, True, False),
    }
    lines = [
        "# Throughput of training",
        "",
        f"`python benchmarks/throughput.py`, {datetime.date.today():%Y-%m-%d}, {describe_device(CPU)}, "
        f"{os.cpu_count()} cores. Matrix product: {rate['bfloat16']:.0f} GFLOP/s in bfloat16, "
        f"{rate['float32']:.0f} in float32.",
        "",
        "| form | seconds a step | relative | GFLOP | GFLOP/s | share of the bfloat16 product |",
        "|---|---|---|---|---|---|",
    ]
    base = None
    for name, (config, half, last, compiled) in forms.items():
        torch.manual_seed(0)
        model = CDCIN(config)
        try:
            if compiled:
                model = torch.compile(model)
            work, flops = step(model, half=half, last=last)
            took = seconds(work)
        except Exception as error:  # noqa: BLE001  a machine without a compiler is a result too
            lines.append(f"| {name} | not possible here: {type(error).__name__} | | | | |")
            continue
        base = base or took
        if compiled:
            work_plain, flops = step(CDCIN(config), half=half, last=last)
        achieved = flops / took / 1e9
        lines.append(
            f"| {name} | {took:.3f} | {took / base:.2f} | {flops / 1e9:.0f} | {achieved:.0f} "
            f"| {achieved / rate['bfloat16']:.0%} |"
        )
    lines += ["", *_where(COMPACT)]
    text = "\n".join(lines) + "\n"
    print(text)
    stem = Path(__file__).parent / "results" / f"{datetime.date.today():%Y-%m-%d}-throughput.md"
    stem.write_text(text)


def _where(config) -> list[str]:
    """Table of the operations a step spends its time in."""
    work, _ = step(CDCIN(config), half=True, last=True)
    work()
    with torch.profiler.profile() as profile:
        work()
    events = sorted(profile.key_averages(), key=lambda e: -e.self_cpu_time_total)
    total = sum(e.self_cpu_time_total for e in events)
    lines = ["Where a step's time goes:", "", "| operation | share |", "|---|---|"]
    return lines + [f"| {e.key} | {e.self_cpu_time_total / total:.0%} |" for e in events[:10]]


if __name__ == "__main__":
    main()
