"""A pilot section: what its measured values say about how sparsely one may sample.

Made once; every design is then judged in an instant (:mod:`s2s_core.sampling.design_metrics`).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from s2s_core.data.observation import depth_noise, log_normalise, normalisation_target
from s2s_core.data.section import Section
from s2s_core.data.spatial import morton_order
from s2s_core.data.structure import FALSE_SHARE, morans_i, neighbour_weights, pattern_test
from s2s_core.errors import S2SError
from s2s_core.geostat.baselines import gaussian_weights
from s2s_core.geostat.programmes import Programmes, fit_programmes
from s2s_core.geostat.variogram_fit import Criterion, candidates_for, fit_variograms
from s2s_core.geostat.variograms import Decompositions, Spots, Variograms
from s2s_core.sampling.active import Covariance
from s2s_core.sampling.aliasing import Spectrum, spectrum

MIN_SPOTS = 50
PROGRAMMES = 20
RANGES = 8
# Variograms of larger sections are fitted on compact blocks, spread over the tissue: so many
# of so many spots.
BLOCKS, BLOCK = 8, 150
# Widths of the smoothing of maps that designs follow, in pitches.
FINE, BROAD = 1.0, 1.5
# A Matern 3/2 correlation falls to 5 % at this many of its length scales.
PRACTICAL = 2.74


def check_size(section: Section) -> None:
    """Refuse a section too small to plan from.

    Raises
    ------
    S2SError
    """
    count = int(section.measured.sum())
    if count < MIN_SPOTS:
        raise S2SError(
            f"The pilot has {count} measured spots, too few to plan from; at least {MIN_SPOTS} "
            "are needed."
        )


class Pilot:
    """Patterns of a section's measured values.

    Parameters
    ----------
    section : Section
        Its ``measured`` positions are the pilot; nothing else is looked at.
    programmes : int
        Gene programmes that stand for the panel.
    seed : int
        Of the blocks that stand for a large section.

    Raises
    ------
    S2SError
        With fewer than 50 measured spots, or unusable values.
    """

    def __init__(self, section: Section, *, programmes: int = PROGRAMMES, seed: int = 0) -> None:
        check_size(section)
        self.section, self.seed = section, seed
        self.points = section.grid.lattice_xy(section.row, section.col)
        self.measured = section.measured
        target, totals = normalisation_target(section), section.spot_totals[section.measured]
        self.values = log_normalise(section.counts[section.measured], target, totals)
        self.programmes: Programmes = fit_programmes(
            self.values, programmes, seed, depth_noise(totals, target)
        )
        self.scores = self.programmes.scores(self.values)

    @cached_property
    def _fitted(self) -> tuple[Variograms, Variograms]:
        """Variograms of the programmes and of the genes, from the same decompositions."""
        where = self.points[self.measured]
        rows = np.arange(len(where))
        if len(where) > BLOCKS * BLOCK:
            part = len(where) / BLOCKS
            start = np.random.default_rng(self.seed).uniform(0, part)
            centres = morton_order(where)[(start + part * np.arange(BLOCKS)).astype(int)]
            rows = np.unique(cKDTree(where).query(where[centres], k=BLOCK)[1])
        spots = Spots(where[rows])
        candidates = candidates_for(spots.points, ranges=RANGES)
        made = Decompositions(spots)
        scores, values = (
            fit_variograms(
                spots,
                table[rows],
                Criterion.LIKELIHOOD,
                candidates=candidates,
                decompositions=made,
            )
            for table in (self.scores, self.values)
        )
        return scores, values

    @property
    def variograms(self) -> Variograms:
        """Of the programmes."""
        return self._fitted[0]

    @property
    def importance(self) -> np.ndarray:
        """(P,) signal standard deviation of each programme in gene units."""
        return self.programmes.scale * np.sqrt(1.0 / (1.0 + self.variograms.nugget))

    @cached_property
    def variance(self) -> np.ndarray:
        """(G,) variance of every gene over the pilot, above 0."""
        return np.maximum(self.values.var(0), 1e-12)

    @cached_property
    def residual(self) -> np.ndarray:
        """(G,) variance that the programmes leave of every gene."""
        return (self.values - self.programmes.genes(self.scores)).var(0)

    @cached_property
    def genes(self) -> pd.DataFrame:
        """Spatial range of every gene.

        Indexed by gene: ``length`` (length scale of the Matern 3/2 correlation) and ``range``
        (where it has fallen to 5 %), both in pitches; ``signal`` (share of the variance that is
        spatial, 0..1); ``moran`` and ``z_score`` (Moran's I, standard errors above chance given depth);
        ``spatial`` (whether there is a pattern at all).
        """
        fitted = self._fitted[1]
        heaviest = fitted.weight.sum(1).argmax(0)
        length = np.array([range_ for _, range_ in fitted.candidates])[heaviest]
        signal = 1.0 / (1.0 + fitted.nugget)
        weights = neighbour_weights(self.points[self.measured])
        z_score, p = pattern_test(self.section, weights)
        return pd.DataFrame(
            {
                "length": length,
                "range": PRACTICAL * length,
                "signal": signal,
                "moran": morans_i(self.values, weights)[0],
                "z_score": z_score,
                "spatial": p <= FALSE_SHARE,
            },
            index=pd.Index(self.section.genes, name="gene"),
        )

    @cached_property
    def covariance(self) -> Covariance:
        """One covariance for all: range and noise of the programmes, by their importance."""
        weight = self.importance**2
        length = np.array([range_ for _, range_ in self.variograms.candidates])
        length = length[self.variograms.weight.sum(1).argmax(0)]
        order = np.argsort(length)
        middle = np.searchsorted(weight[order].cumsum(), weight.sum() / 2)
        nugget = float(np.exp(np.average(np.log(self.variograms.nugget), weights=weight)))
        return Covariance("matern32", float(length[order][min(middle, len(order) - 1)]), nugget)

    @cached_property
    def leverage(self) -> np.ndarray:
        """(n,) leverage of each spot's profile in the programmes, smoothed over the tissue."""
        own = (self.scores**2).mean(1)
        return self._everywhere(own[:, None], BROAD)[:, 0]

    @cached_property
    def contrast(self) -> np.ndarray:
        """(n,) how much the patterns change from spot to spot, smoothed over the tissue."""
        where = self.points[self.measured]
        smooth = gaussian_weights(where, where, FINE) @ self.scores * self.importance
        near = neighbour_weights(where)
        degree = np.asarray(near.sum(1))
        change = near @ smooth**2 - 2 * smooth * (near @ smooth) + degree * smooth**2
        change = np.maximum(change.sum(1, keepdims=True) / degree, 0.0)
        return np.sqrt(self._everywhere(change, BROAD)[:, 0])

    @cached_property
    def spectrum(self) -> Spectrum:
        """Variance of the patterns over spatial frequencies."""
        rows = np.nonzero(self.measured)[0]
        return spectrum(self.section, rows, self.scores * self.importance)

    def _everywhere(self, values: np.ndarray, width: float) -> np.ndarray:
        """(n, C) smoothed values at all tissue positions."""
        return gaussian_weights(self.points[self.measured], self.points, width) @ values
