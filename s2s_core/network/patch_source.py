"""The published training (arXiv 2507.16886): single genes, L1, patches, two ST losses.

Lattice masks: L_s2s restores the decimated grid X_m from its own decimation X_l, L_s2d runs on
the fine grid and compares what was restored with X_m at the measured pixels. Any other mask
has no decimated grid: the sparser input is M_h with a random part of the measured spots
withheld, and the loss is taken there. Photographs run through the same masks, against the true
crop.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation, to_image, withhold
from s2s_core.network.batches import Batch, augment, images, undo_augment
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.device import autocast
from s2s_core.network.natural_images import crop, load_photographs

GENE_SCALE = 10.0


class PaperSource:
    """Batches of (gene, patch) items as published.

    Parameters
    ----------
    obs : Observation
    config : RunConfig

    Attributes
    ----------
    aside : (m,) bool array
        Measured spots set aside for choosing: neither inputs nor targets.
    """

    def __init__(self, obs: Observation, config: RunConfig) -> None:
        self.aside = aside = withhold(obs, config.train.choose_fraction, config.seed)
        self.train = config.train
        self.known = obs.subset(~aside)
        self.tissue = obs.grid.tissue
        self.lattice = obs.lattice
        self.stride = obs.lattice.stride if obs.lattice else 1
        self.phase = obs.lattice.phase if obs.lattice else (0, 0)
        self.photographs = load_photographs(self.train.image_folder)
        self.values = self.known.image(self.known.values) / GENE_SCALE
        self.mask = self.known.mask_image()
        self.patches = tissue_patches(self.tissue, self.train.patch, self.train.patch_stride)
        items = len(self.patches) * obs.n_genes
        self.steps = self.train.steps or self.train.epochs * -(-items // self.train.batch)
        self._aside = obs.subset(aside)

    def draw(self, rng: np.random.Generator) -> dict[str, Batch]:
        """Both ST tasks and the same two on photographs."""
        count = self.train.batch
        where = self.patches[rng.integers(len(self.patches))]
        genes = rng.integers(len(self.values), size=count)
        at = tuple(slice(start, stop) for start, stop in where)
        values, mask, tissue = (
            self.values[genes][(slice(None), *at)],
            self.mask[at],
            self.tissue[at],
        )
        turn = int(rng.integers(8))
        weight = self.train.weight_st
        photo = None
        if self.train.natural_images:
            photo = np.stack([crop(self.photographs, tissue.shape, rng) for _ in range(count)])
            # Photographs lie in the range that scaled genes do.
            photo = 0.25 + 0.125 * photo
        if self.lattice is None:
            kept = mask & (
                rng.random(mask.shape)
                >= rng.uniform(self.train.withhold_low, self.train.withhold_high)
            )
            if not kept.any():
                kept = mask
            out = {"s2s": self._task(values, kept, mask & ~kept, turn, weight)}
            if photo is not None:
                out["images"] = self._task(photo, kept, tissue & ~kept, turn, 1.0)
            return out
        grid = tuple(
            slice((p - start) % self.stride, None, self.stride)
            for p, (start, _) in zip(self.phase, where, strict=True)
        )
        coarse = (slice(None), *grid)
        pattern = np.zeros(mask[grid].shape, bool)
        pattern[:: self.stride, :: self.stride] = True
        out = {"s2s": self._task(values[coarse], pattern & mask[grid], mask[grid], turn, weight)}
        if self.train.loss_s2d:
            out["s2d"] = self._task(values, mask, mask, turn, weight, restored=True)
        if photo is not None:
            out["images s2s"] = self._task(
                photo[coarse], pattern & mask[grid], tissue[grid], turn, 1.0
            )
            out["images s2d"] = self._task(photo, mask, tissue, turn, 1.0)
        return out

    def check(self, model: CDCIN, device: torch.device) -> float:
        """RMSE at the spots set aside, over all genes."""
        predicted = predict_genes(model, self.known, self._aside.pixels, device, augmented=False)
        return float(np.sqrt(((predicted - self._aside.values) ** 2).mean()))

    def preview(self, model: CDCIN, device: torch.device, gene: int) -> np.ndarray:
        """(H * W,) current map of one gene."""
        maps = restore(model, self.values[[gene]], self.mask, device, augmented=False)
        return maps[0].ravel() * GENE_SCALE

    @staticmethod
    def _task(values, mask, counted, turn: int, share: float, *, restored: bool = False) -> Batch:
        start = fill_nearest(np.where(mask, values, 0.0), mask)
        stack = [
            start,
            values * mask,
            np.broadcast_to(mask, values.shape),
            values,
            np.broadcast_to(counted.astype(np.float32), values.shape),
        ]
        start, measured, mask, target, weight = (images(augment(x, turn)) for x in stack)
        return Batch(start, measured, mask, target, weight, share=share, restored=restored)


def tissue_patches(tissue: np.ndarray, size: int, stride: int) -> list[tuple]:
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


@torch.no_grad()
def restore(
    model: CDCIN, values: np.ndarray, mask: np.ndarray, device: torch.device, *, augmented: bool
) -> np.ndarray:
    """(B, H, W) dense maps from samples (0 elsewhere); measured pixels are consistent."""
    model.eval()
    start = fill_nearest(values, mask)
    turns = range(8) if augmented else range(1)
    total = 0.0
    for turn in turns:
        stack = [start, values, np.broadcast_to(mask, values.shape)]
        inputs = [
            images(augment(x, turn)).to(device, memory_format=torch.channels_last) for x in stack
        ]
        with autocast(device):
            out = model(*inputs)[-1]
        total = total + undo_augment(out[:, 0].float().cpu().numpy(), turn)
    return total / len(turns)


def predict_genes(
    model: CDCIN, obs: Observation, targets: np.ndarray, device: torch.device, *, augmented: bool
) -> np.ndarray:
    """(t, G) values at target pixels, genes a few at a time."""
    mask, batch = obs.mask_image(), 8
    out = np.empty((len(targets), obs.n_genes), np.float32)
    for first in range(0, obs.n_genes, batch):
        columns = slice(first, first + batch)
        values = to_image(obs.values[:, columns], obs.pixels, obs.grid.shape) / GENE_SCALE
        maps = restore(model, values, mask, device, augmented=augmented)
        out[:, columns] = maps.reshape(len(maps), -1)[:, targets].T * GENE_SCALE
    return np.maximum(out, 0.0)
