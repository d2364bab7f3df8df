"""What may be wrong with an imputed map, in words: the signatures that failures leave.

Measured values carry counting noise and a mean does not, so a good map is always smoother than
the data, has less variance and a higher Moran's I. The checks compare what noise cannot disturb:
the slope of the true values on the imputed ones is 1 for a conditional mean, however noisy the
truth is; above 1 the map says less than it knows (over-smoothed), below 1 it says more than it
knows (noise kept). Taken on differences between neighbours, the same slope judges the highest
spatial frequencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from s2s_core.grid import HEX_ROW
from s2s_core.imputation import Result
from s2s_core.section import Section
from s2s_core.signatures import (
    BLOCKS,
    LAG_REACH,
    PlaceMeans,
    blocks,
    lag_weights,
    local_planes,
    pooled_slope,
    ratio,
    slope_sums,
)
from s2s_core.structure import SURE, morans_i, neighbour_weights

LEVELS = ("fine", "watch", "problem")
# Slopes of the truth on the map: (watch, problem). Classical methods with a nugget reach 0.8 to
# 1.05 on real sections, interpolation that keeps the noise 0.1 to 0.75.
SMOOTHED = (1.4, 2.0)
NOISY = (0.7, 0.5)
# Offset of imputed positions from the plane through the measured spots around, in standard
# deviations of the gene; kriging of real sections stays below 0.1.
GRID = (0.15, 0.3)
# Moran's I of the errors at distances that the measured spots resolve; a kriging run of a real
# section leaves 0.00 to 0.07.
TEXTURE = (0.1, 0.2)
# Covariance of the map over that of the measured values, at such a distance.
EXCESS = (1.3, 1.8)
# Fewer hidden spots than this say nothing about patterns.
FEWEST_HIDDEN = 20
# Pairs of spots tell enough before there are more of them than this many spots have.
MOST_SPOTS = 10_000
GENES_AT_ONCE = 256


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
        structure in the errors (or, without hidden truth, structure the measured spots lack).
        Where values are not possible the checks that need them are left out.
    """
    found = [_drift(result), _impossible(result)]
    if found[1].level == "problem" or result.section.measured.all():
        return found
    return [*found, *_smoothness(result), _grid(result), *_texture(result)]


def _drift(result: Result) -> Finding:
    at = result.section.measured
    drift = 0.0
    for genes in _chunks(result):
        off = np.abs(np.asarray(result.imputed[at, genes]) - np.asarray(result.truth[at, genes]))
        # What is not finite has drifted as far as anything can.
        drift = max(drift, float(np.nan_to_num(off, nan=np.inf).max(initial=0.0)))
    exact = drift == 0.0
    return Finding(
        "Measured values in place", "fine" if exact else "problem",
        f"{'All' if exact else 'Not all'} values of the {int(at.sum()):,} measured spots are as "
        f"they were measured (largest difference {drift:.3g}).",
        "" if exact else "Do not use this map: data consistency was broken after the run; run it again.",
        drift,
    )  # fmt: skip


def _impossible(result: Result) -> Finding:
    bad = 0
    for genes in _chunks(result):
        values = np.asarray(result.imputed[:, genes])
        # Weights that sum to one in rounded arithmetic leave a zero a hair below it.
        bad += int((~(values >= -1e-5) | np.isinf(values)).sum())
    return Finding(
        "Possible values", "problem" if bad else "fine",
        f"{f'{bad:,}' if bad else 'No'} imputed values are negative, missing or infinite.",
        "Do not use this map: log-normalised values are finite and not negative." if bad else "",
        float(bad),
    )  # fmt: skip


def _smoothness(result: Result) -> list[Finding]:
    """Over-smoothing and noise kept, from the slope of the truth on the map."""
    section = result.section
    if _has_truth(section):
        slope, error, local, local_error, words = _slopes_at_hidden(result)
        where = f"at {int(section.hidden.sum()):,} hidden spots"
    else:
        slope, words = _slope_by_scores(result)
        error = local_error = 0.0
        local = np.nan
        where = "judged by the PCC at withheld measured spots"
    said = f"The slope of the true values on the map is {slope:.2f} ({where}; 1 is right)"
    fine = np.isfinite(local)
    detail = f", and {local:.2f} for differences between neighbours" if fine else ""
    low = np.nanmax([slope - 2 * error, local - 2 * local_error])
    level = _level(low, SMOOTHED)
    smoothed = Finding(
        "Over-smoothing", level,
        f"{said}{detail}. {words} A mean is always smoother than noisy data; too smooth it is "
        f"when a slope is surely above {SMOOTHED[0]:g}.",
        "" if level == "fine" else "Patterns are stronger and sharper than the map shows: measure "
        "more spots, train longer, or compare with kriging of gene programmes.",
        float(np.nanmax([slope, local])),
    )  # fmt: skip
    level = _level(-(slope + 2 * error), tuple(-limit for limit in NOISY))
    noisy = Finding(
        "Noise kept", level,
        f"{said}. A map whose slope is surely below {NOISY[0]:g} varies more than it knows.",
        "" if level == "fine" else "The map copies counting noise of single spots: prefer kriging "
        "or the network, which average it out, and do not read single bright positions.",
        slope,
    )  # fmt: skip
    return [smoothed, noisy]


def _slopes_at_hidden(result: Result) -> tuple[float, float, float, float, str]:
    section, at = result.section, result.section.hidden
    points = _points(section, at)
    pairs = np.stack(sparse.triu(neighbour_weights(points, 4)).nonzero())
    weights = neighbour_weights(points)
    block = blocks(points)
    whole, near = np.zeros((2, 2, BLOCKS))
    variance, moran = np.zeros(2), np.zeros(2)
    for genes in _chunks(result):
        truth, imputed = _pair(result, at, genes)
        a, b = truth - truth.mean(0), imputed - imputed.mean(0)
        whole += slope_sums(a, b, block)
        a2, b2 = (v[pairs[0]] - v[pairs[1]] for v in (a, b))
        near += slope_sums(a2, b2, block[pairs[0]])
        variance += [(a**2).sum(), (b**2).sum()]
        moran += [morans_i(truth, weights)[0].sum(), morans_i(imputed, weights)[0].sum()]
    moran /= len(section.genes)
    words = (
        f"The map has {variance[1] / max(variance[0], 1e-12):.0%} of the variance of the values "
        f"measured there and a mean Moran's I of {moran[1]:.2f} (measured: {moran[0]:.2f})."
    )
    return (*pooled_slope(whole), *pooled_slope(near), words)


def _slope_by_scores(result: Result) -> tuple[float, str]:
    """Slope from the PCC at withheld spots and the spread of measured and imputed values."""
    section, mine = result.section, result.metrics
    mine = mine[mine["method"] == result.config.method].set_index("gene")
    pcc = np.nan_to_num(mine["pcc"].reindex(section.genes).to_numpy(float))
    along = spread = total = 0.0
    for genes in _chunks(result):
        a = np.asarray(result.truth[section.measured, genes]).std(0)
        b = np.asarray(result.maps[result.config.method][~section.measured, genes]).std(0)
        along, spread = along + (pcc[genes] * a * b).sum(), spread + (b**2).sum()
        total += (a**2).sum()
    return ratio(along, spread), (
        f"The map has {ratio(spread, total):.0%} of the variance of the measured values."
    )


def _grid(result: Result) -> Finding:
    """Offsets of imputed positions from measured ones around, by their place in the grid."""
    section, measured = result.section, result.section.measured
    there = _points(section, ~measured)
    weights, held = local_planes(_points(section, measured), there)
    period = _period(section.design)
    place = (section.row % period * period + section.col % period)[~measured][held]
    means = PlaceMeans(place, there[held])
    excess, strength, number = 0.0, 0.0, 0
    for genes in _chunks(result):
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
        advice = ("The sampling grid shows through the map: do not read patterns as fine as the "
                  "mask, and compare with kriging of gene programmes.")  # fmt: skip
    return Finding(
        "Grid artefacts", level,
        f"By their place in the sampling grid, imputed values lie {value:.3f} standard deviations "
        "of a gene off the measured spots around them, beyond what chance explains.",
        advice, value,
    )  # fmt: skip


def _texture(result: Result) -> list[Finding]:
    """Structure in the errors at hidden spots; without them, structure that was never measured."""
    section = result.section
    cell = HEX_ROW if section.grid.kind == "hex" else 1.0
    # Finer than the measured spots lie apart nothing can be known; at this distance it can.
    reach = float(np.sqrt(cell * section.n_positions / section.measured.sum()))
    advice = ("Neighbouring errors go together, as invented texture or a missed pattern leaves "
              "them: compare the map with kriging of gene programmes and trust only what both show.")  # fmt: skip
    if not _has_truth(section):
        return _excess(result, reach, advice)
    at = _some(section.hidden)
    lag = lag_weights(_points(section, at), reach)
    if not lag.nnz:
        return []
    errors, true, sure = 0.0, 0.0, 0
    for genes in _chunks(result):
        truth, imputed = _pair(result, at, genes)
        moran, surprise = morans_i(truth - imputed, lag)
        errors, true = errors + moran.sum(), true + morans_i(truth, lag)[0].sum()
        sure += int((surprise > SURE).sum())
    count = len(section.genes)
    value = float(errors / count)
    level = _level(value, TEXTURE) if sure >= 0.25 * count else "fine"
    found = Finding(
        "Structure in the errors", level,
        f"Errors at hidden spots {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart have a mean "
        f"Moran's I of {value:.3f} (the true values: {true / count:.3f}); it is above chance for "
        f"{sure:,} of {count:,} genes.",
        "" if level == "fine" else advice, value,
    )  # fmt: skip
    return [found]


def _excess(result: Result, reach: float, advice: str) -> list[Finding]:
    section, sums = result.section, []
    for at, source in (
        (~section.measured, result.maps[result.config.method]),
        (section.measured, result.truth),
    ):
        at = _some(at)
        lag = lag_weights(_points(section, at), reach)
        if not lag.nnz:
            return []
        total = 0.0
        for genes in _chunks(result):
            values = np.asarray(source[at, genes], np.float64)
            values = values - values.mean(0)
            total += float((values * (lag @ values)).sum())
        sums.append(total / lag.nnz)
    value = ratio(*sums)
    level = _level(value, EXCESS) if sums[1] > 0 else "fine"
    found = Finding(
        "Structure never measured", level,
        f"Imputed positions {reach:.1f} to {LAG_REACH * reach:.1f} pitches apart covary {value:.2f} times "
        "as much as measured spots do; noise does not enter this, and a mean should not exceed 1. "
        "Errors themselves can only be looked at where a mask hides known values.",
        "" if level == "fine" else advice, value,
    )  # fmt: skip
    return [found]


def _level(value: float, limits: tuple[float, float]) -> str:
    return LEVELS[int(value > limits[0]) + int(value > limits[1])]


def _chunks(result: Result) -> Iterator[slice]:
    """Genes in parts, so that memory does not grow with their number."""
    for start in range(0, len(result.section.genes), GENES_AT_ONCE):
        yield slice(start, start + GENES_AT_ONCE)


def _pair(result: Result, at: np.ndarray, genes: slice) -> tuple[np.ndarray, np.ndarray]:
    """True and imputed values (the mean, which slopes and errors are about) at some positions."""
    imputed = result.maps[result.config.method]
    return tuple(np.asarray(v[at, genes], np.float64) for v in (result.truth, imputed))


def _has_truth(section: Section) -> bool:
    return int(section.hidden.sum()) >= FEWEST_HIDDEN


def _points(section: Section, at: np.ndarray) -> np.ndarray:
    return section.grid.lattice_xy(section.row[at], section.col[at])


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
