"""Binned sections with gaps, on the path users take: a column says which bins were measured.

python benchmarks/absent_bins.py [--out FILE.csv]

A quarter of the bins of each binned section is measured; the table holds no values of the others.
Bins in which nothing was ever seen are absent from the table, as they are in real ones. The maps
of the default engine and of kriging are scored at the bins that were left out, PCC mean over genes
on log1p of counts scaled to the median total of the measured bins.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
# Threads that spin while they wait slow each other down where cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import anndata as ad  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

import s2s_core  # noqa: E402
from s2s_core.assessment.metrics import pearson  # noqa: E402
from s2s_core.data.observation import log_normalise  # noqa: E402

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
SHARE, SEED = 0.25, 0
OTHER = "programme-kriging"


def score(path: Path) -> dict:
    """PCC of both methods at the bins that were left out."""
    adata = ad.read_h5ad(path)
    counts = sparse.csr_matrix(adata.X).toarray()
    measured = np.random.default_rng(SEED).random(len(counts)) < SHARE
    adata.obs["measured"] = measured
    adata.X = sparse.csr_matrix(np.where(measured[:, None], counts, 0))
    with tempfile.TemporaryDirectory() as folder:
        adata.write_h5ad(Path(folder) / "gaps.h5ad")
        section = s2s_core.read(Path(folder) / "gaps.h5ad", measured="measured")
    result = s2s_core.impute(section, preset="fast", compare=(OTHER,), seed=SEED)
    truth = log_normalise(sparse.csr_matrix(counts), result.info["target_sum"], counts.sum(1))
    row = {
        "section": path.stem,
        "measured": int(section.measured.sum()),
        "scored": int((~measured).sum()),
    }
    at = section.spot_ids.get_indexer(adata.obs_names[~measured])
    for name in ("s2s", OTHER):
        row[f"pcc {name}"] = float(np.nanmean(pearson(truth[~measured], result.maps[name][at])))
    return row


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    table = pd.DataFrame([score(path) for path in sorted(DATA.glob("*_bin*.h5ad"))])
    print(table.round(4).to_string(index=False))
    if args.out:
        table.to_csv(args.out, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
