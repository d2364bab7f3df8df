"""A made section of 100,000 positions from file to table: time and memory; writes a dated table.

python benchmarks/large_section.py [--side 316] [--genes 60]

Counts follow eight smooth patterns on a square lattice. Every other row and column is measured,
the rest is imputed by the preset fast on the command line, kriging and linear interpolation
beside it.
"""

from __future__ import annotations

import argparse
import datetime
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import anndata  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

HERE = Path(__file__).parent
PATTERNS = 8


def make(side: int, genes: int) -> anndata.AnnData:
    """Poisson counts of waves of 8 to 40 positions' length, in micrometres 8 um apart."""
    rng = np.random.default_rng(0)
    row, col = np.indices((side, side)).reshape(2, -1)
    waves = [
        np.sin(col / rng.uniform(8, 40) + rng.uniform(0, 6)) + np.cos(row / rng.uniform(8, 40))
        for _ in range(PATTERNS)
    ]
    rate = np.exp(0.3 * np.stack(waves, 1) @ rng.normal(size=(PATTERNS, genes)) - 0.5)
    counts = sparse.csr_matrix(rng.poisson(rate).astype(np.float32))
    obs = pd.DataFrame({"array_row": row, "array_col": col}, [f"s{i}" for i in range(len(row))])
    var = pd.DataFrame(index=[f"G{i}" for i in range(genes)])
    where = np.column_stack([col, row]) * 8.0
    return anndata.AnnData(counts, obs=obs, var=var, obsm={"spatial": where})


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=316)
    parser.add_argument("--genes", type=int, default=60)
    parser.add_argument("--name", default="large-section")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path, out = Path(place) / "large.h5ad", Path(place) / "out"
        make(args.side, args.genes).write_h5ad(path)
        begun = time.monotonic()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "s2s_core",
                "impute",
                str(path),
                "--mask",
                "lattice:2",
                "--out",
                str(out),
            ],
            check=True,
            cwd=HERE.parent,
        )
        wall, used = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        scores = pd.read_csv(out / "metrics.csv").groupby("method")[["pcc", "coverage"]].mean()
    row = {
        "positions": args.side**2,
        "genes": args.genes,
        "seconds": round(wall),
        "CPU seconds": round(used.ru_utime + used.ru_stime),
        "peak MB": round(used.ru_maxrss / 1024),
        "PCC": round(scores.loc["s2s", "pcc"], 4),
        "PCC of kriging": round(scores.loc["programme-kriging", "pcc"], 4),
        "covered": round(scores.loc["s2s", "coverage"], 4),
    }
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    cells = " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in row.values())
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`, {os.cpu_count()} cores. A quarter of the positions measured; scores "
        "at the others.",
        "",
        "| " + " | ".join(row) + " |",
        "|" + "---|" * len(row),
        f"| {cells} |",
    ]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md")


if __name__ == "__main__":
    main()
