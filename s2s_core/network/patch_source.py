"""The paper engine's training material (S2S-ST, arXiv 2507.16886): patches of single genes.

Where the measured spots are a lattice of stride S, L_s2s restores the decimated grid X_m from
its own decimation X_l, and L_s2d runs on the fine grid and compares what was restored with X_m
at the measured pixels. Any other mask has no decimated grid: the sparser input is M_h with a
random part of the measured spots withheld, and the loss is taken there. Natural images run
through the same masks, against the true crop (L_gni).
"""

from __future__ import annotations

import numpy as np
import torch

from s2s_core.config import PaperTraining
from s2s_core.data.observation import Observation, withhold
from s2s_core.network.batches import (
    HEXAGONAL_ORIENTATIONS,
    ORIENTATIONS,
    Batch,
    make_batch,
)
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.decimation import decimated_grid, sublattice
from s2s_core.network.natural_images import load_grayscale, plain_crop
from s2s_core.network.patches import nearest_sample, padded, patch_side, sampled, tissue_corners
from s2s_core.network.predict_patches import GENE_SCALE, predict_gene


class PaperSource:
    """Batches of patches of one gene, or of several where they share a network.

    An epoch is a pass over all patches in random order, ``batch`` different ones a step, each in
    an orientation of its own. Where there are fewer patches than that (sections smaller than a
    patch have one) a step takes them several times, in orientations of their own.

    Parameters
    ----------
    obs : Observation
    genes : (g,) int array
        Columns to learn from.
    train : PaperTraining
    seed : int

    Attributes
    ----------
    steps : int
        Optimiser steps of the whole training.
    aside : (m,) bool array
        Measured spots set aside for choosing: neither inputs nor targets.
    decimated : DecimatedGrid or None
        The lattice of the measured spots.
    """

    def __init__(
        self, obs: Observation, genes: np.ndarray, train: PaperTraining, seed: int
    ) -> None:
        self.obs, self.genes, self.train, self.seed = obs, genes, train, seed
        self.aside = np.zeros(len(obs.pixels), bool)
        if train.set_aside:
            self.aside = withhold(obs, train.set_aside, seed)
        self.known = obs.subset(~self.aside)
        self.decimated = decimated_grid(self.known)
        self.photographs = load_grayscale(train.image_folder) if train.natural_images else None
        grid = obs.grid
        self.hexagonal = grid.kind == "hex"
        self._parity = (grid.row0 + grid.parity) % 2 if self.hexagonal else 0
        self.side = patch_side(grid.shape, train.patch)
        self.corners = tissue_corners(grid.tissue, self.side, train.patch_stride)
        values = self.known.image(self.known.values[:, genes]) / GENE_SCALE
        self._values = np.stack([padded(v, self.side) for v in values])
        self._mask = padded(self.known.mask_image(), self.side)
        self._tissue = padded(grid.tissue, self.side)
        self._nearest: dict[tuple[int, str], np.ndarray] = {}
        self.items = len(self.corners) * len(genes)
        self.steps_an_epoch = -(-self.items // train.batch)
        self.steps = train.epochs * self.steps_an_epoch
        if train.steps is not None:
            self.steps = min(self.steps, train.steps)
        if self.decimated is not None:
            self._prepare_decimated(self.decimated.stride)

    def _prepare_decimated(self, stride: int) -> None:
        """The same on the decimated grid, and where each patch lies in it."""
        decimated = self.decimated
        assert decimated is not None
        whole = max(self.obs.grid.shape) <= self.side
        self.coarse_side = max(decimated.pixels.shape) if whole else max(1, self.side // stride)
        pixels = np.pad(
            decimated.pixels,
            [(0, max(0, self.coarse_side - n)) for n in decimated.pixels.shape],
            constant_values=-1,
        )
        height, width = self.obs.grid.shape
        inside = pixels >= 0
        row, col = np.divmod(np.maximum(pixels, 0), width)
        self._coarse_row, self._coarse_col = row, col
        self._coarse_mask = inside & self._mask[row, col]
        self._coarse_tissue = inside & self._tissue[row, col]
        self._coarse_values = np.where(self._coarse_mask, self._values[:, row, col], 0.0)
        # First rows and columns of the decimated grid that lie inside a patch.
        first_row = np.where(inside, row, height).min(1)
        first_col = np.where(inside, col, width).min(0)
        self._coarse_corners = np.column_stack(
            [
                np.minimum(np.searchsorted(line, at), len(line) - self.coarse_side)
                for line, at in zip((first_row, first_col), self.corners.T, strict=True)
            ]
        )

    def draw(self, step: int, rng: np.random.Generator) -> dict[str, Batch]:
        """Both ST tasks of this step's items and the same on photographs."""
        items = self.items_of(step)
        genes, patches = np.divmod(items, len(self.corners))
        choices = HEXAGONAL_ORIENTATIONS if self.hexagonal else tuple(ORIENTATIONS)
        orientations = rng.choice(choices, len(items)).tolist()
        photos = None
        if self.photographs is not None:
            photos = np.stack(
                [plain_crop(self.photographs, self.side, rng) for _ in range(len(items))]
            )
        if self.decimated is None:
            return self._general(genes, patches, photos, orientations, rng)
        return self._on_lattice(genes, patches, photos, orientations)

    def items_of(self, step: int) -> np.ndarray:
        """(b,) items of a step: gene * patches + patch; without repetition where there are enough."""
        epoch, place = divmod(step, self.steps_an_epoch)
        order = np.random.default_rng([self.seed, 2, epoch]).permutation(self.items)
        batch = self.train.batch
        if self.items < batch:
            return np.resize(order, batch)
        return order[place * batch : (place + 1) * batch]

    def _on_lattice(
        self,
        genes: np.ndarray,
        patches: np.ndarray,
        photos: np.ndarray | None,
        orientations: list[int],
    ) -> dict[str, Batch]:
        """L_s2s on the decimated grid, L_s2d on the fine one, L_gni on both."""
        train, lam = self.train, self.train.weight_st
        at = [self._window(p) for p in patches]
        low = [self._coarse_window(p) for p in patches]
        coarse = np.stack([self._coarse_values[g][w] for g, w in zip(genes, low, strict=True)])
        coarse_mask = np.stack([self._coarse_mask[w] for w in low])
        sparser = coarse_mask & np.stack([self._pattern(p) for p in patches])
        near = np.stack([self._fill(p, "coarse", m) for p, m in zip(patches, sparser, strict=True)])
        # Small sections: a patch drawn twice in one orientation is computed once and counts twice.
        pairs = np.column_stack([genes, patches, orientations])
        _, once, times = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        order = np.argsort(once)
        once, counts = once[order], times[order, None, None].astype(np.float32)
        turned = [orientations[k] for k in once]
        out = {
            "s2s": make_batch(
                sampled(coarse, sparser, near).take(once),
                coarse[once],
                coarse_mask[once] * counts,
                orientations=turned,
                loss_weight=lam,
            )
        }
        fine = np.stack([self._values[g][w] for g, w in zip(genes, at, strict=True)])
        mask = np.stack([self._mask[w] for w in at])
        filled = np.stack([self._fill(p, "fine", m) for p, m in zip(patches, mask, strict=True)])
        # The public script's data consistency never acts here, its mask being empty.
        acting = np.zeros_like(mask) if train.loss_s2d == "published" else mask
        if train.loss_s2d != "off":
            out["s2d"] = make_batch(
                sampled(fine, mask, filled, acting).take(once),
                fine[once],
                mask[once] * counts,
                orientations=turned,
                loss_weight=lam,
                before_consistency=train.loss_s2d == "mended",
            )
        if photos is not None:
            low_photos = np.stack(
                [self._coarse_photo(x, p, w) for x, p, w in zip(photos, patches, low, strict=True)]
            )
            tissue = np.stack([self._tissue[w] for w in at])
            low_tissue = np.stack([self._coarse_tissue[w] for w in low])
            out["images s2s"] = make_batch(
                sampled(low_photos, sparser, near),
                low_photos,
                low_tissue,
                orientations=orientations,
            )
            out["images s2d"] = make_batch(
                sampled(photos, mask, filled, acting), photos, tissue, orientations=orientations
            )
        return out

    def _general(
        self,
        genes: np.ndarray,
        patches: np.ndarray,
        photos: np.ndarray | None,
        orientations: list[int],
        rng: np.random.Generator,
    ) -> dict[str, Batch]:
        """The loss at measured spots that a random sparser input leaves out."""
        at = [self._window(p) for p in patches]
        mask = np.stack([self._mask[w] for w in at])
        share = rng.uniform(self.train.withhold_low, self.train.withhold_high, (len(at), 1, 1))
        kept = mask & (rng.random(mask.shape) >= share)
        near = np.stack(
            [
                nearest_sample(m, hexagonal=self.hexagonal, parity=self._row_parity(p))
                for p, m in zip(patches, kept, strict=True)
            ]
        )
        values = np.stack([self._values[g][w] for g, w in zip(genes, at, strict=True)])
        out = {
            "s2s": make_batch(
                sampled(values, kept, near),
                values,
                mask & ~kept,
                orientations=orientations,
                loss_weight=self.train.weight_st,
            )
        }
        if photos is not None:
            tissue = np.stack([self._tissue[w] for w in at])
            out["images"] = make_batch(
                sampled(photos, kept, near), photos, tissue & ~kept, orientations=orientations
            )
        return out

    def check(self, model: CDCIN, device: torch.device) -> float | None:
        """RMSE at the spots set aside, over the genes; None where none are."""
        if not self.aside.any():
            return None
        aside = self.obs.subset(self.aside)
        found = np.column_stack(
            [
                predict_gene(model, self.known, gene, aside.pixels, device, self.train)
                for gene in self.genes
            ]
        )
        return float(np.sqrt(((found - aside.values[:, self.genes]) ** 2).mean()))

    def preview(self, model: CDCIN, device: torch.device, gene: int) -> np.ndarray:
        """(H * W,) current map of one gene."""
        image = np.zeros(self.obs.grid.tissue.size, np.float32)
        targets = self.obs.targets
        image[targets] = predict_gene(model, self.known, gene, targets, device, self.train)
        return image

    def _window(self, patch: int) -> tuple[slice, slice]:
        row, col = self.corners[patch]
        return slice(row, row + self.side), slice(col, col + self.side)

    def _coarse_window(self, patch: int) -> tuple[slice, slice]:
        row, col = self._coarse_corners[patch]
        return slice(row, row + self.coarse_side), slice(col, col + self.coarse_side)

    def _row_parity(self, patch: int) -> int:
        return int(self._parity + self.corners[patch, 0]) % 2

    def _coarse_parity(self, patch: int) -> int:
        assert self.decimated is not None
        return int(self.decimated.parity + self._coarse_corners[patch, 0]) % 2

    def _pattern(self, patch: int) -> np.ndarray:
        """X_l's lattice in X_m's: of the same stride, from the patch's upper left corner."""
        assert self.decimated is not None
        return sublattice(
            self.coarse_side,
            self.decimated.stride,
            hexagonal=self.hexagonal,
            parity=self._coarse_parity(patch),
        )

    def _fill(self, patch: int, level: str, mask: np.ndarray) -> np.ndarray:
        """Where each pixel of a patch has its nearest sample, kept once found."""
        key = int(patch), level
        if key not in self._nearest:
            parity = self._coarse_parity(patch) if level == "coarse" else self._row_parity(patch)
            found = nearest_sample(mask, hexagonal=self.hexagonal, parity=parity)
            self._nearest[key] = found.astype(np.int32)
        return self._nearest[key]

    def _coarse_photo(self, photo: np.ndarray, patch: int, window) -> np.ndarray:
        """A photograph as the decimated grid samples the patch it lies under."""
        row, col = (
            np.clip(place[window] - corner, 0, self.side - 1)
            for place, corner in zip(
                (self._coarse_row, self._coarse_col), self.corners[patch], strict=True
            )
        )
        return photo[row, col]
