"""Parts of the network one by one: what each adds, what it sees, and what it must not see."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from s2s_core.config import COMPACT, ModelConfig
from s2s_core.network.cdcin import CDCIN, CONTEXT_CHANNELS, RDHAN
from s2s_core.network.layers import (
    HybridAttentionBlock,
    ResidualDenseBlock,
    WindowAttention,
    _relative_pairs,
)
from tests.tiny import TINY


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def silence(*layers):
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


@torch.no_grad()
def test_first_features_reach_the_end_past_all_blocks():
    model = RDHAN(TINY, 7).eval()
    silence(model.fuse[1])
    x = torch.randn(2, 7, 8, 12)
    assert torch.allclose(model(x), model.out(model.shallow1(x)), atol=1e-5)


@torch.no_grad()
def test_what_every_block_says_is_fused_each_in_its_place():
    model = RDHAN(replace(TINY, blocks=2, attention_blocks=0), 7).eval()
    x, last = torch.randn(1, 7, 8, 8), model.blocks[1][0].fuse.bias
    before = model(x)
    last += 1.0
    assert (model(x) - before).abs().max() > 1e-3
    # Without the last block's own place nothing of it arrives; the first one's still does.
    model.fuse[0].weight[:, TINY.features :] = 0.0
    before = model(x)
    last += 1.0
    assert torch.equal(model(x), before)
    model.blocks[0][0].fuse.bias += 1.0
    assert (model(x) - before).abs().max() > 1e-3


@torch.no_grad()
def test_plain_and_shifted_windows_take_turns_through_the_whole_network():
    config = ModelConfig(
        blocks=3, attention_blocks=1, layers=1, features=8, growth=8, window=4, heads=2
    )
    model = RDHAN(config)
    shifts = [m.shift for m in model.modules() if isinstance(m, WindowAttention)]
    assert shifts == [0, 2, 0]
    pairs = RDHAN(replace(config, attention_blocks=2))
    assert [m.shift for m in pairs.modules() if isinstance(m, WindowAttention)] == [0, 2] * 3


@torch.no_grad()
def test_a_shifted_window_sees_across_the_border_of_plain_ones():
    """A pixel on one side of a border changes the other side only where windows are shifted."""
    for shifted in (False, True):
        attention = WindowAttention(8, 4, 2, shifted=shifted).eval()
        x = torch.randn(1, 8, 8, 8)
        other = x.clone()
        other[0, 3, 3] += 5.0
        moved = (attention(other) - attention(x)).abs().amax(-1)[0] > 1e-6
        assert bool(moved[4, 4]) is shifted
        # Pixels that meet only because the image wraps around never see each other.
        other = x.clone()
        other[0, 0, 0] += 5.0
        moved = (attention(other) - attention(x)).abs().amax(-1)[0] > 1e-6
        assert not moved[7, 7]
        assert not moved[0, 7]


@torch.no_grad()
@pytest.mark.parametrize("shifted", [False, True])
def test_images_of_a_batch_do_not_touch_each_other(shifted):
    attention = WindowAttention(8, 4, 2, shifted=shifted).eval()
    x = torch.randn(3, 8, 12, 8)
    alone = torch.cat([attention(x[[i]]) for i in range(3)])
    assert torch.allclose(attention(x), alone, atol=1e-5)


@pytest.mark.parametrize("window", [2, 4, 8])
def test_every_offset_has_a_bias_of_its_own(window):
    pairs = _relative_pairs(window)
    place = [(i // window, i % window) for i in range(window * window)]
    offsets = {}
    for i, (r, c) in enumerate(place):
        for j, (s, d) in enumerate(place):
            offsets.setdefault((r - s, c - d), set()).add(int(pairs[i, j]))
    assert all(len(found) == 1 for found in offsets.values())
    assert len({min(found) for found in offsets.values()}) == (2 * window - 1) ** 2 == len(offsets)


@torch.no_grad()
def test_channel_attention_adds_a_hundredth():
    block = HybridAttentionBlock(8, 4, 2, shifted=False).eval()
    silence(block.attention.project, block.mlp[2])
    x = torch.randn(2, 8, 8, 8)
    normed = block.norm1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert torch.allclose(block(x) - x, 0.01 * block.channels(normed), atol=1e-5)


@torch.no_grad()
def test_channels_are_weighed_by_their_mean():
    block = HybridAttentionBlock(8, 4, 2, shifted=False).channels.eval()
    x = torch.randn(1, 8, 8, 8)
    body = block.body(x)
    assert torch.allclose(block(x), body * block.weigh(body))
    assert ((block.weigh(body) > 0) & (block.weigh(body) < 1)).all()


@torch.no_grad()
def test_a_dense_block_adds_what_all_its_layers_see():
    block = ResidualDenseBlock(8, 4, 3).eval()
    x = torch.randn(1, 8, 6, 6)
    silence(block.fuse)
    assert torch.equal(block(x), x)
    assert [conv.in_channels for conv in block.convs] == [8, 12, 16]
    assert block.fuse.in_channels == 20


@torch.no_grad()
def test_cascades_build_on_each_other_and_put_measured_values_back():
    model = CDCIN(replace(COMPACT, features=8, growth=4, blocks=1, layers=1)).eval()
    for cascade in model.cascades:
        nn.init.constant_(cascade.out.bias, 1.0)
    start, measured = torch.zeros(1, 1, 6, 6), torch.full((1, 1, 6, 6), 9.0)
    mask = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    mask[..., 2, 2] = True
    context = torch.zeros(1, CONTEXT_CHANNELS, 6, 6)
    first, last = model(start, measured, mask, context).consistent
    assert torch.equal(first[~mask], torch.ones(35))
    assert torch.equal(last[~mask], torch.full((35,), 2.0))
    assert first[mask] == last[mask] == 9.0
    raw = model(start, measured, mask, context).restored
    # Each starts from measured values in their places, and is shown before they are put back.
    assert [float(r[mask]) for r in raw] == [1.0, 10.0]
