"""Does the proposed next batch help more than spots by lot? Writes a dated table.

python benchmarks/next_batch.py [--sections NAME,...] [--seeds 5]

A fifth of a section is measured at random and imputed by kriging of gene programmes; a twentieth
is added as proposed (`design next`), by lot, or where the run is least sure one by one.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import DATA  # noqa: E402
from scipy.stats import ttest_rel  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.assessment.metrics import pearson  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.data.observation import known_values, observe  # noqa: E402
from s2s_core.interfaces import Hooks
from s2s_core.methods import method
from s2s_core.sampling.next_batch import next_batch, uncertainty  # noqa: E402

HERE = Path(__file__).parent
SECTIONS = (
    "visium_human_breast_crop",
    "visium_human_prostate_normal_crop",
    "visium_mouse_brain_coronal",
)
FIRST, ADDED = "random:0.2", 0.05
WAYS = ("none", "by lot", "least sure", "next batch")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", type=lambda t: t.split(","), default=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    rows = []
    for name in args.sections:
        section = read(DATA / f"{name}.h5ad").everything_known()
        for seed in range(args.seeds):
            first = sample(section, FIRST, seed)
            count = round(ADDED * section.measured.sum())
            spread = impute(first)[1]
            free = np.nonzero(~first.measured)[0]
            batches = {
                "none": free[:0],
                "by lot": np.random.default_rng(seed).choice(free, count, replace=False),
                "least sure": free[np.argsort(-uncertainty(first, spread)[free])[:count]],
                "next batch": section.spot_ids.get_indexer(
                    next_batch(first, spread, count, seed)["spot_id"]
                ),
            }
            for way in WAYS:
                mask = first.measured.copy()
                mask[batches[way]] = True
                then = section.with_measured(mask)
                rows.append({"section": name, "seed": seed, "way": way, **scores(then)})
                print(rows[-1], flush=True)
    write(pd.DataFrame(rows))


def impute(section) -> tuple[np.ndarray, np.ndarray]:
    """Kriging of programmes at all positions: mean and deviation."""
    obs = observe(section)
    answer = method("programme-kriging").fit(obs, preset("fast"), Hooks())(obs, obs.targets)
    return answer.mean, answer.sd


def scores(section) -> dict:
    """Mean over genes of PCC and RMSE of the whole map, measured values in place."""
    truth = known_values(section, observe(section).target_sum)
    guess = impute(section)[0]
    guess[section.measured] = truth[section.measured]
    error = (guess - truth)[section.known]
    return {
        "pcc_map": float(np.nanmean(pearson(truth[section.known], guess[section.known]))),
        "rmse_map": float(np.sqrt((error**2).mean(0)).mean()),
    }


def write(table: pd.DataFrame) -> None:
    """Write the dated tables as CSV and Markdown."""
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-next-batch"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`. {FIRST} measured, {ADDED:.0%} added; kriging of gene programmes; mean over "
        "genes of the whole map with measured values in place; p: paired t-test over seeds against spots by lot.",
        "",
        "| section | added | PCC map | gain on by lot | p | RMSE map |",
        "|" + "---|" * 6,
    ]
    for (section, way), part in table.groupby(["section", "way"], sort=False):
        lot = table[(table["section"] == section) & (table["way"] == "by lot")]
        gain = part["pcc_map"].to_numpy() - lot["pcc_map"].to_numpy()
        p = 1.0 if way == "by lot" else ttest_rel(part["pcc_map"], lot["pcc_map"]).pvalue
        lines.append(
            f"| {section} | {way} | {part['pcc_map'].mean():.4f} | {gain.mean():+.4f} | {p:.2g} "
            f"| {part['rmse_map'].mean():.4f} |"
        )
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md and .csv")


if __name__ == "__main__":
    main()
