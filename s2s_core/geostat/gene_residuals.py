"""Residuals of genes: what the programmes leave of a gene, kriged for that gene alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.data.observation import Observation, folds
from s2s_core.geostat.gene_weightings import WeightedProgrammes
from s2s_core.geostat.kriging import krige
from s2s_core.geostat.observation_cache import DecompositionCache
from s2s_core.geostat.shrinkage import shrinkage_factors
from s2s_core.geostat.variogram_fit import Criterion, fit_variograms
from s2s_core.geostat.variograms import Candidate, Decompositions, Variograms

# Shrinkage factor of a gene's residual below which it is not kriged: saves time. Untuned. The
# residuals as a whole are the row "no remainder" of
# benchmarks/results/2026-11-21-ablations.md (0.2, 0.3 and 0.1 % PCC of the first estimate).
NEGLIGIBLE_SHRINKAGE = 0.02


@dataclass(frozen=True)
class GeneResiduals:
    """What the programmes leave of each gene, kriged for that gene alone.

    Attributes
    ----------
    variograms : Variograms
        Of the residual of each of G genes.
    shrinkage : (G,) float32 array
        How much of the kriged residual counts, 0..1; what is negligible is 0 and not kriged.
    """

    variograms: Variograms
    shrinkage: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """(G,) variance, of signal and noise, that the programmes leave of each gene."""
        return self.variograms.noise + self.variograms.signal

    def add_to(
        self,
        values: np.ndarray,
        residuals: np.ndarray,
        targets: np.ndarray,
        decompositions: Decompositions,
    ) -> None:
        """Add the kriged residuals, as far as they are trusted, to values in place.

        Parameters
        ----------
        values : (t, G) array
            What programmes predict at the targets; changed.
        residuals : (m, G) array
            What programmes leave of the measured values.
        targets : (t, 2) array
            Positions in units of the pitch.
        decompositions : Decompositions
            Those of the measured spots.
        """
        used = np.nonzero(self.shrinkage)[0]
        kriged = krige(
            decompositions.spots,
            residuals[:, used],
            targets,
            self.variograms.columns(used),
            variance=False,
            decompositions=decompositions,
        )
        values[:, used] += self.shrinkage[used] * kriged.mean


def fit_gene_residuals(
    obs: Observation,
    programmes: WeightedProgrammes,
    cross_validated: np.ndarray,
    *,
    candidates: tuple[Candidate, ...],
    cache: DecompositionCache,
    seed: int,
) -> GeneResiduals:
    """Variograms of what the programmes leave of each gene, and how far to trust them.

    Parameters
    ----------
    obs : Observation
    programmes : WeightedProgrammes
    cross_validated : (m, P) array
        Scores at the measured spots, predicted from the other folds.
    candidates : tuple of (kernel, range)
        Covariances to try.
    cache : DecompositionCache
    seed : int
    """
    whole = cache.of(obs)
    residuals = residuals_of(programmes, obs)
    # The likelihood alone serves as well here, at a tenth of the time.
    variograms = fit_variograms(
        whole.spots,
        residuals,
        Criterion.LIKELIHOOD_AVERAGE,
        candidates=candidates,
        seed=seed,
        decompositions=whole,
    )
    correction = np.empty(residuals.shape, np.float32)
    for out in folds(obs):
        rest, asked = cache.of(obs.subset(~out)), whole.spots.points[out]
        kriged = krige(
            rest.spots, residuals[~out], asked, variograms, variance=False, decompositions=rest
        )
        correction[out] = kriged.mean
    error = obs.values - programmes.genes(cross_validated)
    scale = 1.0 / np.maximum(obs.values.std(0), 1e-6)
    shrinkage = shrinkage_factors(correction, error, 1.0 / obs.noise, scale)
    shrinkage[shrinkage < NEGLIGIBLE_SHRINKAGE] = 0.0
    return GeneResiduals(variograms, shrinkage)


def residuals_of(programmes: WeightedProgrammes, obs: Observation) -> np.ndarray:
    """(m, G) part of the measured values that the programmes leave."""
    return obs.values - programmes.genes(programmes.scores(obs.values))
