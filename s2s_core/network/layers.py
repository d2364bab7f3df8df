"""Building blocks of RDHAN: residual dense block and hybrid attention block."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualDenseBlock(nn.Module):
    """C convolutions of growth G, each seeing all before it, fused to G0 channels."""

    def __init__(self, features: int, growth: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(features + i * growth, growth, 3, padding=1) for i in range(layers)
        )
        self.fuse = nn.Conv2d(features + layers * growth, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, G0, H, W) to the same shape."""
        seen = [x]
        for conv in self.convs:
            seen.append(F.relu(conv(torch.cat(seen, 1))))
        return x + self.fuse(torch.cat(seen, 1))


class ChannelAttention(nn.Module):
    """Two convolutions whose channels are weighed by their global mean."""

    def __init__(self, features: int, compress: int = 4, squeeze: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(features, features // compress, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(features // compress, features, 3, padding=1),
        )
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(features, features // squeeze, 1),
            nn.ReLU(),
            nn.Conv2d(features // squeeze, features, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, G0, H, W) to the same shape."""
        x = self.body(x)
        return x * self.weigh(x)


class WindowAttention(nn.Module):
    """Self-attention inside windows of w x w pixels with a relative position bias.

    With ``shifted`` the windows are displaced by w / 2, and pixels that only meet because the
    image wraps around do not see each other.
    """

    def __init__(self, features: int, window: int, heads: int, *, shifted: bool) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.shift = window // 2 if shifted else 0
        self.qkv = nn.Linear(features, 3 * features)
        self.project = nn.Linear(features, features)
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.pairs: Tensor
        self.register_buffer("pairs", _relative_pairs(window), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, G0) to the same shape; H and W are multiples of the window."""
        batch, height, width, channels = x.shape
        w = self.window
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        rows, cols = height // w, width // w
        x = x.view(batch, rows, w, cols, w, channels).transpose(2, 3)
        x = x.reshape(batch, rows * cols, w * w, channels)
        shape = (batch, rows * cols, w * w, 3, self.heads, channels // self.heads)
        query, key, value = self.qkv(x).view(shape).permute(3, 0, 1, 4, 2, 5)
        bias = self.bias[self.pairs].permute(2, 0, 1)[None]
        if self.shift:
            bias = bias + _wrapped_apart(height, width, w, self.shift, x.device)[:, None]
        x = attention(query, key, value, bias)
        x = self.project(x.transpose(2, 3).reshape(batch, rows * cols, w * w, channels))
        x = x.view(batch, rows, cols, w, w, channels).transpose(2, 3)
        x = x.reshape(batch, height, width, channels)
        return torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x


def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(E) + bias) V, in the precision the arguments come in.

    Written out because the bias is learned: torch's fused kernels take none that needs a
    gradient, and what they fall back to takes 1.3 (float32) to 2.8 (bfloat16) times as long on a CPU
    (benchmarks/throughput.py).

    Parameters
    ----------
    query, key, value : (B, windows, heads, L, E) tensors
    bias : (1 or windows, heads, L, L) tensor
    """
    with torch.autocast(query.device.type, enabled=False):
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        return (scores + bias.to(scores.dtype)).softmax(-1) @ value


class HybridAttentionBlock(nn.Module):
    """Window attention in parallel with a channel-attention branch scaled by 0.01, then an MLP."""

    def __init__(self, features: int, window: int, heads: int, *, shifted: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(features)
        self.attention = WindowAttention(features, window, heads, shifted=shifted)
        self.channels = ChannelAttention(features)
        self.norm2 = nn.LayerNorm(features)
        self.mlp = nn.Sequential(
            nn.Linear(features, 4 * features), nn.GELU(), nn.Linear(4 * features, features)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, G0, H, W) to the same shape; H and W are multiples of the window."""
        x = x.permute(0, 2, 3, 1)
        normed = self.norm1(x)
        branch = self.channels(normed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = x + self.attention(normed) + 0.01 * branch
        x = x + self.mlp(self.norm2(x))
        return x.permute(0, 3, 1, 2)


def _relative_pairs(window: int) -> Tensor:
    """Index (w*w, w*w) into the relative position bias for each pair of pixels."""
    place = torch.stack(torch.meshgrid(*[torch.arange(window)] * 2, indexing="ij")).flatten(1)
    offset = place[:, :, None] - place[:, None] + window - 1
    return offset[0] * (2 * window - 1) + offset[1]


@lru_cache(maxsize=32)
def _wrapped_apart(height: int, width: int, window: int, shift: int, device) -> Tensor:
    """Additive mask (windows, w*w, w*w): -100 between pixels from opposite borders."""
    region = torch.zeros(height, width, device=device)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for i, rows in enumerate(edges):
        for j, cols in enumerate(edges):
            region[rows, cols] = 3 * i + j
    region = region.view(height // window, window, width // window, window).transpose(1, 2)
    region = region.reshape(-1, window * window)
    return -100.0 * (region[:, :, None] != region[:, None]).float()
