"""How few genes a panel may have before scaling spots by the panel's own totals spoils it.

python benchmarks/few_genes.py

Panels of k genes are drawn at random from whole sections. The right value of a gene is
log1p(count x median total / total) with totals over all genes of the file. Against it, over the
spots, stand two ways that know the panel alone: scaled by the panel's own totals, and not scaled
at all. Writes a dated table; docs/formats.md and `s2s_core/data/depth.py` take their threshold from it.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

from s2s_core import read  # noqa: E402
from s2s_core.assessment.metrics import pearson  # noqa: E402
from s2s_core.data.observation import log_normalise  # noqa: E402

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
SIZES = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 200)
DRAWS = 20
# A gene that is seen in fewer spots says nothing about scaling.
SEEN = 0.05


def scaled(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """log1p of counts scaled to the median of the totals; spots without any stay at zero."""
    return log_normalise(sparse.csr_matrix(counts), float(np.median(totals[totals > 0])), totals)


def compare(path: Path) -> pd.DataFrame:
    """Mean PCC over genes and draws of both ways, by panel size."""
    section = read(path)
    counts = section.counts[section.known].toarray().astype(float)
    counts = counts[:, (counts > 0).mean(0) >= SEEN]
    totals = section.spot_totals[section.known]
    truth = scaled(counts, totals)
    rng = np.random.default_rng(0)
    rows = []
    for size in (k for k in SIZES if k < counts.shape[1]):
        own, plain, worse = [], [], []
        for _ in range(DRAWS):
            at = rng.permutation(counts.shape[1])[:size]
            by_panel = pearson(truth[:, at], scaled(counts[:, at], counts[:, at].sum(1)))
            by_none = pearson(truth[:, at], np.log1p(counts[:, at]))
            own.append(np.nanmean(by_panel))
            plain.append(np.nanmean(by_none))
            worse.append(np.nanmean(by_panel < by_none))
        rows.append(
            {
                "section": path.stem,
                "genes": size,
                "pcc_own_totals": np.mean(own),
                "pcc_not_scaled": np.mean(plain),
                "genes_better_not_scaled": np.mean(worse),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Entry point."""
    paths = [
        p
        for p in sorted(DATA.glob("*.h5ad"))
        if not p.stem.endswith(("_cells", "_beads", "_sparse1000"))
    ]
    table = pd.concat([compare(path) for path in paths])
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-few-genes"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
    mean = table.drop(columns="section").groupby("genes").mean()
    wins = table.assign(win=table["pcc_not_scaled"] > table["pcc_own_totals"]).groupby("genes")[
        "win"
    ]
    mean["sections_better_not_scaled"] = [f"{w.sum()} of {len(w)}" for _, w in wins]
    print(mean.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
