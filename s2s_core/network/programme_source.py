"""The compact engine's training material: sparser splits of gene programmes and photographs.

Programmes are estimated (see :mod:`s2s_core.geostat.first_estimate`) from the spots a split keeps; the network
sees that estimate with its deviation, the kept samples and the noise level, and learns the
correction at the spots the split withheld. Where co-learning is on, photographs run through the
same splits with the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation, folds
from s2s_core.geostat.estimate_images import Estimate, estimate_images
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.geostat.shrinkage import shrinkage_factors
from s2s_core.network.batches import Batch, augment, images, undo_augment
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.device import autocast
from s2s_core.network.natural_images import crop, load_photographs

HALO = 16


@dataclass(frozen=True)
class Split:
    """An estimate from the kept spots with the targets (C, H, W) and weights (H, W) to learn."""

    estimate: Estimate
    target: np.ndarray
    weight: np.ndarray


class CompactSource:
    """Batches of programmes and photographs over sparser splits of one observation.

    The measured spots fall into folds. The last is set aside: its values are inputs of a
    split but never targets. The first splits withhold the other folds in turn, further ones
    a random part of these spots.

    Parameters
    ----------
    obs : Observation
    config : RunConfig
    tick : callable
        Called with parts of the first estimate that are done, and all; may raise to stop.
    """

    def __init__(
        self,
        obs: Observation,
        config: RunConfig,
        tick: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.obs, self.config, self.train = obs, config, config.train
        self.steps = config.train.steps
        self.first_estimate = fit_first_estimate(obs, config.programmes, config.seed, tick)
        self.folds = folds(obs)
        self.aside = self.folds[-1]
        importance = self.first_estimate.importance.astype(np.float64)
        self._chance = importance / importance.sum()
        self.tissue = obs.grid.tissue
        self._photographs = (
            load_photographs(self.train.image_folder) if self.train.natural_images else []
        )
        self.scores = self.first_estimate.programmes.scores(obs.values)
        self._targets = obs.image(self.scores)
        self._splits: dict[int, tuple[Split, Split | None]] = {}
        self._check = self.first_estimate.estimate(obs.subset(~self.aside))
        self._first_error = self._error(self._check.mean)

    def draw(self, rng: np.random.Generator) -> dict[str, Batch]:
        """One split, some programmes of it and, where asked, as many photographs."""
        split, photo = self.split(int(rng.integers(self.train.splits)))
        columns = rng.choice(len(self._chance), self.train.batch, p=self._chance)
        batches = {"s2s": self._batch(split, columns, rng, self.train.weight_st)}
        if photo is not None:
            columns = rng.choice(len(photo.target), self.train.batch)
            batches["images"] = self._batch(photo, columns, rng, 1.0)
        return batches

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
            estimate = self._check if model is trained else self.split(k)[0].estimate
            pixels = self.obs.pixels[out]
            first = _at(estimate.mean, pixels)
            step = correct(model, estimate, self.tissue, device, augmented=False)
            missed = self.scores[out] - first
            parts.append((_at(step, pixels) - first, missed, 1.0 / self.obs.noise[out]))
        step, missed, certainty = (np.concatenate(part) for part in zip(*parts, strict=True))
        return shrinkage_factors(step, missed, certainty, self.first_estimate.programmes.size)

    def preview(self, model: CDCIN, device: torch.device, gene: int) -> np.ndarray:
        """(H * W,) map of one gene as the latest check saw it."""
        maps = self._latest
        low_rank = self.first_estimate.programmes
        weight = low_rank.scale * low_rank.loadings[:, gene]
        return np.tensordot(weight, maps, 1).ravel() + low_rank.mean[gene]

    def split(self, index: int) -> tuple[Split, Split | None]:
        """Sparser split ``index`` of the section and of photographs, kept once made."""
        if index not in self._splits:
            rng = np.random.default_rng([self.config.seed, 7, index])
            if index < len(self.folds) - 1:
                keep = ~self.folds[index]
            else:
                share = rng.uniform(self.train.withhold_low, self.train.withhold_high)
                keep = self.aside | (rng.random(len(self.aside)) >= share)
            kept = self.obs.subset(keep)
            weight = np.zeros(self.tissue.shape, np.float32)
            weight.flat[self.obs.pixels[~keep]] = 1.0 / self.obs.noise[~keep]
            split = Split(self.first_estimate.estimate(kept), self._targets, weight)
            photo = self._photo_split(kept, rng) if self._photographs else None
            self._splits[index] = split, photo
        return self._splits[index]

    def _photo_split(self, kept: Observation, rng: np.random.Generator) -> Split:
        """Photographs measured at the kept spots, as noisy as the programmes are."""
        count = self.train.batch
        nugget = rng.choice(self.first_estimate.variograms.nugget, count, p=self._chance)
        if not self.train.noisy_images:
            nugget = np.zeros(count)
        signal = np.sqrt(1.0 / (1.0 + nugget))[:, None, None]
        clean = np.stack([crop(self._photographs, self.tissue.shape, rng) for _ in range(count)])
        inside = clean[:, self.tissue]
        clean -= inside.mean(1)[:, None, None]
        clean *= signal / np.maximum(inside.std(1), 1e-3)[:, None, None]
        columns = clean.reshape(count, -1)[:, kept.pixels].T
        spread = np.sqrt(nugget / (1.0 + nugget) * kept.noise[:, None])
        columns = (columns + rng.normal(size=columns.shape) * spread).astype(np.float32)
        candidates = self.first_estimate.variograms.candidates
        estimate = estimate_images(
            kept, columns, self.first_estimate.decompositions.of(kept), candidates
        )
        weight = (self.tissue & ~estimate.mask).astype(np.float32)
        return Split(estimate, clean, weight)

    def _batch(self, split: Split, columns, rng: np.random.Generator, share: float) -> Batch:
        crop_at = _window(split.weight, self.train.patch, rng)
        turn = int(rng.integers(8))
        sign = rng.choice([-1.0, 1.0], len(columns))[:, None, None].astype(np.float32)
        estimate = split.estimate
        stack = network_input(estimate, self.tissue, columns, sign, crop_at)
        stack = {k: augment(v, turn) for k, v in stack.items()}
        target = split.target[columns][(slice(None), *crop_at)] * sign
        weight = augment(np.broadcast_to(split.weight[crop_at], target.shape), turn)
        target = augment(target, turn)
        return Batch(**to_tensors(stack), target=images(target), weight=images(weight), share=share)

    def _error(self, maps: np.ndarray) -> float:
        error = _at(maps, self.obs.pixels[self.aside]) - self.scores[self.aside]
        error = (error * self.first_estimate.programmes.size) ** 2 / self.obs.noise[
            self.aside, None
        ]
        return float(np.sqrt(error.sum(1).mean()))


def network_input(
    estimate: Estimate, tissue: np.ndarray, columns, sign=1.0, crop_at=(slice(None), slice(None))
) -> dict[str, np.ndarray]:
    """Arrays of CDCIN's arguments for some programmes: start, measured, mask, context."""
    at = (slice(None), *crop_at)
    mean = estimate.mean[columns][at] * sign
    measured = estimate.samples[columns][at] * sign
    mask = np.broadcast_to(estimate.mask[crop_at], mean.shape)
    inside = np.broadcast_to(tissue[crop_at].astype(np.float32), mean.shape)
    noise = np.broadcast_to(estimate.noise[columns][:, None, None], mean.shape)
    deviation = estimate.deviation[columns][at]
    row_offset = np.broadcast_to(estimate.row_offset[crop_at], mean.shape)
    context = [mean, deviation, mask.astype(np.float32), inside, noise * inside, row_offset]
    context = np.stack(context, 1)
    return {
        "start": np.where(mask, measured, mean),
        "measured": measured,
        "mask": mask,
        "context": context,
    }


def to_tensors(stack: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Tensors of :func:`network_input`'s arrays."""
    context = torch.from_numpy(np.ascontiguousarray(stack["context"], np.float32))
    return {k: images(v) for k, v in stack.items() if k != "context"} | {"context": context}


@torch.no_grad()
def correct(
    model: CDCIN,
    estimate: Estimate,
    tissue: np.ndarray,
    device: torch.device,
    *,
    augmented: bool,
    batch: int = 8,
    tile: int = 192,
) -> np.ndarray:
    """(C, H, W) corrected programmes, averaged over two flips and rotations when asked.

    Sections larger than a tile are predicted in overlapping tiles, so memory is bounded.
    Values at the kept samples are the network's opinion of them (its last restoration): the
    caller puts measured values back where they belong, in gene space.
    """
    model.eval()
    shape = estimate.mean.shape
    out = np.empty(shape, np.float32)
    for rows, cols, inner in _tiles(shape[1:], tile):
        for first in range(0, shape[0], batch):
            columns = np.arange(first, min(first + batch, shape[0]))
            stack = network_input(estimate, tissue, columns, 1.0, (rows, cols))
            turns = _turns(first // batch) if augmented else (0,)
            total = 0.0
            for turn in turns:
                turned = to_tensors({k: augment(v, turn) for k, v in stack.items()})
                moved = {
                    k: v.to(device, memory_format=torch.channels_last) for k, v in turned.items()
                }
                with autocast(device):
                    restored = model(**moved, restored=True)[-1]
                total = total + undo_augment(restored[:, 0].float().cpu().numpy(), turn)
            piece = (total / len(turns))[(slice(None), *inner[1])]
            out[(slice(first, first + len(columns)), *inner[0])] = piece
    return out


def _turns(index: int) -> tuple[int, int]:
    """Two of the eight orientations, others for the next programmes.

    A gene is an average over programmes of several weightings, so that all eight take part; all
    eight for every programme take four times as long and are no better.
    """
    return index % 4, 4 + (index + 2) % 4


def _tiles(shape: tuple[int, int], tile: int):
    """Overlapping tiles: (rows, cols) to predict and where their inner part goes."""
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
            yield outer[0], outer[1], (inner, local)


def _window(weight: np.ndarray, size: int, rng: np.random.Generator) -> tuple[slice, slice]:
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
