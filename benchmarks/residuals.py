"""A second normalisation: analytic Pearson residuals, for the order of methods.

Residuals of counts under a negative binomial null of equal shares (Lause, Berens and Kobak 2021:
overdispersion 100, clipped at the square root of the number of spots). Shares of the genes come
from the measured spots alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scores import plain_scores

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation, observe
from s2s_core.data.section import Section
from s2s_core.data.structure import count_residuals
from s2s_core.interfaces import Hooks
from s2s_core.methods import applicable, method


def pearson_residuals(section: Section) -> np.ndarray:
    """(n, G) residuals of every known position; NaN where nothing is known."""
    at, totals = section.measured, section.spot_totals
    shares = np.asarray(section.counts[at].sum(0), float).ravel() / totals[at].sum()
    out = count_residuals(section.counts, totals, shares, np.sqrt(at.sum()))
    out[~section.known] = np.nan
    return out.astype(np.float32)


def observe_residuals(section: Section) -> tuple[Observation, np.ndarray]:
    """What methods see, and the truth (n, G), both from each gene's least measured residual on.

    Methods know that expression is not below zero, so residuals are shifted; they have about the
    same variance at any depth, so no spot counts less than another.
    """
    values = pearson_residuals(section)
    values -= values[section.measured].min(0)
    obs = observe(section)
    seen = values[section.measured]
    return replace(obs, values=seen, target_sum=None, noise=np.ones(len(seen))), values


def score_residuals(section: Section, names: list[str], config: RunConfig) -> pd.DataFrame:
    """PCC and RMSE at hidden spots, one row a gene and method."""
    return score_means(section, names, config, *observe_residuals(section))


def score_means(
    section: Section, names: list[str], config: RunConfig, obs: Observation, truth: np.ndarray
) -> pd.DataFrame:
    """The same from any values: mean answers alone, no medians, no intervals."""
    tables = []
    for name in names:
        if applicable(name, obs):
            predictor = method(name).fit(obs, replace(config, method=name), Hooks())
            mean = predictor(obs, obs.targets).mean[section.hidden]
            table = plain_scores(truth[section.hidden], mean)
            tables.append(table.assign(gene=section.genes.to_numpy(), method=name))
    return pd.concat(tables, ignore_index=True)
