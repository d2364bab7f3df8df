"""What each step of ours adds, mean answers alone: minutes where the benchmark takes hours.

python benchmarks/steps.py [--sections NAME,...] [--methods NAME,...] [--mask lattice:2]

PCC and RMSE at hidden spots: bilinear interpolation, kriging per gene and of programmes averaged
as ours, the first estimate with its regression, and the network. Sections already in today's
table are not done again.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pandas as pd  # noqa: E402
import reference_methods  # noqa: E402, F401  registers itself
from benchmark import HERE, LIKE_OURS, OURS, sections  # noqa: E402
from report_tables import as_markdown  # noqa: E402
from residuals import score_means  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.data.observation import known_values, observe  # noqa: E402

METHODS = ("linear", "bilinear", *LIKE_OURS, OURS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", type=lambda t: t.split(","))
    parser.add_argument("--methods", type=lambda t: t.split(","), default=list(METHODS))
    parser.add_argument("--mask", default="lattice:2")
    parser.add_argument("--name", default="steps")
    args = parser.parse_args()
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    table = stem.with_suffix(".csv")
    done = pd.read_csv(table) if table.exists() else pd.DataFrame(columns=["section", "method"])
    for path in sections(args.sections):
        kept = set(done.loc[done["section"] == path.stem, "method"])
        names = [name for name in args.methods if name not in kept]
        if not names:
            continue
        section = sample(read(path), args.mask)
        obs = observe(section)
        truth = known_values(section, obs.target_sum)
        found = score_means(section, names, preset("fast"), obs, truth)
        means = found.groupby("method", sort=False)[["pcc", "rmse"]].mean().reset_index()
        means.insert(0, "section", path.stem)
        means.insert(1, "measured", int(section.measured.sum()))
        done = pd.concat([done, means], ignore_index=True)
        done.to_csv(table, index=False, float_format="%.5f")
        print(means.to_string(index=False), flush=True)
    lines = [f"# Step by step, {args.mask}", "", f"`python {' '.join(sys.argv)}`", ""]
    for score in ("pcc", "rmse"):
        wide = done.pivot_table(index=["section", "measured"], columns="method", values=score)
        wide = wide[[name for name in METHODS if name in wide]].reset_index()
        lines += [f"## {score.upper()}, mean over genes", "", *as_markdown(wide), ""]
    stem.with_suffix(".md").write_text("\n".join(lines))
    print(f"Wrote {stem}.md and .csv")


if __name__ == "__main__":
    main()
