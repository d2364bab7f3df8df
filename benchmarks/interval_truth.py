"""What the 90 % intervals hold: genes, rims, depths, few spots, hot spots; writes a dated table.

python benchmarks/interval_truth.py [--method programme-kriging] [--sections NAME,...]

Hidden spots of sections under lattice:2 and with 20, 30, 60 and 90 spots measured at random.
*Inside*: share of hidden values inside the interval, mean over genes. *Genes*: share of the genes
whose interval holds at least 85 %. *Rim*: hidden spots with a missing neighbour. *Shallow*, *deep*:
the fifth of hidden spots with the least and the most counts. *Hot*: hidden values above the gene's
90 % quantile, chosen by their true value: no interval given the prediction holds 90 % of them.
*Refitted*: inside, had the method been fitted again without each fold that intervals learn from
(classical methods only): the difference is what settings chosen with these spots cost.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import HERE, sections  # noqa: E402
from report_tables import as_markdown, three_places  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.assessment.intervals import calibrate  # noqa: E402
from s2s_core.config import RunConfig, preset  # noqa: E402
from s2s_core.data.observation import folds, known_values, observe  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.imputation import run  # noqa: E402
from s2s_core.interfaces import Hooks  # noqa: E402
from s2s_core.methods import method  # noqa: E402

FEW = (20, 30, 60, 90)
SEEDS = 2
ENOUGH = 0.85
# Distance of neighbours on any lattice, in pitches.
NEXT = 1.1


def rim(section: Section) -> np.ndarray:
    """(n,) bool: positions with fewer neighbours than the lattice has."""
    xy = section.grid.lattice_xy(*np.divmod(section.pixels, section.grid.shape[1]))
    near = cKDTree(xy).query_ball_point(xy, NEXT, return_length=True) - 1
    return near < (6 if section.grid.kind == "hex" else 4)


def refitted(section: Section, config: RunConfig) -> float:
    """Share inside intervals that learned from refits without each fold."""
    obs, chosen = observe(section), method(config.method)
    mean, sd = np.empty_like(obs.values), np.ones_like(obs.values)
    for out in folds(obs):
        rest = replace(obs.subset(~out), lattice=obs.lattice)
        found = chosen.fit(rest, config, Hooks())(rest, obs.pixels[out])
        mean[out] = found.mean
        sd[out] = 1.0 if found.sd is None else found.sd
    calibration = calibrate(obs.values, mean, sd, config.coverage)
    hidden = section.hidden
    found = chosen.fit(obs, config, Hooks())(obs, section.pixels[hidden])
    spread = np.ones_like(found.mean) if found.sd is None else found.sd
    answer = calibration.answer(found.mean.astype(np.float32), spread.astype(np.float32))
    truth = known_values(section, obs.target_sum)[hidden]
    return float(((truth >= answer.lower) & (truth <= answer.upper)).mean())


def account(section: Section, config: RunConfig) -> dict:
    """Shares inside for one run."""
    result = run(section, config)
    hidden = section.hidden
    truth = result.truth[hidden]
    inside = (truth >= result.layers["lower"][hidden]) & (truth <= result.layers["upper"][hidden])
    genes = inside.mean(0)
    depth = section.spot_totals[hidden]
    fifth = np.quantile(depth, [0.2, 0.8])
    hot = (truth > np.quantile(truth, 0.9, axis=0)) & (truth > 0)
    at_rim = rim(section)[hidden]
    return {
        "measured": int(section.measured.sum()),
        "inside": genes.mean(),
        "genes": (genes >= ENOUGH).mean(),
        "5 % gene": np.quantile(genes, 0.05),
        "rim": inside[at_rim].mean() if at_rim.any() else np.nan,
        "interior": inside[~at_rim].mean(),
        "shallow": inside[depth <= fifth[0]].mean(),
        "deep": inside[depth >= fifth[1]].mean(),
        "hot": inside[hot].mean(),
        "width": (result.layers["upper"] - result.layers["lower"])[hidden].mean(),
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="programme-kriging")
    parser.add_argument("--sections", type=lambda t: t.split(","))
    parser.add_argument("--masks", type=lambda t: t.split(","), help="instead of the usual ones")
    parser.add_argument("--name", default="interval-truth")
    args = parser.parse_args()
    rows = []
    for path in sections(args.sections):
        whole = read(path)
        count = int(whole.known.sum())
        few = [f"random:{k / count:.4f}" for k in FEW for _ in range(SEEDS)]
        masks = [(mask, i % SEEDS) for i, mask in enumerate(few)] + [("lattice:2", 0)]
        if args.masks:
            masks = [(mask, 0) for mask in args.masks]
        for mask, seed in masks:
            section = sample(whole, mask, seed)
            config = preset("fast", method=args.method, compare=(), seed=seed)
            row = {"section": path.stem, "mask": mask, "seed": seed, **account(section, config)}
            row["refitted"] = np.nan if args.method == "s2s" else refitted(section, config)
            rows.append(row)
            print(row, flush=True)
    write(pd.DataFrame(rows), args.name)


def write(table: pd.DataFrame, name: str) -> None:
    """A dated table, and the mean over sections of as many measured spots."""
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{name}"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
    table["spots"] = np.select(
        [table["measured"] <= most for most in (25, 45, 75, 100)],
        ["about 20", "about 30", "about 60", "about 90"],
        "more",
    )
    mean = table.drop(columns=["section", "mask", "seed"]).groupby("spots").mean().reset_index()
    lines = [f"# {stem.name}", "", f"`python {' '.join(sys.argv)}`", "", *__doc__.split("\n")[4:]]
    for part in (mean, table.drop(columns="spots")):
        lines += ["", *as_markdown(part, three_places)]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md and .csv")


if __name__ == "__main__":
    main()
