"""Checks of a map's patterns: over-smoothing, noise kept, grid artefacts, structure in the errors.

Measured values carry counting noise and a mean does not, so a good map is always smoother than
the data, has less variance and a higher Moran's I. The checks compare what noise cannot disturb:
the slope of the true values on the imputed ones is 1 for a conditional mean, however noisy the
truth is; above 1 the map says less than it knows (over-smoothed), below 1 it says more than it
knows (noise kept). Taken on differences between neighbours, the same slope judges the highest
spatial frequencies.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.assessment.quality import QualityCheck, level_of
from s2s_core.assessment.smoothness import (
    gene_chunks,
    has_truth,
    places,
    slope_by_scores,
    slopes_at_hidden,
    truth_and_map,
)
from s2s_core.assessment.spatial_errors import (
    LAG_REACH,
    PlaceMeans,
    error_morans,
    lag_weights,
    local_planes,
    ratio,
)
from s2s_core.assessment.withheld import Withheld
from s2s_core.data.result import Result

# Slopes of the truth on the map: (watch, problem). Classical methods with a nugget reach 0.8 to
# 1.05 on real sections, interpolation that keeps the noise 0.1 to 0.75.
SMOOTHED = (1.4, 2.0)
NOISY = (0.7, 0.5)
# Offset of imputed positions from the plane through the measured spots around, in standard
# deviations of the gene; kriging of real sections stays below 0.1.
GRID = (0.15, 0.3)
# Moran's I of the errors at distances that the measured spots resolve; a kriging run of a real
# section leaves 0.00 to 0.03.
TEXTURE = (0.08, 0.16)
# Covariance of the map over that of the measured values, at such a distance.
EXCESS = (1.3, 1.8)
# Less of the variance than this is no pattern.
FLAT = 1e-6
# Share of the genes whose errors must have structure before the mean says anything. Untuned.
GENES_WITH_STRUCTURE = 0.25
# Pairs of spots tell enough before there are more of them than this many spots have.
MOST_SPOTS = 10_000
ADVICE = (
    "Neighbouring errors go together, as invented texture or a missed pattern leaves "
    "them: compare the map with kriging of gene programmes and trust only what both show."
)


def smoothness(result: Result) -> list[QualityCheck]:
    """Over-smoothing and noise kept, from the slope of the truth on the map."""
    section = result.section
    if has_truth(section):
        found = slopes_at_hidden(result)
        where = f"at {int(section.hidden.sum()):,} hidden spots"
    else:
        kept = Withheld.from_info(result.info)
        found = slope_by_scores(result, kept)
        where = (
            f"at {kept.n_spots:,} withheld spots" if kept else "judged by the PCC at withheld spots"
        )
    if found.variance < FLAT:
        return [_flat()]
    said = f"The slope of the true values on the map is {found.whole:.2f} ({where}; 1 is right)"
    near = (
        "" if np.isnan(found.near) else f", and {found.near:.2f} for differences between neighbours"
    )
    moran = (
        ""
        if found.moran is None
        else (f" and a mean Moran's I of {found.moran[0]:.2f} (measured: {found.moran[1]:.2f})")
    )
    sure = np.nanmax([found.whole - 2 * found.whole_error, found.near - 2 * found.near_error])
    level = level_of(sure, SMOOTHED)
    smoothed = QualityCheck(
        "Over-smoothing",
        level,
        f"{said}{near}. The map has {found.variance:.0%} of the variance of the values measured"
        f"{moran}. A mean is always smoother than noisy data; too smooth it is when a slope is "
        f"surely above {SMOOTHED[0]:g}.",
        ""
        if level == "fine"
        else "Patterns are stronger and sharper than the map shows: measure "
        "more spots, train longer, or compare with kriging of gene programmes.",
        float(np.nanmax([found.whole, found.near])),
    )
    level = level_of(-(found.whole + 2 * found.whole_error), (-NOISY[0], -NOISY[1]))
    noisy = QualityCheck(
        "Noise kept",
        level,
        f"{said}. A map whose slope is surely below {NOISY[0]:g} varies more than it knows.",
        ""
        if level == "fine"
        else "The map copies counting noise of single spots: prefer kriging "
        "or the network, which average it out, and do not read single bright positions.",
        found.whole,
    )
    return [smoothed, noisy]


def _flat() -> QualityCheck:
    return QualityCheck(
        "Over-smoothing",
        "watch",
        "The map is flat: it shows no pattern at all.",
        "That is right where genes have no spatial structure; otherwise measure more spots, or "
        "compare with kriging of gene programmes.",
        float("inf"),
    )


def grid_artefacts(result: Result) -> QualityCheck:
    """Offsets of imputed positions from measured ones around, by their place in the grid."""
    section, measured = result.section, result.section.measured
    there = places(section, ~measured)
    weights, held = local_planes(places(section, measured), there)
    period = _period(section.design)
    place = (section.row % period * period + section.col % period)[~measured][held]
    means = PlaceMeans(place, there[held])
    excess, strength, number = 0.0, 0.0, 0
    for genes in gene_chunks(result):
        values = np.asarray(result.imputed[:, genes], np.float64)
        mean, error = means((values[~measured] - weights @ values[measured])[held])
        spread = values[measured].var(0)
        varies = spread > 1e-8
        mean, error = mean[:, varies], error[:, varies]
        # What chance explains is taken off, so that the rest does not depend on how many spots.
        excess += ((mean**2 - error) / spread[varies]).sum()
        strength += (mean**2 / np.maximum(error, 1e-12)).sum()
        number += mean.size
    number = max(number, 1)
    by_chance = strength / number < 1.0 + 4.0 * np.sqrt(2.0 / number)
    value = 0.0 if by_chance else float(np.sqrt(max(excess / number, 0.0)))
    level = level_of(value, GRID)
    advice = ""
    if level != "fine" and result.config.answer == "median":
        level = "watch"
        advice = "The median of skewed counts lies below their mean: for pictures take the mean."
    elif level != "fine":
        advice = (
            "The sampling grid shows through the map: do not read patterns as fine as the "
            "mask, and compare with kriging of gene programmes."
        )
    return QualityCheck(
        "Grid artefacts",
        level,
        f"By their place in the sampling grid, imputed values lie {value:.3f} standard deviations "
        "of a gene off the measured spots around them, beyond what chance explains.",
        advice,
        value,
    )


def structure_of_errors(result: Result) -> list[QualityCheck]:
    """Structure in the errors at hidden spots; without them, in the errors at withheld ones, and
    structure that was never measured."""
    section = result.section
    # Closer than a gap lies to the nearest measured spot nothing can be known; at twice the mean
    # of that distance it can.
    known, gaps = (places(section, at) for at in (section.measured, ~section.measured))
    reach = 2.0 * float(cKDTree(known).query(gaps)[0].mean())
    count = len(section.genes)
    if not has_truth(section):
        checks, kept = _excess(result, reach), Withheld.from_info(result.info)
        if kept is None or not kept.pairs:
            return checks
        found = _errors(
            f"{kept.n_spots:,} withheld spots",
            reach=kept.reach,
            errors=kept.errors,
            truth=kept.truth,
            sure=kept.sure,
            n_genes=count,
        )
        return [found, *checks]
    at = _some(section.hidden)
    lag = lag_weights(places(section, at), reach)
    if not lag.nnz:
        return []
    sums, sure = np.zeros(2), 0
    for genes in gene_chunks(result):
        morans, above = error_morans(*truth_and_map(result, at, genes), lag)
        sums, sure = sums + morans, sure + above
    errors, true = (sums / count).tolist()
    return [
        _errors("hidden spots", reach=reach, errors=errors, truth=true, sure=sure, n_genes=count)
    ]


def _errors(
    where: str, *, reach: float, errors: float, truth: float, sure: int, n_genes: int
) -> QualityCheck:
    level = level_of(errors, TEXTURE) if sure >= GENES_WITH_STRUCTURE * n_genes else "fine"
    return QualityCheck(
        "Structure in the errors",
        level,
        f"Errors at {where} {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart have a mean "
        f"Moran's I of {errors:.3f} (the true values: {truth:.3f}); it is above chance for "
        f"{sure:,} of {n_genes:,} genes.",
        "" if level == "fine" else ADVICE,
        errors,
    )


def _excess(result: Result, reach: float) -> list[QualityCheck]:
    section, sums = result.section, []
    for at, source in (
        (~section.measured, result.maps[result.config.method]),
        (section.measured, result.truth),
    ):
        at = _some(at)
        lag = lag_weights(places(section, at), reach)
        if not lag.nnz:
            return []
        total = 0.0
        for genes in gene_chunks(result):
            values = np.asarray(source[at, genes], np.float64)
            values = values - values.mean(0)
            total += float((values * (lag @ values)).sum())
        sums.append(total / lag.nnz)
    value = ratio(*sums)
    level = level_of(value, EXCESS) if sums[1] > 0 else "fine"
    found = QualityCheck(
        "Structure never measured",
        level,
        f"Imputed positions {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart covary {value:.2f} times "
        "as much as measured spots do; noise does not enter this, and a mean should not exceed 1.",
        "" if level == "fine" else ADVICE,
        value,
    )
    return [found]


def _some(at: np.ndarray) -> np.ndarray:
    """Rows of a mask, drawn at random where there are very many."""
    rows = np.flatnonzero(at)
    if len(rows) > MOST_SPOTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_SPOTS, replace=False))
    return rows


def _period(design: str) -> int:
    """Period of a regular design in pixels; 2, what upsampling leaves, for any other."""
    name, _, argument = design.partition(":")
    number = argument.partition("@")[0]
    regular = name in ("lattice", "stripes", "densify") and number.isdigit()
    return max(int(number), 2) if regular else 2
