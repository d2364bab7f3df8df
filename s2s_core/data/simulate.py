"""The demo section: a simulated organ on a Visium-like lattice, with nothing real in it.

Formulas
--------
Programmes :math:`P_k(x) \\in [0, 1]` are pictures on the tissue: layers by depth below the
surface, gradients across the organ, sharp islands, and small structures (a vessel, a rim around
the hole, nodules of about two spots). Gene g has the expected share

.. math:: \\rho_g(x) \\propto b_g \\exp\\Big(\\sum_k w_{gk} P_k(x)\\Big),

with one strong programme and up to two weak ones; genes without structure have
:math:`w_{gk} = 0`. Counts are negative binomial (gamma-Poisson, dispersion ``DISPERSION``)
around :math:`L(x) \\rho_g(x)`, where the library size L varies from spot to spot (log-normal)
and a little with the region, as it does in measured sections.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.assemble import assemble
from s2s_core.data.section import Section
from s2s_core.errors import S2SError

PITCH = 100.0
DISPERSION = 0.15
LIBRARY_SPREAD = 0.35
FAMILIES = ("LAYER", "GRADIENT", "ISLAND", "SMALL")
SHARES = (0.4, 0.25, 0.2, 0.15)
FLAT = "FLAT"


def demo_section(
    seed: int = 0,
    *,
    rows: int = 74,
    genes: int = 300,
    flat: int | None = None,
    counts_per_gene: float = 2.5,
) -> Section:
    """Simulated section with every spot measured.

    Parameters
    ----------
    seed : int
        Same seed, same section.
    rows : int
        Rows of the lattice; 74 give about 2700 spots.
    genes : int
        Genes in the panel, named by what they show: ``SIM_LAYER_001``, ``SIM_GRADIENT_001``,
        ``SIM_ISLAND_001``, ``SIM_SMALL_001``, ``SIM_FLAT_001`` (no spatial structure).
    flat : int, optional
        Genes without structure; a fifth of the panel when not given.
    counts_per_gene : float
        Mean count of a gene at a spot. Genes differ a hundredfold around it.

    Returns
    -------
    Section
        ``uns["simulated"]`` is True; ``var["family"]`` names each gene's kind of pattern.
    """
    flat = round(genes / 5) if flat is None else flat
    if rows < 10 or genes < 1 or not 0 <= flat <= genes:
        raise S2SError("A simulated section needs at least 10 rows and one gene.")
    rng = np.random.default_rng(seed)
    array_row, array_col = _lattice(rows)
    uv = np.column_stack([array_col / 2, array_row * np.sqrt(3) / 2])
    position = 2 * (uv - uv.mean(0)) / np.ptp(uv[:, 1])
    inside = _inside(position)
    array_row, array_col, position = array_row[inside], array_col[inside], position[inside]

    programmes, family_of = _programmes(position, 2.0 / (rows * np.sqrt(3) / 2), rng)
    names, families, weights = _genes(genes, flat, family_of, rng)
    level = rng.lognormal(0, 1.3, genes)
    share = level * np.exp(programmes @ weights.T)
    share /= share.sum(1, keepdims=True)
    library = genes * counts_per_gene * rng.lognormal(0, LIBRARY_SPREAD, len(position))
    library *= 1 + 0.4 * programmes[:, 0] - 0.2 * programmes[:, -1]
    noise = rng.gamma(1 / DISPERSION, DISPERSION, share.shape)
    counts = rng.poisson(library[:, None] * share * noise)

    ids = pd.Index([f"SIM-{r:03d}x{c:03d}" for r, c in zip(array_row, array_col, strict=True)])
    return assemble(
        counts,
        obs=pd.DataFrame({"array_row": array_row, "array_col": array_col}, index=ids),
        var=pd.DataFrame({"family": families}, index=pd.Index(names)),
        xy=np.column_stack([array_col * PITCH / 2, array_row * PITCH * np.sqrt(3) / 2]),
        array_index=(array_row, array_col),
        kind="hex",
        # The outline and the hole are known exactly here: nothing is to be closed.
        absent="background",
        uns={
            "simulated": True,
            "technology": "simulated (Visium-like hexagonal lattice)",
            "tissue": "simulated organ with a hole",
            "spatial_unit": "um",
            "note": f"Made by s2s_core.data.simulate.demo_section(seed={seed}); no real measurement.",
        },
    )


def _lattice(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """10x indices of a full lattice about as wide as it is high: equal parity only."""
    cols = round(rows * np.sqrt(3) / 2)
    row, col = (a.ravel() for a in np.indices((rows, cols)))
    return row, 2 * col + row % 2


def _inside(position: np.ndarray) -> np.ndarray:
    return (_depth(position) > 0) & (_hole(position) > 1)


def _depth(position: np.ndarray) -> np.ndarray:
    """Depth below the organ's surface: 0 at the outline, 1 at its centre."""
    x, y = position.T
    angle = np.arctan2(y, x)
    # A kidney-like outline: lobes, and a notch on one side.
    outline = 0.9 + 0.045 * np.cos(3 * angle + 0.6) + 0.035 * np.sin(5 * angle)
    outline -= 0.24 * np.exp(-((np.mod(angle - 0.35 + np.pi, 2 * np.pi) - np.pi) ** 2) / 0.12)
    return 1 - np.hypot(x, y) / outline


def _hole(position: np.ndarray) -> np.ndarray:
    """Elliptic distance from the centre of the hole; 1 on its rim."""
    x, y = (position - [0.17, -0.2]).T
    return np.hypot((x + 0.4 * y) / 0.17, (y - 0.2 * x) / 0.12)


def _programmes(position: np.ndarray, pitch: float, rng) -> tuple[np.ndarray, list[str]]:
    """Pictures (n, K) with values 0..1, and the family of each; ``pitch`` in our unit."""
    x, y = position.T
    depth = _depth(position)
    columns: list[np.ndarray] = []
    family: list[str] = []

    def add(name: str, *pictures: np.ndarray) -> None:
        columns.extend(pictures)
        family.extend([name] * len(pictures))

    wavy = depth + 0.03 * np.sin(9 * np.arctan2(y, x)) + 0.05 * x
    borders = np.array([-1.0, 0.16, 0.34, 0.52, 0.7, 2.0])
    soft = np.maximum(0.012, 0.4 * pitch)

    def below(border: float) -> np.ndarray:
        return 1 / (1 + np.exp(-np.clip((wavy - border) / soft, -50, 50)))

    add("LAYER", *(below(a) - below(b) for a, b in zip(borders[:-1], borders[1:], strict=True)))
    add("GRADIENT", (x + 1) / 2, (y + 1) / 2, np.clip(depth, 0, 1))
    add("GRADIENT", np.exp(-((x + 0.5) ** 2 + (y - 0.4) ** 2) / 0.3))
    for sites, radius in (
        ([(-0.5, -0.3), (0.35, 0.5)], 0.15),
        ([(-0.1, 0.55), (-0.55, 0.2)], 0.12),
        ([(0.05, 0.15)], 0.18),
        ([(-0.25, -0.6), (0.5, 0.1)], 0.1),
    ):
        add("ISLAND", _discs(position, np.array(sites), radius))
    vessel = np.abs(y - 0.25 * np.sin(4 * x) - 0.05) < 1.2 * pitch
    add("SMALL", vessel.astype(float), (_hole(position) < 1.45).astype(float))
    nodules = position[rng.permutation(len(position))[: max(3, len(position) // 120)]]
    add("SMALL", _discs(position, nodules, 1.6 * pitch))
    return np.column_stack(columns), family


def _discs(position: np.ndarray, centres: np.ndarray, radius: float) -> np.ndarray:
    distance = np.linalg.norm(position[:, None] - centres[None], axis=2)
    return (distance.min(1) < radius).astype(float)


def _genes(genes: int, flat: int, family_of: list[str], rng):
    """Names, families and log-weights (G, K) of the panel."""
    structured = genes - flat
    edges = np.rint(np.cumsum(SHARES) * structured).astype(int)
    families = np.repeat(FAMILIES, np.diff(edges, prepend=0)).tolist()
    weights = np.zeros((genes, len(family_of)))
    for g, family in enumerate(families):
        own = [k for k, name in enumerate(family_of) if name == family]
        # What covers less tissue, or changes slowly over all of it, needs the stronger weight.
        strength = rng.uniform(1.4, 2.6) if family == "LAYER" else rng.uniform(1.8, 3.2)
        weights[g, rng.choice(own)] = strength
        others = rng.choice(len(family_of), rng.integers(0, 3), replace=False)
        weights[g, others] += rng.uniform(-0.6, 0.6, len(others))
    families += [FLAT] * flat
    number = dict.fromkeys((*FAMILIES, FLAT), 0)
    names = []
    for family in families:
        number[family] += 1
        names.append(f"SIM_{family}_{number[family]:03d}")
    return names, families, weights
