"""Mean expression of genes, at hand before anything else is computed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.observation import normalisation_target
from s2s_core.section import Section


def mean_expression(section: Section) -> pd.Series:
    """Mean log-normalised expression of every gene at the measured spots, indexed by gene.

    Takes memory for the counts that are there, not for spots x genes.
    """
    counts = section.counts[section.measured]
    values, target = counts.data.astype(float), normalisation_target(section)
    if target is not None:
        totals = np.asarray(section.spot_totals[section.measured], float)
        scale = np.divide(target, totals, out=np.zeros_like(totals), where=totals > 0)
        values = np.log1p(values * np.repeat(scale, np.diff(counts.indptr)))
    sums = np.bincount(counts.indices, weights=values, minlength=counts.shape[1])
    return pd.Series(sums / counts.shape[0], index=pd.Index(section.genes, name="gene"))
