"""STARK (PyPI stark-denoise 0.1.0) behind the interface of the product's methods.

It smooths relative abundances by kernel ridge regression on an adaptive graph; its strength
follows from the spots' counts. Unmeasured positions are predicted by the function it returns.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np

from s2s_core.data.observation import Observation
from s2s_core.interfaces import Prediction, Predictor
from s2s_core.methods import METHODS, Method


def fit_stark(obs: Observation, *_) -> Predictor:
    """Relative abundances of the panel, smoothed, and back to the log scale."""
    import anndata as ad
    from stark import stark_denoise

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        counts = np.expm1(obs.values.astype(np.float64))
        totals = counts.sum(1)
        there = totals > 0
        shares = counts[there] / totals[there, None]
        data = ad.AnnData(shares)
        data.obsm["spatial"] = obs.lattice_xy(obs.pixels[there])
        # The noise level it is told is that of the counts behind the shares.
        reads = np.maximum((obs.target_sum or 1e4) / obs.noise[there] ** 2, 1.0)
        with Path(os.devnull).open("w") as quiet, contextlib.redirect_stdout(quiet):
            found = stark_denoise(data, reads, save_to_anndata_layer=False)
        smooth = np.maximum(found["F_hat_unnormalized_fun"](obs.lattice_xy(targets)), 0.0)
        smooth /= np.maximum(smooth.sum(1, keepdims=True), 1e-12)
        return Prediction(np.log1p(smooth * totals.mean()).astype(np.float32))

    return predict


METHODS["stark"] = Method("STARK", "Kernel ridge regression on an adaptive graph.", fit_stark)
