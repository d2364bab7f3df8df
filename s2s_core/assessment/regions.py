"""A region of the tissue against the rest: what differs, and how good the maps are there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.assessment.metrics import pearson
from s2s_core.data.result import Result


def compare_region(result: Result, region: np.ndarray) -> pd.DataFrame:
    """Mean expression of every gene inside and outside a region.

    Parameters
    ----------
    result : Result
    region : (n,) bool array

    Returns
    -------
    DataFrame
        Indexed by gene, largest difference first: ``inside``, ``outside`` (means of the imputed
        map, measured spots with their own values), ``difference`` and ``measured_difference``
        (the same from measured spots alone; NaN where either side has none). Log-normalised.
    """
    measured = result.section.measured
    values = np.asarray(result.imputed)
    inside, outside = _means(values, region), _means(values, ~region)
    alone = _means(values, region & measured) - _means(values, ~region & measured)
    table = pd.DataFrame(
        {
            "inside": inside,
            "outside": outside,
            "difference": inside - outside,
            "measured_difference": alone,
        },
        index=pd.Index(result.section.genes, name="gene"),
    )
    return table.loc[table["difference"].abs().sort_values(ascending=False).index]


def score_region(result: Result, region: np.ndarray) -> pd.DataFrame:
    """Scores of every method at the hidden spots inside a region, mean over genes.

    Returns
    -------
    DataFrame
        Indexed by method: mae, rmse, pcc, genes (those with a PCC), n_spots. Empty where the
        region holds no hidden spot with a known value.
    """
    at = region & result.section.hidden
    if not at.any():
        return pd.DataFrame(columns=["mae", "rmse", "pcc", "genes", "n_spots"])
    truth = np.asarray(result.truth[at], np.float64)
    rows = {}
    for name, values in result.maps.items():
        error = np.asarray(values[at], np.float64) - truth
        pcc = pearson(truth, truth + error)
        rows[name] = {
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean(0)).mean(),
            "pcc": np.nanmean(pcc) if np.isfinite(pcc).any() else np.nan,
            "genes": int(np.isfinite(pcc).sum()),
            "n_spots": int(at.sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _means(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    return values[at].mean(0) if at.any() else np.full(values.shape[1], np.nan)
