"""The network: exact data consistency, the published size, any input size."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from s2s_core.config import COMPACT, ModelConfig
from s2s_core.network.cdcin import (
    CDCIN,
    CONTEXT_CHANNELS,
    RDHAN,
    count_parameters,
    data_consistency,
)
from s2s_core.network.layers import WindowAttention
from tests.tiny import TINY

SHAPES = [(1, 1), (3, 7), (5, 4), (17, 9), (37, 21)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_data_consistency_is_exact(shape, share):
    torch.manual_seed(1)
    x, measured = torch.randn(3, 1, *shape), torch.randn(3, 1, *shape)
    mask = torch.rand(3, 1, *shape) < share
    out = data_consistency(x, measured, mask)
    assert torch.equal(out[mask], measured[mask])
    assert torch.equal(out[~mask], x[~mask])


def test_nan_where_nothing_was_measured_does_not_spread():
    x = torch.ones(1, 1, 2, 2)
    measured = torch.tensor([[[[5.0, float("nan")], [float("nan"), 7.0]]]])
    mask = torch.isfinite(measured)
    assert torch.equal(data_consistency(x, measured, mask), torch.tensor([[[[5.0, 1], [1, 7.0]]]]))


@pytest.mark.parametrize("shape", SHAPES)
def test_measured_values_come_out_bit_identical_at_any_size(shape):
    torch.manual_seed(2)
    model = CDCIN(replace(TINY, context=False))
    start, measured = torch.randn(2, 1, *shape), torch.randn(2, 1, *shape)
    mask = torch.rand(2, 1, *shape) < 0.4
    outputs = model(start, measured, mask).consistent
    assert len(outputs) == TINY.cascades
    for out in outputs:
        assert out.shape == start.shape
        assert torch.equal(out[mask], measured[mask])


def test_published_network_has_the_published_size():
    assert count_parameters(CDCIN(ModelConfig())) == 3_310_659


def test_compact_network_starts_as_the_first_estimate():
    torch.manual_seed(3)
    model = CDCIN(COMPACT)
    start = torch.randn(2, 1, 9, 11)
    nothing = torch.zeros(2, 1, 9, 11, dtype=torch.bool)
    out = model(start, start, nothing, torch.randn(2, CONTEXT_CHANNELS, 9, 11)).consistent[-1]
    assert torch.allclose(out, start, atol=1e-6)


def test_restored_is_what_was_there_before_data_consistency():
    torch.manual_seed(4)
    model = CDCIN(replace(TINY, context=False, cascades=1))
    x, mask = torch.randn(1, 1, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.bool)
    assert torch.equal(model(x, x, mask).consistent[-1], x)
    assert not torch.equal(model(x, x, mask).restored[-1], x)


def test_shifted_windows_do_not_see_across_the_border():
    torch.manual_seed(5)
    attention = WindowAttention(8, window=4, heads=2, shifted=True)
    torch.nn.init.normal_(attention.bias)
    x = torch.randn(1, 8, 8, 8)
    changed = x.clone()
    changed[:, -1, -1] += 10.0
    difference = (attention(changed) - attention(x)).abs().amax(-1)[0]
    assert difference[6, 6] > 1e-4
    assert difference[0, 0] < 1e-5


def test_every_field_of_the_configuration_shapes_the_network():
    base = count_parameters(RDHAN(TINY))
    for field, value in {
        "blocks": 2,
        "layers": 3,
        "features": 16,
        "growth": 12,
        "attention_blocks": 1,
        "window": 2,
        "heads": 4,
    }.items():
        assert count_parameters(RDHAN(replace(TINY, **{field: value}))) != base, field


def test_gradients_reach_every_parameter():
    # Wide enough that no squeezed channel happens to be silent.
    torch.manual_seed(6)
    model = CDCIN(replace(TINY, context=False, features=32))
    x, mask = torch.randn(1, 1, 12, 12), torch.rand(1, 1, 12, 12) < 0.3
    model(x, x, mask).consistent[-1].pow(2).sum().backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not np.any(p.grad.numpy())]
    assert dead == []
