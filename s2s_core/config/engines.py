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

# Share of the measured spots that may be kept out of training.
MOST_ASIDE = 0.5
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
    last_consistency : bool
        Data consistency also after the last cascade, as the paper says; the public script leaves
        it out.
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
    last_consistency: bool = True

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
    precision : {"float32", "bfloat16", "auto"}
        Of the arithmetic; auto takes bfloat16 where the machine is fast at it.
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
    precision: Literal["float32", "bfloat16", "auto"] = "float32"

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_values(self)


@dataclass(frozen=True)
class PaperTraining(Optimisation):
    """The paper engine: CDCIN on patches of single genes (S2S-ST, arXiv 2507.16886).

    The defaults are the published training: every gene has a network of its own, trained to the
    end on all measured spots.

    Attributes
    ----------
    epochs : int
        Passes over all patches (published: 3000).
    steps : int or None
        Optimiser steps of a network at most; None leaves it to ``epochs``.
    patch : int
        Edge of the patches, pixels (published: 64).
    patch_stride : int
        Distance between neighbouring patches, pixels (published: 2).
    weight_st : float
        lambda, the weight of both ST losses against natural images (published: 10).
    natural_images : bool
        Co-learn with photographs: L_gni.
    image_folder : str
        Folder of photographs (PNG, JPEG), DIV2K in the paper; "" takes those of scikit-image and
        scikit-learn.
    loss_s2d : {"mended", "published", "off"}
        L_s2d: taken before data consistency with the right mask; with the empty mask of the
        public script, so that data consistency never acts in it; or left out.
    withhold_low, withhold_high : float
        Share of the measured spots withheld per patch where they are no lattice.
    set_aside : float
        Share of the measured spots that is neither input nor target of the training but
        chooses the best weights, and stops it where ``patience`` is set.
    shared_network : bool
        One network for all genes instead of one for each.
    prediction : {"patches", "section"}
        Average overlapping patches as published, or predict the section in one piece.
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
    loss_s2d: Literal["mended", "published", "off"] = "mended"
    withhold_low: Share = 0.1
    withhold_high: Share = 0.5
    set_aside: Share = 0.0
    shared_network: bool = False
    prediction: Literal["patches", "section"] = "patches"
    augment_at_prediction: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        _check_withheld(self.withhold_low, self.withhold_high)
        if self.patience is not None and not self.set_aside:
            raise S2SError(
                "Training can stop early (patience) only by spots set aside for it: give "
                "set_aside a share such as 0.1, or leave patience out."
            )
        if self.set_aside > MOST_ASIDE:
            raise S2SError(
                f"Setting {self.set_aside:.0%} of the measured spots aside leaves too few to learn "
                f"from: {MOST_ASIDE:.0%} at most."
            )


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
    precision: Literal["float32", "bfloat16", "auto"] = "auto"

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        _check_withheld(self.withhold_low, self.withhold_high)


def _check_withheld(low: float, high: float) -> None:
    if not low <= high < 1:
        raise S2SError(
            f"withhold_low ({low:g}) must not be above withhold_high ({high:g}), and that must be "
            "below 1."
        )


ENGINES: dict[str, type[PaperTraining] | type[ProgrammeTraining]] = {
    "paper": PaperTraining,
    "programmes": ProgrammeTraining,
}
# No attention: at equal time the convolutions alone learn more (docs/engine.md).
COMPACT = ModelConfig(
    cascades=2, blocks=3, layers=4, features=32, growth=16, attention_blocks=0, context=True
)
