"""The training losses, as formulae.

S2S-ST (arXiv 2507.16886) trains f, here CDCIN, by L = lambda (L_s2s + L_s2d) + L_gni:

- L_s2s, sparser to sparse: f(X_l) against X_m, which were measured but withheld from X_l. The
  idea is that of SSDU (Yaman et al., Magn. Reson. Med. 2020, arXiv 1912.07669): split what was
  measured into a part the network sees and a part the loss is taken on.
- L_s2d, sparse to dense: f(X_m) against X_m at the measured pixels.
- L_gni: both on natural images under the same masks, against the true image.

Each of them is :func:`deep_supervision` of one batch; the sources say what is in it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def deep_supervision(outputs: list[Tensor], target: Tensor, weight: Tensor, power: int) -> Tensor:
    """Sum over cascades k of (k / K) mean `|x_k - target|^power`, the mean weighted by ``weight``.

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
