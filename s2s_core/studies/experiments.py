"""The paper's experiments on any section: data consistency, co-learning, cascades, sparsity.

Every variant is a configuration; it is fitted on what a mask leaves and scored at the spots the
mask hides. Variants are compared over spatial blocks of these spots and over draws.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from s2s_core.assessment.block_scores import block_scores
from s2s_core.assessment.metrics import score_genes
from s2s_core.config import PRESETS, RunConfig, preset
from s2s_core.data.observation import known_values, observe
from s2s_core.data.section import MIN_MEASURED, Section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks, Progress
from s2s_core.methods import method
from s2s_core.sampling.apply import sample
from s2s_core.studies.cases import Cases, numbers, read_cases
from s2s_core.studies.experiment_report import BLOCKS, SCORES, write_tables
from s2s_core.vocabulary import Phase

# Without pretrained weights the compact network has more to learn.
ALONE_STEPS = 150
REPEATS = 5


@dataclass(frozen=True)
class Variant:
    """One line of an experiment: fields of the configuration that are changed."""

    name: str
    model: dict = field(default_factory=dict)
    train: dict = field(default_factory=dict)
    mask: str = ""
    method: str = "s2s"

    def config(self, base: RunConfig, seed: int) -> RunConfig:
        """The whole configuration."""
        return replace(
            base,
            method=self.method,
            seed=seed,
            compare=(),
            model=replace(base.model, **self.model),
            train=replace(base.train, **self.train),
        )


@dataclass(frozen=True)
class Experiment:
    """A question, its variants and the one that the others are compared with."""

    question: str
    variants: Callable[[RunConfig], tuple[Variant, ...]]
    against: str


def _alone(base: RunConfig) -> dict:
    """Training without pretrained weights; the paper engine has none."""
    if base.engine == "paper":
        return {}
    steps = base.train.steps or 0
    if steps == PRESETS[base.preset].train.steps:
        steps = max(steps, ALONE_STEPS)
    return {"pretrained": False, "steps": steps}


def _colearning(base: RunConfig) -> tuple[Variant, ...]:
    if base.engine == "paper":
        return (
            Variant("co-learning", train={"natural_images": True}),
            Variant("no co-learning", train={"natural_images": False}),
            *CLASSICAL,
        )
    # The programme engine meets photographs beforehand, in its pretrained weights.
    return (
        Variant("no co-learning", train=_alone(base)),
        Variant("prior, no co-learning"),
        *CLASSICAL,
    )


def _cascades(base: RunConfig) -> tuple[Variant, ...]:
    own = _alone(base)
    return (*(Variant(f"K = {k}", {"cascades": k}, own) for k in (1, 2, 3, 4)), *CLASSICAL)


def _sparsity(base: RunConfig) -> tuple[Variant, ...]:
    return tuple(
        replace(variant, name=f"S = {s}, {variant.name}", mask=f"lattice:{s}")
        for s in (2, 4, 8)
        for variant in (Variant("Sparser2Sparse"), *CLASSICAL)
    )


CLASSICAL = (
    Variant("kriging of programmes", method="programme-kriging"),
    Variant("linear interpolation", method="linear"),
)
EXPERIMENTS = {
    "colearning": Experiment("Does learning from photographs help?", _colearning, "no co-learning"),
    "cascades": Experiment(
        "What do more cascades K add, and what do they cost in time?", _cascades, "K = 1"
    ),
    "sparsity": Experiment(
        "How do scores fall when every S-th row and column is measured? (Each S hides other spots.)",
        _sparsity,
        "S = 2, Sparser2Sparse",
    ),
}


def planned(
    section: Section, name: str, mask: str, seeds: int, base: RunConfig
) -> tuple[list[RunConfig], list[str]]:
    """What an experiment would train on a section, before it begins.

    Returns
    -------
    trainings : list of RunConfig
        One for every network that is trained.
    left_out : list of str
        Variants whose mask leaves too few spots.

    Raises
    ------
    S2SError
        If the mask cannot be drawn on the section.
    """
    trainings, left_out = [], []
    variants = EXPERIMENTS[name].variants(base)
    sampled = {own: sample(section, own) for own in {v.mask or mask for v in variants}}
    for variant in variants:
        if sampled[variant.mask or mask].measured.sum() < MIN_MEASURED:
            left_out.append(variant.name)
        elif variant.method == "s2s":
            trainings += [variant.config(base, seed) for seed in range(seeds)]
    return trainings, left_out


def run_experiment(
    section: Section,
    name: str,
    folder: Path,
    *,
    base: RunConfig | None = None,
    mask: str = "lattice:2",
    seeds: int = 3,
    hooks: Hooks | None = None,
) -> pd.DataFrame:
    """Run an experiment, or what is left of it, and write its tables.

    Parameters
    ----------
    section : Section
        With every spot known; only what the mask leaves is seen by any method.
    name : str
        ``colearning``, ``cascades`` or ``sparsity``.
    folder : Path
        Finished variants are kept there; ``scores.csv``, ``summary.csv`` and ``report.md``.
    base : RunConfig, optional
        What the variants change; the preset ``fast`` when not given.
    mask : str
        Sampling design of the experiments that do not vary it.
    seeds : int
        Repetitions: seeds of training and of masks that draw lots.
    hooks : Hooks, optional

    Returns
    -------
    DataFrame
        Summary: one row a variant.

    Raises
    ------
    S2SError
    Cancelled
        When asked to stop; finished variants are kept.
    """
    hooks = hooks or Hooks()
    base = base or preset("fast")
    if name not in EXPERIMENTS:
        raise S2SError(f"Unknown experiment {name!r}; choose dc, {', '.join(EXPERIMENTS)}.")
    experiment = EXPERIMENTS[name]
    variants = experiment.variants(base)
    digest = hashlib.sha256(section.counts.data.tobytes() + section.counts.indices.tobytes())
    digest.update(section.pixels.tobytes() + section.known.tobytes())
    digest.update(f"{name}|{mask}|{base.to_json()}|{list(section.genes)}".encode())
    about = {
        "mark": digest.hexdigest(),
        "genes": list(section.genes),
        "mask": mask,
        "name": name,
        "preset": base.preset,
        "scale": section.scale,
    }
    cases = Cases(folder, about)
    done = {(record["variant"], record["seed"]) for record in read_cases(folder)}
    wanted = [(variant, seed) for seed in range(seeds) for variant in variants]
    waiting = [(v, s) for v, s in wanted if (v.name, s) not in done]
    begun = time.perf_counter()
    for k, (variant, seed) in enumerate(waiting):
        if hooks.should_stop():
            raise Cancelled
        left = (time.perf_counter() - begun) / k * (len(waiting) - k) if k else None
        finished = len(wanted) - len(waiting) + k
        hooks.on_progress(Progress(Phase.EXPERIMENT, finished, len(wanted), left, detail=name))
        record = _compute(section, variant, base, variant.mask or mask, seed, hooks)
        cases.add({"variant": variant.name, "seed": seed, **record})
    hooks.on_progress(Progress(Phase.EXPERIMENT, len(wanted), len(wanted), detail=name))
    names = [variant.name for variant in variants]
    return write_tables(folder, names, experiment.question, experiment.against, seeds)


def _compute(
    section: Section, variant: Variant, base: RunConfig, mask: str, seed: int, hooks: Hooks
) -> dict:
    """Fit one variant and score it at the hidden spots."""
    sampled = sample(section, mask, seed)
    if sampled.measured.sum() < MIN_MEASURED:
        return {"n_measured": int(sampled.measured.sum()), "left_out": True}
    obs = observe(sampled)
    config = variant.config(base, seed)
    begun = time.perf_counter()
    quiet = replace(Hooks(), should_stop=hooks.should_stop)
    predictor = method(variant.method).fit(obs, config, quiet)
    fitted = time.perf_counter()
    answer = predictor(obs, obs.targets)
    # The first prediction makes the kriged estimate as well; later ones find it made.
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        predictor(obs, obs.targets)
        times.append(time.perf_counter() - start)
    truth, at = known_values(sampled, obs.target_sum), sampled.hidden
    points = sampled.grid.lattice_xy(sampled.row[at], sampled.col[at])
    scores = score_genes(
        truth,
        answer.mean,
        at,
        pixels=sampled.pixels,
        shape=sampled.grid.shape,
    )
    details = answer.details
    return {
        "n_measured": int(sampled.measured.sum()),
        "n_hidden": int(at.sum()),
        "fit_seconds": round(fitted - begun, 3),
        "prediction_seconds": round(min(times), 6),
        "parameters": details.get("parameters"),
        "steps": details.get("steps_done"),
        "network_share": details.get("network_share"),
        BLOCKS: block_scores(truth[at], answer.mean[at], points).to_json(),
        **{score: numbers(scores[score].to_numpy()) for score in SCORES},
    }
