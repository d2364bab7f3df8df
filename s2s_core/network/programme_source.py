"""The programme engine's training material: sparser splits of gene programmes.

Programmes are estimated (see :mod:`s2s_core.geostat.first_estimate`) from the spots a split
keeps (X_l); the network sees that estimate with its deviation, the kept samples and the noise
level, and learns the correction at the spots the split withheld (of X_m): the sparser-to-sparse
task of S2S-ST (arXiv 2507.16886) in the form that SSDU (arXiv 1912.07669) gives it for any mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from s2s_core.config import ProgrammeTraining
from s2s_core.data.observation import Observation, folds
from s2s_core.geostat.estimate_images import Estimate
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.geostat.shrinkage import shrinkage_factors
from s2s_core.network.batches import ORIENTATIONS, Batch, NetworkInput, make_batch
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.predict import BATCH, predict

# Pixels around a tile that the network sees as well (receptive field of a cascade: about 15).
HALO = 16
# Larger sections are predicted in tiles, so that memory is bounded.
TILE = 192
Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))


@dataclass(frozen=True)
class Split:
    """An estimate from the kept spots with the targets (C, H, W) and weights (H, W) to learn."""

    estimate: Estimate
    target: np.ndarray
    weight: np.ndarray


class ProgrammeSource:
    """Batches of programmes over sparser splits of one observation.

    The measured spots fall into folds. The last is set aside: its values are inputs of a
    split but never targets. The first splits withhold the other folds in turn, further ones
    a random part of these spots.

    Parameters
    ----------
    obs : Observation
    train : ProgrammeTraining
    programmes : int
        Most programmes of each weighting of the genes.
    seed : int
    tick : callable
        Called with parts of the first estimate that are done, and all; may raise to stop.
    """

    def __init__(
        self,
        obs: Observation,
        train: ProgrammeTraining,
        *,
        programmes: int,
        seed: int,
        tick: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.obs, self.train, self.seed = obs, train, seed
        self.steps = train.steps
        self.first_estimate = fit_first_estimate(obs, programmes, seed, tick)
        self.folds = folds(obs)
        self.aside = self.folds[-1]
        importance = self.first_estimate.importance.astype(np.float64)
        self._chance = importance / importance.sum()
        self.tissue = obs.grid.tissue
        self.scores = self.first_estimate.programmes.scores(obs.values)
        self._targets = obs.image(self.scores)
        self._splits: dict[int, Split] = {}
        self._check = self.first_estimate.estimate(obs.subset(~self.aside))
        self._first_error = self._error(self._check.mean)

    def draw(self, step: int, rng: np.random.Generator) -> dict[str, Batch]:
        """One split and some programmes of it, every step alike."""
        split = self.split(int(rng.integers(self.train.splits)))
        columns = rng.choice(len(self._chance), self.train.batch, p=self._chance)
        return {"s2s": self._batch(split, columns, rng)}

    def check(self, model: CDCIN, device: torch.device) -> float:
        """RMSE at the spots set aside over all programmes, relative to the first estimate's."""
        self._latest = correct(model, self._check, self.tissue, device, augmented=False)
        return self._error(self._latest) / max(self._first_error, 1e-12)

    def shares(self, trained: CDCIN, untrained: CDCIN | None, device: torch.device) -> np.ndarray:
        """(P,) share in 0..1 of the network's correction, decided at withheld measured spots.

        The trained network is judged at the spots set aside; the prior, which never saw this
        section, at those of the other folds as well.
        """
        parts = []
        for k, out in enumerate(self.folds):
            model = trained if k == len(self.folds) - 1 else untrained
            if model is None:
                continue
            estimate = self._check if model is trained else self.split(k).estimate
            pixels = self.obs.pixels[out]
            first = _at(estimate.mean, pixels)
            step = correct(model, estimate, self.tissue, device, augmented=False)
            missed = self.scores[out] - first
            parts.append((_at(step, pixels) - first, missed, 1.0 / self.obs.noise[out]))
        step, missed, certainty = (np.concatenate(part) for part in zip(*parts, strict=True))
        return shrinkage_factors(step, missed, certainty, self.first_estimate.programmes.size)

    def preview(self, gene: int) -> np.ndarray:
        """(H * W,) map of one gene as the latest check saw it."""
        maps = self._latest
        low_rank = self.first_estimate.programmes
        weight = low_rank.scale * low_rank.loadings[:, gene]
        return np.tensordot(weight, maps, 1).ravel() + low_rank.mean[gene]

    def split(self, index: int) -> Split:
        """Sparser split ``index`` of the measured spots, kept once made."""
        if index not in self._splits:
            rng = np.random.default_rng([self.seed, 7, index])
            if index < len(self.folds) - 1:
                keep = ~self.folds[index]
            else:
                share = rng.uniform(self.train.withhold_low, self.train.withhold_high)
                keep = self.aside | (rng.random(len(self.aside)) >= share)
            weight = np.zeros(self.tissue.shape, np.float32)
            weight.flat[self.obs.pixels[~keep]] = 1.0 / self.obs.noise[~keep]
            estimate = self.first_estimate.estimate(self.obs.subset(keep))
            self._splits[index] = Split(estimate, self._targets, weight)
        return self._splits[index]

    def _batch(self, split: Split, columns: np.ndarray, rng: np.random.Generator) -> Batch:
        crop_at = _window(split.weight, self.train.patch, rng)
        orientation = int(rng.integers(len(ORIENTATIONS)))
        sign = rng.choice([-1.0, 1.0], len(columns))[:, None, None].astype(np.float32)
        inputs = network_input(split.estimate, self.tissue, columns, sign, crop_at)
        target = split.target[columns][(slice(None), *crop_at)] * sign
        return make_batch(inputs, target, split.weight[crop_at], orientations=orientation)

    def _error(self, maps: np.ndarray) -> float:
        error = _at(maps, self.obs.pixels[self.aside]) - self.scores[self.aside]
        error = (error * self.first_estimate.programmes.size) ** 2 / self.obs.noise[
            self.aside, None
        ]
        return float(np.sqrt(error.sum(1).mean()))


def network_input(
    estimate: Estimate,
    tissue: np.ndarray,
    columns: np.ndarray,
    sign: float | np.ndarray = 1.0,
    crop_at: Window = WHOLE,
) -> NetworkInput:
    """What CDCIN sees of some programmes: start, measured, mask, context.

    Parameters
    ----------
    estimate : Estimate
    tissue : (H, W) bool array
    columns : (B,) int array
        Programmes.
    sign : float or (B, 1, 1) array
        Programmes have no sign of their own: learning sees both.
    crop_at : two slices
        Rows and columns of the section.
    """
    at = (slice(None), *crop_at)
    mean = estimate.mean[columns][at] * sign
    measured = estimate.samples[columns][at] * sign
    mask = np.broadcast_to(estimate.mask[crop_at], mean.shape)
    inside = np.broadcast_to(tissue[crop_at].astype(np.float32), mean.shape)
    noise = np.broadcast_to(estimate.noise[columns][:, None, None], mean.shape)
    deviation = estimate.deviation[columns][at]
    row_offset = np.broadcast_to(estimate.row_offset[crop_at], mean.shape)
    context = [mean, deviation, mask.astype(np.float32), inside, noise * inside, row_offset]
    return NetworkInput(np.where(mask, measured, mean), measured, mask, np.stack(context, 1))


def correct(
    model: CDCIN,
    estimate: Estimate,
    tissue: np.ndarray,
    device: torch.device,
    *,
    augmented: bool,
    batch: int = BATCH,
    tile: int = TILE,
) -> np.ndarray:
    """(C, H, W) corrected programmes, averaged over two flips and rotations when asked.

    Sections larger than a tile are predicted in overlapping tiles, so memory is bounded.
    Values at the kept samples are the network's opinion of them (its last restoration): the
    caller puts measured values back where they belong, in gene space.
    """
    columns = np.arange(len(estimate.mean))
    own = [orientations_of(k) if augmented else (0,) for k in range(len(columns))]
    out = np.empty(estimate.mean.shape, np.float32)
    for outer, inner, local in _tiles(out.shape[1:], tile):
        piece = predict(
            model,
            network_input(estimate, tissue, columns, 1.0, outer),
            device,
            orientations=own,
            before_consistency=True,
            batch=batch,
        )
        out[(slice(None), *inner)] = piece[(slice(None), *local)]
    return out


def orientations_of(programme: int) -> tuple[int, int]:
    """Two of the eight orientations, others for the next programme.

    A gene is an average over programmes of several weightings, so that all eight take part; all
    eight for every programme take four times as long and are no better (docs/engine.md).
    """
    return programme % 4, 4 + (programme + 2) % 4


def _tiles(shape: tuple[int, ...], tile: int) -> Iterator[tuple[Window, Window, Window]]:
    """Overlapping tiles: what to predict, its inner part, and where that lies in it."""
    for row in range(0, shape[0], tile):
        for col in range(0, shape[1], tile):
            inner = [slice(s, min(s + tile, n)) for s, n in zip((row, col), shape, strict=True)]
            outer = [
                slice(max(0, i.start - HALO), min(n, i.stop + HALO))
                for i, n in zip(inner, shape, strict=True)
            ]
            local = [
                slice(i.start - o.start, i.stop - o.start)
                for i, o in zip(inner, outer, strict=True)
            ]
            yield (outer[0], outer[1]), (inner[0], inner[1]), (local[0], local[1])


def _window(weight: np.ndarray, size: int, rng: np.random.Generator) -> Window:
    """Square window of at most ``size`` pixels around a random weighted pixel."""
    row, col = np.argwhere(weight > 0)[rng.integers((weight > 0).sum())]
    window = []
    for centre, extent in zip((row, col), weight.shape, strict=True):
        span = min(size, extent)
        start = int(np.clip(centre - rng.integers(span), 0, extent - span))
        window.append(slice(start, start + span))
    return window[0], window[1]


def _at(stack: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(k, C) values of (C, H, W) images at flat pixels."""
    return stack.reshape(len(stack), -1)[:, pixels].T
