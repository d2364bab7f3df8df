"""The training losses, as formulae."""

from __future__ import annotations

import torch
from torch import Tensor


def deep_supervision(outputs: list[Tensor], target: Tensor, weight: Tensor, power: int) -> Tensor:
    """Sum over cascades k of (k / K) mean |x_k - target|^power, the mean weighted by ``weight``.

    Parameters
    ----------
    outputs : list of K (B, 1, H, W) tensors
    target, weight : (B, 1, H, W) tensors
        ``weight`` is 0 where the target is unknown or outside the tissue.
    power : {1, 2}
        1 is the published L1 (conditional median), 2 the squared error (conditional mean).
    """
    total = weight.sum().clamp_min(1e-6)
    loss = outputs[0].new_zeros(())
    for k, output in enumerate(outputs, start=1):
        # Where the weight is 0 the target may be anything, NaN included.
        error = torch.where(weight > 0, output - target, 0.0).abs() ** power
        loss = loss + k / len(outputs) * (error * weight).sum() / total
    return loss
