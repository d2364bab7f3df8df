"""The paper engine's training material (S2S-ST, arXiv 2507.16886): single genes, two ST losses.

Lattice masks: L_s2s restores the decimated grid X_m from its own decimation X_l, L_s2d runs on
the fine grid and compares what was restored with X_m at the measured pixels. Any other mask
has no decimated grid: the sparser input is M_h with a random part of the measured spots
withheld, and the loss is taken there. Natural images run through the same masks, against the
true crop (L_gni).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from s2s_core.config import PaperTraining
from s2s_core.data.observation import Observation, to_image, withhold
from s2s_core.network.batches import ORIENTATIONS, Batch, NetworkInput, make_batch
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.natural_images import crop, load_photographs
from s2s_core.network.predict import predict

# The authors' public script divides log-normalised values by 10 at the network's input.
GENE_SCALE = 10.0
# Standardised photographs in the range that scaled genes lie in (0..1).
PHOTO_MEAN, PHOTO_SD = 0.25, 0.125


class PaperSource:
    """Batches of (gene, patch) items.

    Parameters
    ----------
    obs : Observation
    train : PaperTraining
    seed : int
        Of the spots set aside.

    Attributes
    ----------
    aside : (m,) bool array
        Measured spots set aside for choosing: neither inputs nor targets.
    """

    def __init__(self, obs: Observation, train: PaperTraining, seed: int) -> None:
        self.train = train
        self.aside = np.zeros(len(obs.pixels), bool)
        if train.set_aside:
            self.aside = withhold(obs, train.set_aside, seed)
        self.known = obs.subset(~self.aside)
        self.tissue = obs.grid.tissue
        self.lattice = obs.lattice
        self.stride = obs.lattice.stride if obs.lattice else 1
        self.phase = obs.lattice.phase if obs.lattice else (0, 0)
        self.photographs = load_photographs(train.image_folder) if train.natural_images else ()
        self.values = self.known.image(self.known.values) / GENE_SCALE
        self.mask = self.known.mask_image()
        self.patches = tissue_patches(self.tissue, train.patch, train.patch_stride)
        items = len(self.patches) * obs.n_genes
        self.steps = train.epochs * -(-items // train.batch)
        if train.steps is not None:
            self.steps = min(self.steps, train.steps)
        self._aside = obs.subset(self.aside)

    def draw(self, step: int, rng: np.random.Generator) -> dict[str, Batch]:
        """Both ST tasks and the same two on photographs."""
        count = self.train.batch
        where = self.patches[rng.integers(len(self.patches))]
        genes = rng.integers(len(self.values), size=count)
        at = tuple(slice(start, stop) for start, stop in where)
        mask, tissue = self.mask[at], self.tissue[at]
        values = self.values[genes][(slice(None), *at)]
        orientation = int(rng.integers(len(ORIENTATIONS)))
        weight = self.train.weight_st
        photo = None
        if self.photographs:
            photo = np.stack([crop(self.photographs, tissue.shape, rng) for _ in range(count)])
            photo = PHOTO_MEAN + PHOTO_SD * photo
        if self.lattice is None:
            low, high = self.train.withhold_low, self.train.withhold_high
            kept = mask & (rng.random(mask.shape) >= rng.uniform(low, high))
            if not kept.any():
                kept = mask
            out = {"s2s": _task(values, kept, mask & ~kept, orientation, weight)}
            if photo is not None:
                out["images"] = _task(photo, kept, tissue & ~kept, orientation, 1.0)
            return out
        grid = tuple(
            slice((p - start) % self.stride, None, self.stride)
            for p, (start, _) in zip(self.phase, where, strict=True)
        )
        coarse = (slice(None), *grid)
        pattern = np.zeros(mask[grid].shape, bool)
        pattern[:: self.stride, :: self.stride] = True
        pattern &= mask[grid]
        out = {"s2s": _task(values[coarse], pattern, mask[grid], orientation, weight)}
        if self.train.loss_s2d:
            out["s2d"] = _task(values, mask, mask, orientation, weight, before_consistency=True)
        if photo is not None:
            out["images s2s"] = _task(photo[coarse], pattern, tissue[grid], orientation, 1.0)
            out["images s2d"] = _task(photo, mask, tissue, orientation, 1.0)
        return out

    def check(self, model: CDCIN, device: torch.device) -> float | None:
        """RMSE at the spots set aside, over all genes."""
        if not self.aside.any():
            return None
        predicted = predict_genes(model, self.known, self._aside.pixels, device, augmented=False)
        return float(np.sqrt(((predicted - self._aside.values) ** 2).mean()))

    def preview(self, model: CDCIN, device: torch.device, gene: int) -> np.ndarray:
        """(H * W,) current map of one gene."""
        maps = restore(model, self.values[[gene]], self.mask, device, augmented=False)
        return maps[0].ravel() * GENE_SCALE


def _task(
    values: np.ndarray,
    mask: np.ndarray,
    counted: np.ndarray,
    orientation: int,
    loss_weight: float,
    *,
    before_consistency: bool = False,
) -> Batch:
    """Restore ``values`` from those under a mask; the error counts where ``counted`` says."""
    return make_batch(
        sampled(values, mask),
        values,
        counted.astype(np.float32),
        orientations=orientation,
        loss_weight=loss_weight,
        before_consistency=before_consistency,
    )


def sampled(values: np.ndarray, mask: np.ndarray) -> NetworkInput:
    """What the network sees of (B, H, W) images under an (H, W) mask."""
    measured = np.where(mask, values, 0.0)
    return NetworkInput(fill_nearest(measured, mask), measured, np.broadcast_to(mask, values.shape))


def tissue_patches(
    tissue: np.ndarray, size: int, stride: int
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Windows ((top, bottom), (left, right)) of which at least half is tissue.

    Windows never exceed the section; where none is half tissue, all that touch tissue count.
    """
    spans = [min(size, n) for n in tissue.shape]
    starts = [
        sorted({*range(0, n - s + 1, stride), n - s})
        for n, s in zip(tissue.shape, spans, strict=True)
    ]
    table = np.pad(tissue.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    windows = [((r, r + spans[0]), (c, c + spans[1])) for r in starts[0] for c in starts[1]]
    cover = [table[b, d] - table[a, d] - table[b, c] + table[a, c] for (a, b), (c, d) in windows]
    least = 0.5 * spans[0] * spans[1]
    return [w for w, t in zip(windows, cover, strict=True) if t >= min(least, max(cover))]


def fill_nearest(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill (B, H, W) images to every pixel with the nearest sample."""
    if not mask.any():
        return values
    row, col = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return values[:, row, col]


def restore(
    model: CDCIN, values: np.ndarray, mask: np.ndarray, device: torch.device, *, augmented: bool
) -> np.ndarray:
    """(B, H, W) dense maps from samples; measured pixels are consistent."""
    own = tuple(ORIENTATIONS) if augmented else (0,)
    return predict(model, sampled(values, mask), device, orientations=[own] * len(values))


def predict_genes(
    model: CDCIN, obs: Observation, targets: np.ndarray, device: torch.device, *, augmented: bool
) -> np.ndarray:
    """(t, G) values at target pixels, genes a few at a time."""
    mask, few = obs.mask_image(), 8
    out = np.empty((len(targets), obs.n_genes), np.float32)
    for first in range(0, obs.n_genes, few):
        columns = slice(first, first + few)
        values = to_image(obs.values[:, columns], obs.pixels, obs.grid.shape) / GENE_SCALE
        maps = restore(model, values, mask, device, augmented=augmented)
        out[:, columns] = maps.reshape(len(maps), -1)[:, targets].T * GENE_SCALE
    return np.maximum(out, 0.0)
