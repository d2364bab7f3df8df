"""Prediction: one loop from images to images for both engines and for pretraining."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from s2s_core.network.batches import (
    ORIENTATIONS,
    NetworkInput,
    channels,
    images,
    on,
    undo_orientation,
)
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.device import autocast

BATCH = 8


@torch.no_grad()
def predict(
    model: CDCIN,
    inputs: NetworkInput,
    device: torch.device,
    *,
    orientations: Sequence[Sequence[int]] | None = None,
    before_consistency: bool = False,
    batch: int = BATCH,
    precision: str = "auto",
) -> np.ndarray:
    """Last cascade's images (B, H, W), each averaged over its own orientations.

    An image's orientations are its own and not its batch's, so that the answer does not depend
    on how many images are predicted at once.

    Parameters
    ----------
    model : CDCIN
    inputs : NetworkInput
        B images.
    device : torch.device
    orientations : B sequences of int, optional
        Flips and rotations to average over, for each image; as it is when not given.
    before_consistency : bool
        What the cascade restored before data consistency.
    batch : int
        Images at once.
    precision : {"auto", "float32", "bfloat16"}
        Of the arithmetic (see :func:`s2s_core.network.device.autocast`).
    """
    model.eval()
    total = np.zeros(inputs.start.shape, np.float32)
    own = [(0,)] * len(inputs) if orientations is None else orientations
    for orientation in ORIENTATIONS:
        members = np.flatnonzero([orientation in which for which in own])
        for first in range(0, len(members), batch):
            chosen = members[first : first + batch]
            seen = inputs.take(chosen).oriented(orientation)
            context = None if seen.context is None else on(channels(seen.context), device)
            plain = (on(images(x), device) for x in (seen.start, seen.measured, seen.mask))
            with autocast(device, precision):
                outputs = model(*plain, context)
            last = (outputs.restored if before_consistency else outputs.consistent)[-1]
            total[chosen] += undo_orientation(last[:, 0].float().cpu().numpy(), orientation)
    return total / np.array([len(which) for which in own], np.float32)[:, None, None]
