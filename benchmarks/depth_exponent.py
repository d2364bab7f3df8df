"""Which power of a spot's depth its noise variance should go with.

python benchmarks/depth_exponent.py

The first estimate without its regression (method programme-kriging-average) weighs measured spots by
depth**exponent; here with -1 (counting noise alone), -0.5 (what is built in) and 0 (depth ignored).
Scored at the spots that lattice:2 hides, mean over genes. Writes a dated table;
docs/decisions/depth-weights.md takes its figures from it.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pandas as pd  # noqa: E402

import s2s_core as s2s  # noqa: E402
from s2s_core.data import observation  # noqa: E402

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
SECTIONS = (
    "st1_human_pancreas_pdac",
    "st1_human_breast_her2_E1",
    "visium_human_breast_crop",
    "visium_human_prostate_normal_crop",
    "visium_mouse_brain_coronal",
    "visium_human_dlpfc_151510",
    "dbit_human_50x50",
    "slideseq_mouse_cerebellum_bin40um",
)
EXPONENTS = (-1.0, -0.5, 0.0)
METHOD = "programme-kriging-average"


def main() -> None:
    """Score every section with every exponent."""
    rows = []
    for name in SECTIONS:
        section = s2s.sample(s2s.read(DATA / f"{name}.h5ad"), "lattice:2")
        for exponent in EXPONENTS:
            observation.DEPTH_EXPONENT = exponent
            found = s2s.impute(section, method=METHOD, compare=()).metrics
            scores = found[["pcc", "rmse", "coverage"]].mean()
            rows.append({"section": name, "exponent": exponent, **scores})
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(5)
    out = HERE / "results" / f"{datetime.date.today()}-depth-exponent.csv"
    table.to_csv(out, index=False)
    print(table.pivot(index="section", columns="exponent", values="pcc"))


if __name__ == "__main__":
    main()
