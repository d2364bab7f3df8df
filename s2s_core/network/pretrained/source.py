"""Pretraining's material: examples of photographs and synthetic patterns, and what it is scored by."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from s2s_core.network.batches import ORIENTATIONS, Batch, make_batch
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.predict import predict
from s2s_core.network.pretrained.examples import Example, draw_example
from s2s_core.network.programme_source import network_input

Photographs = tuple[np.ndarray, ...]
# Examples kept to learn from; one is replaced every second step.
POOL = 1500
FRESH_EVERY = 2
# Noise shares that scores are told apart by.
NOISE = {"low noise": (0.0, 0.3), "noise": (0.3, 0.6), "high noise": (0.6, np.inf)}
# Keeps images that the first estimate finds easy from outweighing all others.
EASY = 0.02


class PretrainingSource:
    """Batches of examples, drawn as the training goes on.

    Parameters
    ----------
    photographs, others : tuple of (h, w) arrays
        To learn from, and to take the score on.
    steps : int
    seed : int
    kriging : bool
        First estimates by kriging, else by Gaussian averages.
    validation : int
        Examples that the score is taken on.
    """

    def __init__(
        self,
        photographs: Photographs,
        others: Photographs,
        *,
        steps: int,
        seed: int,
        kriging: bool = True,
        validation: int = 32,
    ) -> None:
        self.photographs, self.steps, self.kriging = photographs, steps, kriging
        rng = np.random.default_rng([seed, 2])
        self.held_out = [draw_example(others, rng, kriging=kriging) for _ in range(validation)]
        self._pool: deque[Example] = deque(maxlen=POOL)
        self.by_noise: dict[str, float] = {}

    def draw(self, step: int, rng: np.random.Generator) -> dict[str, Batch]:
        """One example of the pool in a random orientation, its images with random signs."""
        if step % FRESH_EVERY == 0 or len(self._pool) < FRESH_EVERY:
            self._pool.append(draw_example(self.photographs, rng, kriging=self.kriging))
        return {"examples": example_batch(self._pool[rng.integers(len(self._pool))], rng)}

    def check(self, model: CDCIN, device: torch.device) -> float:
        """Squared error relative to the first estimate's, mean over the held-out images."""
        ratio = validate(model, self.held_out, device)
        share = np.concatenate([example.estimate.noise for example in self.held_out])
        self.by_noise = {
            name: float(ratio[(share >= low) & (share < high)].mean())
            for name, (low, high) in NOISE.items()
        }
        return float(ratio.mean())


def example_batch(example: Example, rng: np.random.Generator) -> Batch:
    """Batch of an example, each image weighed by how hard its first estimate found it."""
    orientation, count = int(rng.integers(len(ORIENTATIONS))), len(example.truth)
    sign = rng.choice([-1.0, 1.0], count)[:, None, None].astype(np.float32)
    inputs = network_input(example.estimate, example.tissue, np.arange(count), sign)
    unmeasured = _unmeasured(example)
    error = ((example.estimate.mean - example.truth) ** 2 * unmeasured).sum((1, 2))
    weight = unmeasured / (error[:, None, None] / unmeasured.sum() + EASY)
    return make_batch(inputs, example.truth * sign, weight, orientations=orientation)


def validate(model: CDCIN, examples: list[Example], device: torch.device) -> np.ndarray:
    """Squared error at unmeasured pixels relative to the first estimate's, of every image."""
    ratios = []
    for example in examples:
        inputs = network_input(example.estimate, example.tissue, np.arange(len(example.truth)))
        unmeasured, found = _unmeasured(example), predict(model, inputs, device)
        first, now = (
            ((image - example.truth) ** 2 * unmeasured).sum((1, 2))
            for image in (inputs.start, found)
        )
        ratios.append(now / first)
    return np.concatenate(ratios)


def _unmeasured(example: Example) -> np.ndarray:
    return (example.tissue & ~example.estimate.mask).astype(np.float32)
