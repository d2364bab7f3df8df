"""What the training loop is fed with: batches, and the augmentations all sources share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from s2s_core.network.cdcin import CDCIN


@dataclass(frozen=True)
class Batch:
    """One restoration task: input images and what they should become.

    All tensors are (B, 1, H, W) but ``context`` (B, C, H, W), which may be None.

    Attributes
    ----------
    start : first estimate x_0
    measured, mask : X and M, the samples the network may see
    target, weight : truth, and how much each pixel counts (0: unknown or background)
    context : further images
    share : weight of this task's loss in the total
    restored : compare what was restored before data consistency
    """

    start: Tensor
    measured: Tensor
    mask: Tensor
    target: Tensor
    weight: Tensor
    context: Tensor | None = None
    share: float = 1.0
    restored: bool = False

    def to(self, device: torch.device) -> Batch:
        """Copy to a device, channels last (what convolutions run fastest on)."""

        def move(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.to(device, memory_format=torch.channels_last)

        return Batch(
            move(self.start),
            move(self.measured),
            move(self.mask),
            move(self.target),
            move(self.weight),
            move(self.context),
            self.share,
            self.restored,
        )


class Source(Protocol):
    """Where batches come from; owns the measured spots set aside for choosing."""

    steps: int

    def draw(self, rng: np.random.Generator) -> dict[str, Batch]:
        """Batches of one step by the name of their loss."""

    def check(self, model: CDCIN, device: torch.device) -> float:
        """Error on the measured spots set aside; lower is better."""


def augment(stack: np.ndarray, turn: int) -> np.ndarray:
    """One of the 8 flips and rotations of (..., H, W) images."""
    if turn >= 4:
        stack = stack[..., ::-1]
    return np.rot90(stack, turn % 4, axes=(-2, -1))


def undo_augment(stack: np.ndarray, turn: int) -> np.ndarray:
    """Inverse of :func:`augment`."""
    stack = np.rot90(stack, -(turn % 4), axes=(-2, -1))
    return stack[..., ::-1] if turn >= 4 else stack


def images(stack: np.ndarray) -> Tensor:
    """(B, H, W) array to a (B, 1, H, W) float tensor (bool stays bool)."""
    stack = np.ascontiguousarray(stack)
    tensor = torch.from_numpy(stack if stack.dtype == bool else stack.astype(np.float32))
    return tensor[:, None]
