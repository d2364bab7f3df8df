"""Metrics of a sampling design in words."""

from __future__ import annotations

import pandas as pd

from s2s_core.sampling.design_record import DesignMetrics
from s2s_core.vocabulary import Resolution

# Dispersion below and above which a design is called even and clustered (a random draw has 1).
EVEN, CLUSTERED = 0.6, 1.5
# Shares of the patterns folded onto coarser ones that are worth a word.
LITTLE_ALIASING, MUCH_ALIASING = 0.05, 0.15


def sentences_of(metrics: DesignMetrics) -> tuple[str, ...]:
    """All metrics of a design in words."""
    return (
        f"{metrics.n_measured:,} spots are measured, {metrics.fraction:.1%} of the tissue.",
        f"An unmeasured position is {_length(metrics.mean_gap, metrics.mean_gap_unit, metrics.unit)}"
        " from the nearest measured one on average, "
        f"{_length(metrics.largest_gap, metrics.largest_gap_unit, metrics.unit)} at most.",
        _dispersion_sentence(metrics),
        *_aliasing_sentence(metrics),
        f"{metrics.edge_coverage:.0%} of the tissue's edge has a measured spot nearby.",
        _genes_sentence(metrics.genes["verdict"]),
        f"Kriging of gene programmes is expected to reach a mean PCC of {metrics.expected_pcc:.2f} "
        f"and an RMSE of {metrics.expected_rmse:.2f} (log scale) at unmeasured positions.",
    )


def _length(pitches: float, real: float, unit: str) -> str:
    return f"{pitches:.1f} pitches" + (f" ({real:.4g} {unit})" if unit else "")


def _dispersion_sentence(metrics: DesignMetrics) -> str:
    value = metrics.dispersion
    lie = "evenly" if value < EVEN else "about at random" if value < CLUSTERED else "in clusters"
    return f"The spots lie {lie} (dispersion {value:.2f}; a random draw has 1)."


def _aliasing_sentence(metrics: DesignMetrics) -> tuple[str, ...]:
    share = metrics.aliased
    if metrics.periodic:
        risk = "low" if share < LITTLE_ALIASING else "moderate" if share < MUCH_ALIASING else "high"
        return (
            f"The design repeats with a period: {share:.0%} of the pilot's patterns are finer than "
            f"it can tell and may show as false coarse patterns (aliasing risk: {risk}).",
        )
    # Of a clustered design nothing good can be said.
    if metrics.dispersion >= CLUSTERED:
        return ()
    return ("The design has no period: fine patterns show as noise, never as false coarse ones.",)


def _genes_sentence(verdict: pd.Series) -> str:
    n = {word: int((verdict == word).sum()) for word in Resolution}
    return (
        f"Of {len(verdict) - n[Resolution.FLAT]:,} genes with a spatial pattern in the pilot "
        f"{n[Resolution.RESOLVED]:,} are resolved, {n[Resolution.MARGINAL]:,} marginal, and "
        f"{n[Resolution.LOST]:,} cannot be resolved; genes without a pattern: "
        f"{n[Resolution.FLAT]:,}."
    )
