"""Mean expression of genes, at hand before anything else is computed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.observation import log_normalise_sparse, normalisation_target
from s2s_core.data.section import Section


def mean_expression(section: Section) -> pd.Series:
    """Mean log-normalised expression of every gene at the measured spots, indexed by gene.

    Takes memory for the counts that are there, not for spots x genes.
    """
    at = section.measured
    target = normalisation_target(section)
    values = log_normalise_sparse(section.counts[at], target, section.spot_totals[at])
    mean = np.asarray(values.mean(0, dtype=float)).ravel()
    return pd.Series(mean, index=pd.Index(section.genes, name="gene"))
