"""Made sections of any size for the benchmark of the map viewer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.grid import Grid
from s2s_core.data.section import Section


def lattice_section(count: int, kind: str = "hex") -> Section:
    """A round section of about ``count`` positions, a quarter of them measured."""
    side = int(np.ceil(np.sqrt(count * 4 / np.pi)))
    rows, cols = np.indices((side, side))
    tissue = np.hypot(rows - side / 2, cols - side / 2) < side / 2
    affine = np.array([[100.0, 0.0], [0.0, 100.0], [0.0, 0.0]])
    grid = Grid(kind, tissue, 0, 0, 0, affine)
    row, col = grid.tissue_pixels()
    n = len(row)
    measured = (row % 2 == 0) & (col % 2 == 0)
    return Section(
        counts=sparse.csr_matrix((n, 1), dtype=np.float32),
        obs=pd.DataFrame(index=pd.Index([f"spot-{r}x{c}" for r, c in zip(row, col, strict=True)])),
        var=pd.DataFrame(index=pd.Index(["GENE"])),
        xy=grid.to_xy(row, col),
        grid=grid,
        row=row,
        col=col,
        measured=measured,
        known=np.ones(n, bool),
        origin=np.full(n, "spot"),
        uns={"spatial_unit": "micrometre"},
    )


def maps_of(section: Section, seed: int) -> dict[str, np.ndarray]:
    """Maps (n,) of one made gene, as smooth and as noisy as those of a run."""
    rng = np.random.default_rng(seed)
    x, y = (section.xy / section.xy.max()).T
    a, b, c, d = rng.uniform(2, 9, 4)
    smooth = np.clip(1.2 + np.sin(a * x + b * y) + np.cos(c * x - d * y), 0, None)
    depth = rng.uniform(0.6, 1.6, len(x))
    # Counts of a spot, scaled by its depth: many zeros, few other values.
    truth = np.log1p(rng.poisson(np.expm1(smooth) * depth) / depth)
    at = section.measured
    imputed = np.where(at, truth, smooth)
    width = 1.0 + 0.4 * np.cos(c * y + x)
    return {
        "truth": truth,
        "imputed": imputed,
        "kriging": np.where(at, truth, 0.9 * smooth + 0.1),
        "error": np.where(section.hidden, imputed - truth, np.nan),
        "width": np.where(at, np.nan, width),
        "lower": np.clip(imputed - 0.4 * width, 0, None),
        "upper": imputed + 0.6 * width,
    }
