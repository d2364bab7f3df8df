"""Text of reports: a finished run as a methods paragraph and a summary, and the citation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core._version import __version__
from s2s_core.assessment.gene_grades import count_grades, grade_genes
from s2s_core.config import PaperTraining
from s2s_core.data.provenance import INPUT_KEY
from s2s_core.data.result import Result
from s2s_core.methods import METHODS
from s2s_core.sampling.registry import DESIGNS
from s2s_core.vocabulary import LATTICES, USE, Grade, Spots

# How a paper would say what a method does; others are described by the registry's own words.
CLASSICAL = {
    "nearest": "the value of the nearest measured spot",
    "linear": "linear interpolation on the Delaunay triangulation of the measured spots",
    "bilinear": "bilinear interpolation between the measured spots",
    "bicubic": "bicubic splines through the measured spots",
    "gaussian": "Gaussian smoothing, its width chosen for each gene by leave-one-out error",
    "kriging": "kriging of each gene (Matern 3/2 covariance and nugget, by maximum likelihood)",
    "kriging-withheld": "kriging of each gene (Matern 3/2 covariance and nugget, by leave-one-out error)",
    "kriging-average": "kriging of each gene (exponential and Matern 3/2 covariances and nugget, averaged by "
    "likelihood and leave-one-out error; noise variance by depth)",
    "programme-kriging": "kriging of gene programmes (principal components; Matern 3/2 covariance and nugget, "
    "by maximum likelihood)",
    "programme-kriging-withheld": "kriging of gene programmes (principal components; Matern 3/2 covariance and "
    "nugget, by leave-one-out error)",
    "programme-kriging-average": "kriging of gene programmes (principal components under four weightings of the "
    "genes; exponential and Matern 3/2 covariances and nugget, averaged by likelihood and leave-one-out error; noise "
    "variance by depth)",
}
# What a design measures, with its number in place.
DESIGN_WORDS = {
    "lattice": "one of every {} rows and columns measured",
    "stripes": "one of every {} rows measured",
    "checkerboard": "every other position measured",
    "random": "a random share of {} measured",
    "poisson": "a share of {} measured, spread by Poisson disc",
}


def citation() -> str:
    """Citation: the paper and this software."""
    return (
        "Method: Fang, Qian, Wang, Cooper and Zhou. S2S-ST. arXiv:2507.16886 (2025), "
        "https://arxiv.org/abs/2507.16886. "
        f"Software: Sparser2Sparse, version {__version__} (an independent implementation)."
    )


def section_name(result: Result) -> str:
    """Name of the file the section was read from, or "the section"."""
    return str((result.section.uns.get(INPUT_KEY) or {}).get("file") or "the section")


def label(name: str) -> str:
    """Name of a method for the user."""
    return METHODS[name].label if name in METHODS else name


def scored_where(metrics: pd.DataFrame) -> str:
    """The spots that scores were taken at, e.g. "529 hidden spots"."""
    if metrics.empty:
        return "no spots"
    hidden = metrics["spots"].iloc[0] == Spots.HIDDEN
    kind = "hidden spots" if hidden else "measured spots withheld from training"
    return f"{int(metrics['n_spots'].iloc[0]):,} {kind}"


def methods_text(result: Result) -> str:
    """One paragraph for the Methods section of a paper: what was done, on what, how it scored."""
    section, config = result.section, result.config
    measured, n = int(section.measured.sum()), section.n_positions
    height, width = section.grid.shape
    target = result.info.get("target_sum")
    words = [
        f"The section ({section_name(result)}) has {n:,} positions inside the tissue on a "
        f"{LATTICES[section.grid.kind]} of {height} x {width} pixels and was analysed for "
        f"{_count(len(section.genes), 'gene')}.",
        _design(result, measured),
    ]
    if section.is_log:
        words.append("Values were log-normalised already and taken as they were.")
    elif not section.is_scaled:
        words.append("Counts were transformed by log1p, without scaling by the depth of spots.")
    else:
        median = f" ({target:g})" if target else ""
        words.append(
            f"Counts of each spot were scaled to the median total of the measured spots{median} and "
            "transformed by log1p."
        )
    words.append(_method(result))
    words.append("Measured values were kept unchanged.")
    if result.layers:
        words.append(
            f"Conditional medians and {config.coverage:.0%} prediction intervals were calibrated on "
            "measured spots predicted from the others in four folds (split-conformal)."
        )
    words.append(_scores(result))
    words.append(
        f"Seed {config.seed}; Sparser2Sparse version {result.info.get('version', __version__)}"
        f"{_versions(result)}."
    )
    return " ".join(word for word in words if word)


def summary_sentence(result: Result, grades: pd.DataFrame | None = None) -> str:
    """One paragraph for the screen: what the run did and how good it is, in plain words.

    Parameters
    ----------
    result : Result
    grades : DataFrame, optional
        :func:`s2s_core.assessment.gene_grades.grade_genes` of the result, where it is at hand.
    """
    section = result.section
    filled, measured = int((~section.measured).sum()), int(section.measured.sum())
    words = [
        f"{label(result.config.method)} filled {filled:,} of {section.n_positions:,} positions of "
        f"{section_name(result)} from {measured:,} measured spots "
        f"({measured / section.n_positions:.0%}), for {_count(len(section.genes), 'gene')}."
    ]
    mine = _mine(result)
    if np.isfinite(mine["pcc"]).any():
        pcc = mine["pcc"].mean()
        words.append(
            f"Checked at {scored_where(mine)}, its map agrees with the values there with a mean PCC "
            f"of {pcc:.2f} (1 is perfect, 0 is chance; the values are noisy counts, so 1 cannot be "
            "reached)."
        )
    if np.isfinite(mine.get("coverage", np.nan)).any():
        words.append(
            f"{mine['coverage'].mean():.0%} of the values lie inside their "
            f"{result.config.coverage:.0%} intervals."
        )
    counts = count_grades(grade_genes(result) if grades is None else grades)
    if not sum(counts.values()):
        words.append("Too few spots were scored to say what single genes' maps are good for.")
        return " ".join(words)
    parts = [
        f"{counts[grade]:,} for {USE.words[grade]}"
        for grade in (Grade.TEST, Grade.RANK, Grade.LOOK)
    ]
    words.append(
        f"Genes are good for: {', '.join(parts)}; {counts[Grade.LEAVE]:,} should be left out."
    )
    return " ".join(words)


def _design(result: Result, measured: int) -> str:
    section = result.section
    share = f"{measured:,} positions ({measured / section.n_positions:.0%})"
    name, _, argument = section.design.partition(":")
    if name == "densify":
        return f"{share} were measured; the others were added between them ({section.design})."
    if section.hidden.any():
        number = (argument or DESIGNS[name].default).partition("@")[0] if name in DESIGNS else ""
        kind = DESIGN_WORDS.get(name, "").format(number)
        how = f" by the sampling design {section.design}" if section.design else ""
        how += f" ({kind})" if kind else ""
        hidden = f"{int(section.hidden.sum()):,} positions with known values were hidden{how}"
        return f"To judge the method {hidden}; {share} were left as measured."
    return f"{share} were measured; the others are gaps whose true values are unknown."


def _method(result: Result) -> str:
    config = result.config
    if config.method != "s2s":
        hint = METHODS[config.method].hint if config.method in METHODS else ""
        what = CLASSICAL.get(config.method) or f"{label(config.method)} ({hint.rstrip('.')})"
        return f"Unmeasured positions were imputed by {what}, fitted to measured spots only."
    details = (result.info.get("details") or {}).get("s2s") or {}
    train, steps = config.train, details.get("steps_done")
    steps = f"{steps:,} steps" if steps else "as many steps as withheld spots favoured"
    start = "started from a prior trained on photographs and made patterns, was"
    optimiser = (
        f"{start if details.get('prior') else 'was'} trained for {steps} (Adam, learning rate "
        f"{train.learning_rate:g}, batch {train.batch})"
    )
    alike = isinstance(train, PaperTraining) and train.natural_images
    helped = ", together with photographs sampled alike" if alike else ""
    if config.engine == "programmes":
        programmes = int(details.get("programmes", config.programmes))
        share = details.get("network_share")
        weight = (
            f"; its share in the answer ({share:.0%}) was set on withheld spots"
            if share is not None
            else ""
        )
        what = (
            f"{programmes} gene programmes (principal components under several weightings of the "
            f"genes) were first estimated by kriging and regression, and corrected by a compact "
            f"network of {config.model.cascades} cascades that {optimiser} to restore measured "
            f"spots from sparser parts of them{helped}{weight}"
        )
    else:
        what = (
            f"the published network (CDCIN, {config.model.cascades} cascades) {optimiser} on single "
            f"genes, to restore measured spots from sparser parts of them{helped}"
        )
    return (
        "Unmeasured positions were imputed by sparser-to-sparse learning (arXiv:2507.16886; preset "
        f"{config.preset}): {what}."
    )


def _scores(result: Result) -> str:
    mine = _mine(result)
    if mine.empty:
        return "The run was not scored."
    numbers = [f"PCC {mine['pcc'].mean():.3f}"]
    names = {"spearman": "Spearman", "rmse": "RMSE", "mae": "MAE", "ssim": "SSIM"}
    numbers += [f"{text} {mine[key].mean():.3f}" for key, text in names.items() if key in mine]
    if np.isfinite(mine.get("coverage", np.nan)).any():
        numbers.append(f"{mine['coverage'].mean():.1%} of the values inside their intervals")
    constant = int(mine["pcc"].isna().sum())
    without = f" ({_count(constant, 'gene')} constant there without a PCC)" if constant else ""
    others = [label(m) for m in result.maps if m != result.config.method]
    beside = f" Compared on the same spots: {', '.join(others)}." if others else ""
    return (
        f"Scored at {scored_where(mine)}, mean over {_count(len(mine), 'gene')}{without}, on the scale "
        f"of log-normalised values: {', '.join(numbers)}.{beside}"
    )


def _mine(result: Result) -> pd.DataFrame:
    return result.metrics[result.metrics["method"] == result.config.method]


def _versions(result: Result) -> str:
    versions = result.info.get("versions") or {}
    used = ["numpy", "scipy", *(["torch"] if result.config.method == "s2s" else [])]
    return "".join(f", {name} {versions[name]}" for name in used if name in versions)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
