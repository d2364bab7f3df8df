"""CDCIN: K cascades of a restoration network (RDHAN), each followed by data consistency.

The network of S2S-ST (arXiv 2507.16886), with the paper's names.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_core.config import ModelConfig
from s2s_core.network.layers import HybridAttentionBlock, ResidualDenseBlock

CONTEXT_CHANNELS = 6


def data_consistency(x: Tensor, measured: Tensor, mask: Tensor) -> Tensor:
    """DC(x) = (1 - M) x + M X_m: measured values replace whatever was predicted there.

    Parameters
    ----------
    x, measured, mask : (B, 1, H, W) tensors
        ``mask`` is boolean. Selecting (not multiplying and adding) keeps measured values
        bit-identical and stops NaN outside the mask from spreading.
    """
    return torch.where(mask, measured, x)


class CascadeOutputs(NamedTuple):
    """Images (B, 1, H, W) of each of the K cascades.

    Attributes
    ----------
    restored : list of K tensors
        Before data consistency (L_s2d compares that at measured pixels, where afterwards
        nothing is left to compare).
    consistent : list of K tensors
        After it.
    """

    restored: list[Tensor]
    consistent: list[Tensor]


class RDHAN(nn.Module):
    """Residual dense hybrid attention network: image in, one-channel correction out.

    Parameters
    ----------
    config : ModelConfig
        D ``blocks`` of C ``layers``, G0 ``features``, growth G.
    channels : int
        Input channels.
    """

    def __init__(self, config: ModelConfig, channels: int = 1) -> None:
        super().__init__()
        g0 = config.features
        self.window = config.window
        self.shallow1 = nn.Conv2d(channels, g0, 3, padding=1)
        self.shallow2 = nn.Conv2d(g0, g0, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                ResidualDenseBlock(g0, config.growth, config.layers),
                *(
                    # Plain and shifted windows in turn, through the whole network.
                    HybridAttentionBlock(g0, config.window, config.heads, shifted=bool(i % 2))
                    for i in range(d * config.attention_blocks, (d + 1) * config.attention_blocks)
                ),
            )
            for d in range(config.blocks)
        )
        self.fuse = nn.Sequential(
            nn.Conv2d(config.blocks * g0, g0, 1), nn.Conv2d(g0, g0, 3, padding=1)
        )
        self.out = nn.Conv2d(g0, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1, H, W), any H and W."""
        height, width = x.shape[-2:]
        x = pad_to_multiple(x, self.window)
        first = self.shallow1(x)
        features, outputs = self.shallow2(first), []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        x = self.out(self.fuse(torch.cat(outputs, 1)) + first)
        return x[..., :height, :width]


class CDCIN(nn.Module):
    """Cascaded data-consistent imputation network: K times x <- DC(x + RDHAN(x)).

    The last step is data consistency, so measured values come out as they went in (unless
    ``last_consistency`` is off, as in the authors' public script).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = 1 + (CONTEXT_CHANNELS if config.context else 0)
        self.last_consistency = config.last_consistency
        self.cascades = nn.ModuleList(RDHAN(config, channels) for _ in range(config.cascades))
        if config.context:
            # A correction starts at zero: before any training the answer is the first estimate.
            for cascade in self.cascades:
                out = cast("RDHAN", cascade).out
                nn.init.zeros_(out.weight)
                nn.init.zeros_(cast("Tensor", out.bias))

    def forward(
        self,
        start: Tensor,
        measured: Tensor,
        mask: Tensor,
        context: Tensor | None = None,
    ) -> CascadeOutputs:
        """Run the cascades.

        Parameters
        ----------
        start : (B, 1, H, W)
            First estimate x_0 (the sampled map filled in).
        measured, mask : (B, 1, H, W)
            X_m (0 elsewhere) and boolean M_h.
        context : (B, CONTEXT_CHANNELS, H, W), optional
            Further images every cascade sees.

        Returns
        -------
        CascadeOutputs
        """
        x, restored, consistent = start, [], []
        for cascade in self.cascades:
            seen = x if context is None else torch.cat([x, context], 1)
            raw = x + cascade(seen).float()
            x = data_consistency(raw, measured, mask)
            restored.append(raw)
            consistent.append(x)
        if not self.last_consistency:
            consistent[-1] = restored[-1]
        return CascadeOutputs(restored, consistent)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the border below and to the right until H and W are multiples."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
