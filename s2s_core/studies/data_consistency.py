"""The paper's sanity check of data consistency: measured values must come out as they went in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.config import PRESETS, ModelConfig, RunConfig
from s2s_core.data.observation import observe
from s2s_core.data.section import Section
from s2s_core.data.store import atomic
from s2s_core.imputation import run
from s2s_core.interfaces import Hooks
from s2s_core.methods import method
from s2s_core.sampling.apply import sample

# Odd and even sizes, larger and smaller than a window.
SIZES = ((64, 64), (37, 53), (5, 9))
MEASURED = 0.25


def check_consistency(
    section: Section,
    folder: Path,
    config: RunConfig,
    *,
    mask: str = "lattice:2",
    hooks: Hooks | None = None,
) -> pd.DataFrame:
    """Check random tensors through untrained networks, then a trained run on the section.

    Writes ``summary.csv`` and ``report.md``.

    Returns
    -------
    DataFrame
        One row a check: what, cascade, measured (how many values), before and after (largest
        absolute difference from the measured values before and after data consistency),
        identical (bit for bit).
    """
    hooks = hooks or Hooks()
    rows = []
    for label, model in (("compact", PRESETS["fast"].model), ("published", PRESETS["paper"].model)):
        for size in SIZES:
            for row in random_tensors(model, size, config.seed):
                rows.append(
                    {"what": f"random tensor {size[0]} x {size[1]}, {label} network", **row}
                )
    rows.append(_on_section(sample(section, mask, config.seed), config, hooks))
    table = pd.DataFrame(rows)
    good = bool(table["identical"].all())
    lines = [
        "# dc: Do measured values come out as they went in?",
        "",
        "Yes: every measured value is bit-identical after data consistency."
        if good
        else "NO: measured values were changed.",
        "",
        f"Random tensors go through untrained networks with {MEASURED:.0%} of the pixels measured. The last row "
        f"is a trained run (preset {config.preset}, {mask}): the map as the engine predicts it, and as it is "
        "delivered.",
        "",
        "| what | cascade | measured values | largest change before | after | identical |",
        "|" + "---|" * 6,
    ]
    lines += [
        f"| {r['what']} | {r['cascade']} | {r['measured']:,} | {r['before']:.4g} | {r['after']:.4g} "
        f"| {'yes' if r['identical'] else 'NO'} |"
        for r in rows
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / "summary.csv") as file:
        table.to_csv(file, index=False)
    with atomic(folder / "report.md") as file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def random_tensors(model: ModelConfig, size: tuple[int, int], seed: int) -> list[dict]:
    """Every cascade of an untrained network on a random tensor with a random mask."""
    import torch

    from s2s_core.network.cdcin import CDCIN, CONTEXT_CHANNELS

    generator = torch.Generator().manual_seed(seed)
    start, values = torch.randn(2, 1, 1, *size, generator=generator)
    mask = torch.rand(1, 1, *size, generator=generator) < MEASURED
    mask[..., 0, 0] = True
    context = (
        torch.randn(1, CONTEXT_CHANNELS, *size, generator=generator) if model.context else None
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CDCIN(model).eval()
        for cascade in network.cascades:
            # The compact network begins with no correction at all: give it one to undo.
            torch.nn.init.normal_(cascade.get_parameter("out.weight"), std=0.1)
    measured = torch.where(mask, values, 0.0)
    with torch.no_grad():
        before, after = network(start, measured, mask, context)
    return [
        {
            "cascade": k,
            "measured": int(mask.sum()),
            "before": float((raw - values)[mask].abs().max()),
            "after": float((out - values)[mask].abs().max()),
            "identical": bool(torch.equal(out[mask], values[mask])),
        }
        for k, (raw, out) in enumerate(zip(before, after, strict=True), 1)
    ]


def _on_section(sampled: Section, config: RunConfig, hooks: Hooks) -> dict:
    """A trained run: predicted and delivered values at the measured spots."""
    obs = observe(sampled)
    config = replace(config, method="s2s", compare=())
    predicted = method("s2s").fit(obs, config, hooks)(obs, obs.pixels).mean
    delivered = run(
        sampled, config, on_progress=hooks.on_progress, should_stop=hooks.should_stop
    ).maps["s2s"][sampled.measured]
    return {
        "what": "the section",
        "cascade": config.model.cascades,
        "measured": obs.values.size,
        "before": float(np.abs(predicted - obs.values).max()),
        "after": float(np.abs(delivered - obs.values).max()),
        "identical": bool(np.array_equal(delivered, obs.values)),
    }
