"""Prediction of single genes: overlapping patches averaged as published, or the whole section."""

from __future__ import annotations

import numpy as np
import torch

from s2s_core.config import PaperTraining
from s2s_core.data.observation import Observation
from s2s_core.network.batches import HEXAGONAL_ORIENTATIONS, ORIENTATIONS, NetworkInput
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.patches import covering_corners, nearest_sample, padded, patch_side
from s2s_core.network.predict import predict

# The authors' public script divides log-normalised values by 10 at the network's input.
GENE_SCALE = 10.0


def predict_gene(
    model: CDCIN,
    obs: Observation,
    gene: int,
    targets: np.ndarray,
    device: torch.device,
    train: PaperTraining,
) -> np.ndarray:
    """(t,) values of one gene at target pixels, not below zero."""
    values = obs.image(obs.values[:, [gene]])[0] / GENE_SCALE
    make = _patches if train.prediction == "patches" else _whole
    found = make(model, obs, values, device, train)
    return np.maximum(found.ravel()[targets] * GENE_SCALE, 0.0).astype(np.float32)


def _patches(
    model: CDCIN,
    obs: Observation,
    values: np.ndarray,
    device: torch.device,
    train: PaperTraining,
) -> np.ndarray:
    """(H, W) mean over all patches that a pixel lies in."""
    height, width = values.shape
    side = patch_side(values.shape, train.patch)
    corners = covering_corners(obs.grid.tissue, side, train.patch_stride)
    values, mask = padded(values, side), padded(obs.mask_image(), side)
    at = [(slice(r, r + side), slice(c, c + side)) for r, c in corners]
    inputs = NetworkInput(
        np.stack([_filled(obs, values[w], mask[w], w[0].start) for w in at]),
        np.stack([values[w] for w in at]),
        np.stack([mask[w] for w in at]),
    )
    found = _predicted(model, inputs, obs, device, train)
    total, count = np.zeros(values.shape), np.zeros(values.shape)
    for window, patch in zip(at, found, strict=True):
        total[window] += patch
        count[window] += 1
    return (total / np.maximum(count, 1))[:height, :width]


def _whole(
    model: CDCIN,
    obs: Observation,
    values: np.ndarray,
    device: torch.device,
    train: PaperTraining,
) -> np.ndarray:
    """(H, W) map in one piece."""
    mask = obs.mask_image()
    inputs = NetworkInput(_filled(obs, values, mask, 0)[None], values[None], mask[None])
    return _predicted(model, inputs, obs, device, train)[0]


def _predicted(
    model: CDCIN,
    inputs: NetworkInput,
    obs: Observation,
    device: torch.device,
    train: PaperTraining,
) -> np.ndarray:
    every = HEXAGONAL_ORIENTATIONS if obs.grid.kind == "hex" else tuple(ORIENTATIONS)
    own = every if train.augment_at_prediction else (0,)
    return predict(
        model, inputs, device, orientations=[own] * len(inputs), precision=train.precision
    )


def _filled(obs: Observation, values: np.ndarray, mask: np.ndarray, top: int) -> np.ndarray:
    """Samples of a window filled in with the nearest; ``top`` is its first row."""
    grid = obs.grid
    hexagonal = grid.kind == "hex"
    parity = int(grid.row0 + grid.parity + top) % 2
    return values.ravel()[nearest_sample(mask, hexagonal=hexagonal, parity=parity)]
