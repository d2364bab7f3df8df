"""What may be wrong with an imputed map, in words: the signatures that failures leave.

Measured values carry counting noise and a mean does not, so a good map is always smoother than
the data, has less variance and a higher Moran's I. The checks compare what noise cannot disturb:
the slope of the true values on the imputed ones is 1 for a conditional mean, however noisy the
truth is; above 1 the map says less than it knows (over-smoothed), below 1 it says more than it
knows (noise kept). Taken on differences between neighbours, the same slope judges the highest
spatial frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

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
from s2s_core.vocabulary import CHECKS

LEVELS = tuple(CHECKS.words)
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
# Fewer unmeasured positions than this show no pattern; less of the variance than this is none.
FEWEST = 20
FLAT = 1e-6
# Pairs of spots tell enough before there are more of them than this many spots have.
MOST_SPOTS = 10_000


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes
    ----------
    name : str
    level : {"fine", "watch", "problem"}
    sentence : str
        What was found, with its numbers.
    advice : str
        What to do; "" where nothing is.
    value : float
        The number that was judged.
    """

    name: str
    level: str
    sentence: str
    advice: str
    value: float


def diagnose(result: Result) -> list[Finding]:
    """Check a finished run for the signatures of failure.

    Returns
    -------
    list of Finding
        Measured values in place, possible values, over-smoothing, noise kept, grid artefacts,
        structure in the errors, and without hidden truth structure that measured spots lack.
        Where values are impossible, or fewer than 20 positions unmeasured, the checks of
        patterns are left out.
    """
    found = [_drift(result), _impossible(result)]
    unmeasured = int((~result.section.measured).sum())
    if found[1].level == "problem" or unmeasured < FEWEST:
        return found
    return [*found, *_smoothness(result), _grid(result), *_texture(result)]


def _drift(result: Result) -> Finding:
    at = result.section.measured
    drift = 0.0
    for genes in gene_chunks(result):
        off = np.abs(np.asarray(result.imputed[at, genes]) - np.asarray(result.truth[at, genes]))
        # What is not finite has drifted as far as anything can.
        drift = max(drift, float(np.nan_to_num(off, nan=np.inf).max(initial=0.0)))
    exact = drift == 0.0
    return Finding(
        "Measured values in place",
        "fine" if exact else "problem",
        f"{'All' if exact else 'Not all'} values of the {int(at.sum()):,} measured spots are as "
        f"they were measured (largest difference {drift:.3g}).",
        ""
        if exact
        else "Do not use this map: data consistency was broken after the run; run it again.",
        drift,
    )


def _impossible(result: Result) -> Finding:
    bad = 0
    for genes in gene_chunks(result):
        values = np.asarray(result.imputed[:, genes])
        # Weights that sum to one in rounded arithmetic leave a zero a hair below it.
        bad += int((~(values >= -1e-5) | np.isinf(values)).sum())
    return Finding(
        "Possible values",
        "problem" if bad else "fine",
        f"{f'{bad:,}' if bad else 'No'} imputed values are negative, missing or infinite.",
        "Do not use this map: log-normalised values are finite and not negative." if bad else "",
        float(bad),
    )


def _smoothness(result: Result) -> list[Finding]:
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
    level = _level(sure, SMOOTHED)
    smoothed = Finding(
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
    level = _level(-(found.whole + 2 * found.whole_error), tuple(-limit for limit in NOISY))
    noisy = Finding(
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


def _flat() -> Finding:
    return Finding(
        "Over-smoothing",
        "watch",
        "The map is flat: it shows no pattern at all.",
        "That is right where genes have no spatial structure; otherwise measure more spots, or "
        "compare with kriging of gene programmes.",
        float("inf"),
    )


def _grid(result: Result) -> Finding:
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
    level = _level(value, GRID)
    advice = ""
    if level != "fine" and result.config.answer == "median":
        level = "watch"
        advice = "The median of skewed counts lies below their mean: for pictures take the mean."
    elif level != "fine":
        advice = (
            "The sampling grid shows through the map: do not read patterns as fine as the "
            "mask, and compare with kriging of gene programmes."
        )
    return Finding(
        "Grid artefacts",
        level,
        f"By their place in the sampling grid, imputed values lie {value:.3f} standard deviations "
        "of a gene off the measured spots around them, beyond what chance explains.",
        advice,
        value,
    )


def _texture(result: Result) -> list[Finding]:
    """Structure in the errors at hidden spots; without them, in the errors at withheld ones, and
    structure that was never measured."""
    section = result.section
    # Closer than a gap lies to the nearest measured spot nothing can be known; at twice the mean
    # of that distance it can.
    known, gaps = (places(section, at) for at in (section.measured, ~section.measured))
    reach = 2.0 * float(cKDTree(known).query(gaps)[0].mean())
    advice = (
        "Neighbouring errors go together, as invented texture or a missed pattern leaves "
        "them: compare the map with kriging of gene programmes and trust only what both show."
    )
    count = len(section.genes)
    if not has_truth(section):
        found, kept = _excess(result, reach, advice), Withheld.from_info(result.info)
        if kept is not None and kept.pairs:
            where = f"{kept.n_spots:,} withheld spots"
            found.insert(
                0, _errors(where, kept.reach, kept.errors, kept.truth, kept.sure, count, advice)
            )
        return found
    at = _some(section.hidden)
    lag = lag_weights(places(section, at), reach)
    if not lag.nnz:
        return []
    morans, sure = np.zeros(2), 0
    for genes in gene_chunks(result):
        found, above = error_morans(*truth_and_map(result, at, genes), lag)
        morans, sure = morans + found, sure + above
    return [_errors("hidden spots", reach, *(morans / count).tolist(), sure, count, advice)]


def _errors(where: str, reach, errors, true, sure: int, count: int, advice: str) -> Finding:
    level = _level(errors, TEXTURE) if sure >= 0.25 * count else "fine"
    return Finding(
        "Structure in the errors",
        level,
        f"Errors at {where} {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart have a mean "
        f"Moran's I of {errors:.3f} (the true values: {true:.3f}); it is above chance for "
        f"{sure:,} of {count:,} genes.",
        "" if level == "fine" else advice,
        errors,
    )


def _excess(result: Result, reach: float, advice: str) -> list[Finding]:
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
    level = _level(value, EXCESS) if sums[1] > 0 else "fine"
    found = Finding(
        "Structure never measured",
        level,
        f"Imputed positions {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart covary {value:.2f} times "
        "as much as measured spots do; noise does not enter this, and a mean should not exceed 1.",
        "" if level == "fine" else advice,
        value,
    )
    return [found]


def _level(value: float, limits: tuple[float, float]) -> str:
    return LEVELS[int(value > limits[0]) + int(value > limits[1])]


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
