"""Frozen configuration <-> JSON. These dataclasses are the only configuration there is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace

from s2s_core.errors import S2SError


@dataclass(frozen=True)
class ModelConfig:
    """Shape of CDCIN; the defaults are the published network (3.31 M parameters).

    Attributes
    ----------
    cascades : int
        K, cascades of RDHAN + data consistency.
    blocks, layers : int
        D residual dense blocks of C convolutions each.
    features, growth : int
        G0 feature channels, G growth per dense layer.
    attention_blocks : int
        Hybrid attention blocks after each dense block (plain and shifted in turn).
    window, heads : int
        Window attention of ``window`` x ``window`` pixels with ``heads`` heads.
    context : bool
        Give the cascades the sampling mask, the tissue mask, the noise level and a first
        estimate with its deviation, and let them correct that estimate (compact engine). The
        published network sees only the filled image.
    """

    cascades: int = 3
    blocks: int = 8
    layers: int = 4
    features: int = 32
    growth: int = 32
    attention_blocks: int = 2
    window: int = 8
    heads: int = 4
    context: bool = False


@dataclass(frozen=True)
class TrainConfig:
    """Training of CDCIN on one section.

    Attributes
    ----------
    prior : bool
        Start from the trained prior that ships, where the network has its shape.
    steps : int
        Optimiser steps; 0 means ``epochs`` passes over all patches (published form).
    epochs, batch, patch, patch_stride : int
        Published: 3000 epochs, batch 16, 64 x 64 patches taken with stride 2.
    loss_power : {1, 2}
        1 is the published L1, 2 the squared error, whose answer is the conditional mean.
    splits : int
        Sparser splits of the measured spots the compact engine learns from.
    learning_rate : float
    beta1, beta2 : float
        Adam's betas.
    weight_st : float
        lambda, the weight of both ST losses against natural images.
    natural_images : bool
        Co-learn with photographs. Where the prior has learned from them beforehand, doing so
        again while training on a section changes nothing (docs/engine.md): off in ``fast`` and
        ``balanced``.
    noisy_images : bool
        Make photographs as noisy as the programmes are (compact engine).
    image_folder : str
        Folder of photographs (PNG, JPEG); "" takes those of scikit-image and scikit-learn.
    loss_s2d : bool
        Include L_s2d (published form only).
    withhold_low, withhold_high : float
        Share of measured spots withheld per step in the general form.
    choose_fraction : float
        Share of measured spots set aside for stopping and choosing (published form; the
        compact engine sets a quarter aside, from targets only).
    check_every, patience : int
        Steps between checks on them, and checks without gain before stopping.
    augment_at_prediction : bool
        Average the prediction over flips and rotations.
    """

    prior: bool = True
    steps: int = 0
    epochs: int = 3000
    batch: int = 16
    patch: int = 64
    patch_stride: int = 2
    loss_power: int = 1
    splits: int = 8
    learning_rate: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    weight_st: float = 10.0
    natural_images: bool = True
    noisy_images: bool = True
    image_folder: str = ""
    loss_s2d: bool = True
    withhold_low: float = 0.1
    withhold_high: float = 0.5
    choose_fraction: float = 0.1
    check_every: int = 50
    patience: int = 6
    augment_at_prediction: bool = True


@dataclass(frozen=True)
class RunConfig:
    """One imputation run, complete: with the section's file it reproduces the result.

    Attributes
    ----------
    method : str
        A name of the method registry (``s2s``, ``programme-kriging``, ``kriging``, ...).
    preset : str
        ``fast``, ``balanced`` or ``paper``; sets ``model``, ``train`` and ``programmes``.
    programmes : int
        Most gene programmes (principal components) that the network imputes of each weighting
        of the genes; 0 imputes genes one by one.
    compare : tuple of str
        Methods computed beside it on the same spots.
    answer : {"mean", "median"}
        What the imputed table holds: the conditional mean (best PCC and RMSE) or the
        conditional median (best MAE; zero where most such spots are zero).
    coverage : float
        Share of values the intervals should hold.
    seed : int
    device : str
        ``auto``, ``cpu``, ``cuda``, ``mps``.
    threads : int
        CPU threads; 0 takes ``OMP_NUM_THREADS`` where that is set, else one a core.
    """

    method: str = "s2s"
    preset: str = "fast"
    programmes: int = 40
    compare: tuple[str, ...] = ("linear", "programme-kriging")
    answer: str = "mean"
    coverage: float = 0.9
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    def to_json(self) -> str:
        """Readable JSON of the whole configuration."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """Read :meth:`to_json` back; unknown keys are refused.

        Raises
        ------
        S2SError
        """
        data = json.loads(text)
        return _build(cls, data)


ANSWERS = ("mean", "median")
# No attention: at equal time the convolutions alone learn more (docs/engine.md).
COMPACT = ModelConfig(
    cascades=2, blocks=3, layers=4, features=32, growth=16, attention_blocks=0, context=True
)
PRESETS = {
    "fast": RunConfig(
        preset="fast",
        model=COMPACT,
        train=TrainConfig(
            steps=80,
            batch=8,
            splits=6,
            learning_rate=8e-4,
            beta1=0.9,
            loss_power=2,
            natural_images=False,
            check_every=20,
        ),
    ),
    "balanced": RunConfig(
        preset="balanced",
        model=COMPACT,
        train=TrainConfig(
            steps=400,
            splits=12,
            learning_rate=8e-4,
            beta1=0.9,
            loss_power=2,
            natural_images=False,
            check_every=25,
            patience=8,
        ),
    ),
    "paper": RunConfig(preset="paper", programmes=0),
}


def preset(name: str, **changes) -> RunConfig:
    """Configuration of a preset, with fields of :class:`RunConfig` changed.

    Raises
    ------
    S2SError
        If there is no such preset, or a change has no meaning.
    """
    if name not in PRESETS:
        raise S2SError(f"Unknown preset {name!r}; choose fast, balanced or paper.")
    config = replace(PRESETS[name], **changes)
    if config.answer not in ANSWERS:
        raise S2SError(f"Unknown answer {config.answer!r}; choose mean or median.")
    if not 0.0 < config.coverage < 1.0:
        raise S2SError(f"Intervals can hold a share between 0 and 1, not {config.coverage}.")
    return config


def _build(cls, data: dict):
    known = {f.name for f in fields(cls)}
    unknown = set(data) - known
    if unknown:
        raise S2SError(f"Unknown setting {sorted(unknown)[0]!r} in the configuration.")
    nested = {"model": ModelConfig, "train": TrainConfig}
    values = {k: _build(nested[k], v) if k in nested else v for k, v in data.items()}
    if "compare" in values:
        values["compare"] = tuple(values["compare"])
    return cls(**values)
