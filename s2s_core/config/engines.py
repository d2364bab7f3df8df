"""Settings of the network and of the two engines that train it.

The *paper engine* (:class:`PaperTraining`) trains CDCIN on single genes as published, the
*programme engine* (:class:`ProgrammeTraining`) on corrections of kriged gene programmes. Types,
choices and ranges are checked when settings are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from s2s_core.config.values import Range, check_values
from s2s_core.errors import S2SError

Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, inclusive=False)]


@dataclass(frozen=True)
class ModelConfig:
    """Shape of CDCIN; the defaults are the published network (3.31 M parameters).

    Attributes
    ----------
    cascades : int
        K, cascades of RDHAN + data consistency.
    blocks : int
        D, residual dense blocks of a cascade.
    layers : int
        C, convolutions of a residual dense block.
    features : int
        G0, feature channels.
    growth : int
        G, channels that each convolution of a dense block adds.
    attention_blocks : int
        Hybrid attention blocks after each dense block (plain and shifted in turn).
    window : int
        Edge of the attention windows, pixels.
    heads : int
        Attention heads.
    context : bool
        The cascades also see the sampling mask, the tissue mask, the noise level and a first
        estimate with its deviation, and correct that estimate: what the programme engine needs.
        The published network sees only the filled image.
    """

    cascades: Count = 3
    blocks: Count = 8
    layers: Count = 4
    features: Count = 32
    growth: Count = 32
    attention_blocks: Natural = 2
    window: Count = 8
    heads: Count = 4
    context: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_values(self)
        if self.attention_blocks and (self.features % self.heads or self.features < 8):
            raise S2SError(
                f"{self.features} features cannot be shared among {self.heads} attention heads: "
                "features must be a multiple of heads, and at least 8."
            )


@dataclass(frozen=True)
class Optimisation:
    """What the training loop needs to know, whatever it trains on.

    Attributes
    ----------
    batch : int
        Images of a step.
    loss_power : {1, 2}
        1 is the published L1, 2 the squared error, whose answer is the conditional mean.
    learning_rate : float
        Adam's, at its highest.
    beta1, beta2 : float
        Adam's betas.
    warmup_steps : int
        Steps over which the learning rate rises in a straight line.
    cosine : bool
        The learning rate falls to zero along half a cosine; otherwise it stays.
    clip_norm : float or None
        Longest gradient of a step; longer ones are shortened to it. None leaves them.
    check_every : int
        Steps between scores at the measured spots set aside, and between previews.
    patience : int or None
        Training stops after so many scores without a gain; None trains to the end.
    """

    batch: Count = 16
    loss_power: Literal[1, 2] = 1
    learning_rate: Positive = 1e-4
    beta1: Share = 0.5
    beta2: Share = 0.999
    warmup_steps: Natural = 0
    cosine: bool = False
    clip_norm: Positive | None = None
    check_every: Count = 50
    patience: Count | None = None

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_values(self)


@dataclass(frozen=True)
class PaperTraining(Optimisation):
    """The paper engine: CDCIN on patches of single genes (S2S-ST, arXiv 2507.16886).

    Attributes
    ----------
    epochs : int
        Passes over all patches (published: 3000).
    steps : int or None
        Optimiser steps at most; None leaves it to ``epochs``.
    patch, patch_stride : int
        Edge of the patches and distance between them, pixels (published: 64, 2).
    weight_st : float
        lambda, the weight of both ST losses against natural images (published: 10).
    natural_images : bool
        Co-learn with photographs: L_gni.
    image_folder : str
        Folder of photographs (PNG, JPEG); "" takes those of scikit-image and scikit-learn.
    loss_s2d : bool
        Include L_s2d.
    withhold_low, withhold_high : float
        Share of the measured spots withheld per step where they are no lattice.
    set_aside : float
        Share of the measured spots that is neither input nor target of the training but
        stops it and chooses the best weights.
    augment_at_prediction : bool
        Average the prediction over flips and rotations.
    """

    engine: Literal["paper"] = field(default="paper", init=False)
    epochs: Count = 3000
    steps: Natural | None = None
    patch: Count = 64
    patch_stride: Count = 2
    weight_st: Positive = 10.0
    natural_images: bool = True
    image_folder: str = ""
    loss_s2d: bool = True
    withhold_low: Share = 0.1
    withhold_high: Share = 0.5
    set_aside: Share = 0.1
    clip_norm: Positive | None = 10.0
    patience: Count | None = 6
    augment_at_prediction: bool = True


@dataclass(frozen=True)
class ProgrammeTraining(Optimisation):
    """The programme engine: CDCIN corrects the kriged maps of gene programmes.

    The defaults are those of ``fast``.

    Attributes
    ----------
    steps : int
        Optimiser steps at most.
    splits : int
        Sparser splits of the measured spots to learn from.
    patch : int
        Edge of the window of the section that a step sees, pixels.
    pretrained : bool
        Start from the pretrained weights that ship, where the network has their shape.
    withhold_low, withhold_high : float
        Share of the measured spots that a random split withholds.
    augment_at_prediction : bool
        Average the prediction over two flips and rotations.
    """

    engine: Literal["programmes"] = field(default="programmes", init=False)
    steps: Natural = 80
    splits: Count = 6
    patch: Count = 64
    pretrained: bool = True
    withhold_low: Share = 0.1
    withhold_high: Share = 0.5
    augment_at_prediction: bool = True
    batch: Count = 8
    loss_power: Literal[1, 2] = 2
    learning_rate: Positive = 8e-4
    beta1: Share = 0.9
    warmup_steps: Natural = 20
    cosine: bool = True
    clip_norm: Positive | None = 1.0
    check_every: Count = 20
    patience: Count | None = 6


ENGINES: dict[str, type[PaperTraining] | type[ProgrammeTraining]] = {
    "paper": PaperTraining,
    "programmes": ProgrammeTraining,
}
# No attention: at equal time the convolutions alone learn more (docs/engine.md).
COMPACT = ModelConfig(
    cascades=2, blocks=3, layers=4, features=32, growth=16, attention_blocks=0, context=True
)
