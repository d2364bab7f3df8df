"""How often a gene without a spatial pattern is said to have one.

python benchmarks/patterns.py

Two nulls of whole sections: *permuted* (spots change places, each with its counts and its depth) and
*depth only* (each gene's counts are drawn anew in proportion to the spots' totals, which stay where
they are). No gene of either has a pattern of its own. Writes a dated table: of the genes that were
seen, the share called patterned by the rule of `s2s_core/data/structure.py`, by the earlier one (Moran's
I of log-normalised values 3 standard errors of a normal law above chance), and in the section itself.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

from s2s_core import read  # noqa: E402
from s2s_core.data.observation import log_normalise, normalisation_target  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.data.structure import (  # noqa: E402
    FALSE_SHARE,
    NONE,
    SURE,
    gene_structure,
    morans_i,
    neighbour_weights,
)

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
SECTIONS = (
    "dbit_human_50x50_wholetranscriptome",
    "visium_human_breast_crop_wholetranscriptome",
    "slideseq_mouse_cerebellum_bin40um",
    "st1_human_pancreas_pdac",
    "visium_mouse_brain_coronal",
)
# Draws of each null; a whole transcriptome has genes enough for fewer.
DRAWS, GENES_ENOUGH = 10, 5000


def permuted(section: Section, rng: np.random.Generator) -> Section:
    """Spots in each other's places."""
    order = np.arange(section.n_positions)
    at = np.flatnonzero(section.measured)
    order[at] = rng.permutation(at)
    return replace(section, counts=section.counts[order], totals=section.spot_totals[order])


def depth_only(section: Section, rng: np.random.Generator) -> Section:
    """Each gene's counts over the measured spots drawn anew, in proportion to their totals."""
    at = section.measured
    totals = np.where(at, section.spot_totals, 0.0).astype(np.float64)
    share = totals / totals.sum()
    genes = np.rint(np.asarray(section.counts[at].sum(0)).ravel()).astype(int)
    columns = [sparse.csc_matrix(rng.multinomial(n, share)[:, None]) for n in genes]
    counts = sparse.hstack(columns).tocsr().astype(np.float32)
    return replace(section, counts=counts, totals=section.spot_totals)


def earlier_rule(section: Section) -> np.ndarray:
    """Patterned genes by Moran's I and a normal law."""
    at = section.measured
    target = normalisation_target(section)
    values = log_normalise(section.counts[at], target, section.spot_totals[at])
    points = section.grid.lattice_xy(section.row[at], section.col[at])
    return morans_i(values, neighbour_weights(points))[1] >= SURE


def measure(name: str) -> list[dict]:
    """Rows of one section."""
    section = read(DATA / f"{name}.h5ad")
    seen = np.asarray(section.counts[section.measured].sum(0)).ravel() > 0
    draws = 2 if seen.sum() > GENES_ENOUGH else DRAWS
    rows = []
    for null in (None, permuted, depth_only):
        found: dict[str, list] = {"rule": [], "earlier": [], "any": [], "seconds": []}
        for draw in range(1 if null is None else draws):
            part = section if null is None else null(section, np.random.default_rng(draw))
            begun = time.perf_counter()
            called = (gene_structure(part)["verdict"] != NONE).to_numpy()[seen]
            found["seconds"].append(time.perf_counter() - begun)
            found["rule"].append(called.mean())
            found["any"].append(called.any())
            found["earlier"].append(earlier_rule(part)[seen].mean())
        rows.append(
            {
                "section": name,
                "genes": int(seen.sum()),
                "spots": int(section.measured.sum()),
                "values": "as measured" if null is None else null.__name__.replace("_", " "),
                "draws": len(found["rule"]),
                "patterned": np.mean(found["rule"]),
                "draws_with_any": np.mean(found["any"]),
                "patterned_earlier_rule": np.mean(found["earlier"]),
                "seconds": np.mean(found["seconds"]),
            }
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Entry point."""
    table = pd.DataFrame([row for name in SECTIONS for row in measure(name)])
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-patterns"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`. Genes called patterned (at most {FALSE_SHARE:.0%} of them falsely), of "
        "those that were seen; the earlier rule: Moran's I of log-normalised values 3 standard errors above "
        "chance. *Draws with any*: share of the draws in which any gene was called.",
        "",
        "| section (genes, spots) | values | draws | patterned | draws with any | earlier rule | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table.itertuples():
        lines.append(
            f"| {row.section} ({row.genes:,}, {row.spots:,}) | {row.values} | {row.draws} | "
            f"{row.patterned:.3%} | {row.draws_with_any:.0%} | {row.patterned_earlier_rule:.3%} | "
            f"{row.seconds:.1f} |"
        )
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
