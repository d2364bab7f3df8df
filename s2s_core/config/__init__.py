"""Frozen configuration <-> JSON; with :mod:`s2s_core.config.engines` the only configuration there is.

Which engine trains the network is said by the type of ``RunConfig.train``, in JSON by its key
``engine``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from s2s_core.config.engines import (
    COMPACT,
    ENGINES,
    Count,
    ModelConfig,
    Natural,
    Optimisation,
    PaperTraining,
    ProgrammeTraining,
)
from s2s_core.config.values import build, check_values
from s2s_core.errors import S2SError

__all__ = [
    "ANSWERS",
    "COMPACT",
    "PRESETS",
    "ModelConfig",
    "Optimisation",
    "PaperTraining",
    "ProgrammeTraining",
    "RunConfig",
    "from_dict",
    "preset",
]

ANSWERS = ("mean", "median")


@dataclass(frozen=True)
class RunConfig:
    """One imputation run, complete: with the section's file it reproduces the result.

    Attributes
    ----------
    method : str
        A name of the method registry (``s2s``, ``programme-kriging``, ``kriging``, ...).
    preset : str
        ``fast``, ``balanced``, ``paper`` or ``paper-shared`` (one network for all genes): where ``model`` and ``train`` come from.
    programmes : int
        Most gene programmes (principal components) of each weighting of the genes, for the
        programme engine and for kriging of programmes.
    compare : tuple of str
        Methods computed beside it on the same spots.
    answer : {"mean", "median"}
        What the imputed table holds: the conditional mean (best PCC and RMSE) or the
        conditional median (best MAE; zero where most such spots are zero).
    coverage : float
        Share of values the intervals should hold.
    seed : int
        First random number.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``mps``.
    threads : int
        CPU threads; 0 takes ``OMP_NUM_THREADS`` where that is set, else one a core.
    model : ModelConfig
        Shape of the network.
    train : PaperTraining or ProgrammeTraining
        Its training; the type says which engine runs.
    """

    method: str = "s2s"
    preset: str = "fast"
    programmes: Count = 40
    compare: tuple[str, ...] = ("linear", "programme-kriging")
    answer: Literal["mean", "median"] = "mean"
    coverage: float = 0.9
    seed: Natural = 0
    device: str = "auto"
    threads: Natural = 0
    model: ModelConfig = COMPACT
    train: PaperTraining | ProgrammeTraining = ProgrammeTraining()

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_values(self)
        if not 0.0 < self.coverage < 1.0:
            raise S2SError(f"Intervals can hold a share between 0 and 1, not {self.coverage}.")
        if (self.engine == "programmes") != self.model.context:
            raise S2SError("Gene programmes need a model with context, single genes one without.")

    @property
    def engine(self) -> str:
        """``paper`` or ``programmes``: what trains the network."""
        return self.train.engine

    def to_json(self) -> str:
        """Readable JSON of the whole configuration."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """Read :meth:`to_json` back, of earlier versions too; unknown keys are refused.

        Raises
        ------
        S2SError
        """
        return from_dict(json.loads(text))


PRESETS = {
    "fast": RunConfig(),
    "balanced": RunConfig(
        preset="balanced",
        train=ProgrammeTraining(steps=400, batch=16, splits=12, check_every=25, patience=8),
    ),
    "paper": RunConfig(preset="paper", model=ModelConfig(), train=PaperTraining()),
    "paper-shared": RunConfig(
        preset="paper-shared", model=ModelConfig(), train=PaperTraining(shared_network=True)
    ),
}


def preset(name: str, **changes: Any) -> RunConfig:
    """Configuration of a preset, with fields of :class:`RunConfig` changed.

    Raises
    ------
    S2SError
        If there is no such preset, or a change has no meaning.
    """
    if name not in PRESETS:
        raise S2SError(f"Unknown preset {name!r}; choose fast, balanced, paper or paper-shared.")
    return replace(PRESETS[name], **changes)


def from_dict(data: dict[str, Any]) -> RunConfig:
    """Configuration from the plain values of its JSON form.

    Raises
    ------
    S2SError
        For unknown keys and impossible values, in words.
    """
    train = data.get("train")
    if isinstance(train, dict):
        if "engine" not in train:
            data = _of_one_bag(data)
        train = dict(data["train"])
        engine = train.pop("engine")
        if engine not in ENGINES:
            raise S2SError(f"Unknown engine {engine!r}; choose {' or '.join(ENGINES)}.")
        data = data | {"train": build(ENGINES[engine], train)}
    if isinstance(data.get("model"), dict):
        data = data | {"model": build(ModelConfig, data["model"])}
    if isinstance(data.get("compare"), list):
        data = data | {"compare": tuple(data["compare"])}
    return build(RunConfig, data)


# Settings that both engines had in one table, and what became of their names.
_RENAMED = {"prior": "pretrained", "choose_fraction": "set_aside"}
_ONLY_PAPER = {
    "epochs", "patch_stride", "weight_st", "natural_images", "image_folder", "loss_s2d",
    "choose_fraction",
}  # fmt: skip


def _of_one_bag(data: dict[str, Any]) -> dict[str, Any]:
    """Configuration of a version that told its engine by ``programmes`` being 0 or not."""
    train, programmes = dict(data["train"]), data.get("programmes", 40)
    train.pop("noisy_images", None)
    power = train.get("loss_power", 1)
    if programmes:
        if train.get("natural_images", True):
            raise S2SError(
                "The configuration asks for photographs while the programme engine trains, which "
                "changed nothing and is gone: set natural_images to false or take preset paper."
            )
        train = {k: v for k, v in train.items() if k not in _ONLY_PAPER} | {"clip_norm": 1.0}
        engine = "programmes"
    else:
        train = {k: v for k, v in train.items() if k not in {"prior", "splits"}}
        mended = train.pop("loss_s2d", True)
        train |= {
            "steps": train.get("steps") or None,
            "clip_norm": 10.0,
            "loss_s2d": "mended" if mended else "off",
            "precision": "auto",
            "shared_network": True,
            "prediction": "section",
        }
        engine = "paper"
    train |= {"warmup_steps": 20 if power == 2 else 0, "cosine": power == 2}
    train = {_RENAMED.get(k, k): v for k, v in train.items()}
    return data | {"programmes": programmes or 40, "train": train | {"engine": engine}}
