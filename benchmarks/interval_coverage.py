"""Why intervals cover more than they promise where nearly all values are zero; writes a dated table.

python benchmarks/interval_coverage.py [--mask lattice:2]

Reads what `benchmark.py` has done. An interval that holds 90 % of a gene's values holds every zero
as soon as nine in ten values are zero, so it covers at least the share of zeros: *least* is the
mean over genes of the larger of 90 % and that share, and no honest interval covers less.
"""

from __future__ import annotations

import argparse
import datetime
import sys

import numpy as np
import pandas as pd
from benchmark import HERE, RUNS, Case, sections

from s2s_core import read, sample
from s2s_core.data.observation import known_values, observe

PROMISED = 0.9


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mask", default="lattice:2")
    parser.add_argument("--name", default="interval-coverage")
    args = parser.parse_args()
    rows = []
    for path in sections(None):
        table = Case(path, args.mask, 0, "s2s", "fast").stem.with_suffix(".csv")
        if table.exists():
            section = sample(read(path), args.mask)
            truth = known_values(section, observe(section).target_sum)[section.hidden]
            zeros = pd.Series((truth == 0).mean(0), section.genes)
            scores = pd.read_csv(table)
            scores = scores[scores["method"] == "s2s"].set_index("gene")["coverage"]
            rows.append({"section": path.stem, **account(zeros, scores.reindex(zeros.index))})
    if not rows:
        sys.exit(f"Nothing is done under {args.mask} in {RUNS}; run benchmarks/benchmark.py first.")
    out = pd.DataFrame(rows)
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    out.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`, {args.mask}, hidden spots. "
        f"*Least*: mean over genes of the larger of {PROMISED:.0%} and the share of zeros; no honest interval "
        "covers less.",
        "",
        "| " + " | ".join(out.columns) + " |",
        "|" + "---|" * len(out.columns),
    ]
    lines += [
        "| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |"
        for row in out.itertuples(index=False)
    ]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md and .csv")


def account(zeros: pd.Series, coverage: pd.Series) -> dict:
    """Coverage beside the least that is possible, genes of few and of nearly all zeros apart."""
    few = zeros < PROMISED
    return {
        "genes": len(zeros),
        "zeros": zeros.mean(),
        "least": np.maximum(PROMISED, zeros).mean(),
        "covered": coverage.mean(),
        "genes under 90 % zeros": int(few.sum()),
        "covered there": coverage[few].mean(),
        "covered elsewhere": coverage[~few].mean(),
    }


if __name__ == "__main__":
    main()
