"""What the loops are fed with: images, batches, and the orientations all sources share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from s2s_core.network.cdcin import CDCIN

# The eight flips and rotations of a square (the dihedral group D4); 0 leaves it as it is.
ORIENTATIONS = range(8)
# Turning a staggered grid by 90 degrees breaks its rows; these leave them rows.
HEXAGONAL_ORIENTATIONS = (0, 2, 4, 6)


@dataclass(frozen=True)
class NetworkInput:
    """Images CDCIN sees, as arrays.

    Attributes
    ----------
    start : (B, H, W) array
        First estimate x_0.
    measured, mask : (B, H, W) arrays
        X_m (0 elsewhere) and boolean M_h.
    context : (B, C, H, W) array or None
        Further images.
    """

    start: np.ndarray
    measured: np.ndarray
    mask: np.ndarray
    context: np.ndarray | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.start)

    def take(self, rows: np.ndarray) -> NetworkInput:
        """Some of the images."""
        context = None if self.context is None else self.context[rows]
        return NetworkInput(self.start[rows], self.measured[rows], self.mask[rows], context)

    def oriented(self, orientations: int | Sequence[int]) -> NetworkInput:
        """All images in one orientation, or each square image in its own."""
        context = None if self.context is None else orient(self.context, orientations)
        start, measured, mask = (
            orient(images, orientations) for images in (self.start, self.measured, self.mask)
        )
        return NetworkInput(start, measured, mask, context)


@dataclass(frozen=True)
class Batch:
    """One restoration task: input images and what they should become.

    All tensors are (B, 1, H, W) but ``context`` (B, C, H, W), which may be None.

    Attributes
    ----------
    start : Tensor
        First estimate x_0.
    measured, mask : Tensor
        X_m and M_h, the samples the network may see.
    target, weight : Tensor
        Truth, and how much each pixel counts (0: unknown or background).
    context : Tensor or None
        Further images.
    loss_weight : float
        Weight of this task's loss in the total (lambda of L = lambda (L_s2s + L_s2d) + L_gni).
    before_consistency : bool
        Compare what the cascades restored before data consistency.
    """

    start: Tensor
    measured: Tensor
    mask: Tensor
    target: Tensor
    weight: Tensor
    context: Tensor | None = None
    loss_weight: float = 1.0
    before_consistency: bool = False

    def to(self, device: torch.device) -> Batch:
        """Copy to a device, channels last (what convolutions run fastest on)."""
        return replace(
            self,
            start=on(self.start, device),
            measured=on(self.measured, device),
            mask=on(self.mask, device),
            target=on(self.target, device),
            weight=on(self.weight, device),
            context=None if self.context is None else on(self.context, device),
        )


def make_batch(
    inputs: NetworkInput,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    orientations: int | Sequence[int] = 0,
    loss_weight: float = 1.0,
    before_consistency: bool = False,
) -> Batch:
    """Batch of (B, H, W) arrays, turned into their orientations.

    ``target`` and ``weight`` may be of any shape that broadcasts to the inputs'.
    """
    shape = inputs.start.shape
    oriented = inputs.oriented(orientations)
    target, weight = (orient(np.broadcast_to(x, shape), orientations) for x in (target, weight))
    return Batch(
        images(oriented.start),
        images(oriented.measured),
        images(oriented.mask),
        images(target),
        images(weight),
        None if oriented.context is None else channels(oriented.context),
        loss_weight,
        before_consistency,
    )


class Source(Protocol):
    """Where batches come from; owns the measured spots set aside for choosing."""

    steps: int

    def draw(self, step: int, rng: np.random.Generator) -> dict[str, Batch]:
        """Batches of one step by the name of their loss."""

    def check(self, model: CDCIN, device: torch.device) -> float | None:
        """Error on the measured spots set aside, lower is better; None where there are none."""


def orient(stack: np.ndarray, orientations: int | Sequence[int]) -> np.ndarray:
    """One of the 8 flips and rotations of (..., H, W) images, or each of B in its own."""
    if not isinstance(orientations, int):
        each = zip(stack, orientations, strict=True)
        return np.stack([orient(image, int(own)) for image, own in each])
    if orientations >= 4:
        stack = stack[..., ::-1]
    return np.rot90(stack, orientations % 4, axes=(-2, -1))


def undo_orientation(stack: np.ndarray, orientation: int) -> np.ndarray:
    """Inverse of :func:`orient`."""
    stack = np.rot90(stack, -(orientation % 4), axes=(-2, -1))
    return stack[..., ::-1] if orientation >= 4 else stack


def images(stack: np.ndarray) -> Tensor:
    """(B, H, W) array to a (B, 1, H, W) float tensor (bool stays bool)."""
    return channels(stack)[:, None]


def channels(stack: np.ndarray) -> Tensor:
    """Array to a float tensor of the same shape (bool stays bool)."""
    # A copy: views of broadcast arrays cannot be written to, which torch warns of.
    return torch.from_numpy(np.array(stack, bool if stack.dtype == bool else np.float32))


def on(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy of a tensor on a device, channels last."""
    return tensor.to(device, memory_format=torch.channels_last)
