"""A tiny network and short trainings, for tests of behaviour and not of accuracy."""

from dataclasses import replace

from s2s_core.config import ModelConfig, RunConfig, preset

TINY = ModelConfig(
    cascades=2,
    blocks=1,
    layers=2,
    features=8,
    growth=8,
    attention_blocks=2,
    window=4,
    heads=2,
    context=True,
)


def tiny_config(steps: int = 6, **changes) -> RunConfig:
    """Fast preset with a tiny network and few steps."""
    config = preset("fast", programmes=4, compare=(), threads=1, **changes)
    train = replace(
        config.train,
        steps=steps,
        batch=4,
        splits=2,
        check_every=2,
        patience=100,
        augment_at_prediction=False,
    )
    return replace(config, model=TINY, train=train)


def tiny_published(steps: int = 4, **changes) -> RunConfig:
    """Paper preset with a tiny network and few steps."""
    config = preset("paper", compare=(), threads=1, **changes)
    train = replace(config.train, steps=steps, batch=2, check_every=2, augment_at_prediction=False)
    return replace(config, model=replace(TINY, context=False), train=train)
