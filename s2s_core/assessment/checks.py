"""What may be wrong with an imputed map, in words: quality checks of a finished run."""

from __future__ import annotations

import numpy as np

from s2s_core.assessment.pattern_checks import grid_artefacts, smoothness, structure_of_errors
from s2s_core.assessment.quality import LEVELS, QualityCheck
from s2s_core.assessment.smoothness import gene_chunks
from s2s_core.data.result import Result

__all__ = ["LEVELS", "QualityCheck", "check_quality"]

# Fewer unmeasured positions than this show no pattern.
FEWEST = 20
# Weights that sum to one in rounded arithmetic leave a zero a hair below it.
ROUNDING = 1e-5


def check_quality(result: Result) -> list[QualityCheck]:
    """Quality checks of a finished run.

    Returns
    -------
    list of QualityCheck
        Measured values in place, possible values, over-smoothing, noise kept, grid artefacts,
        structure in the errors, and without hidden truth structure that measured spots lack.
        Where values are impossible, or fewer than 20 positions unmeasured, the checks of
        patterns are left out.
    """
    found = [_drift(result), _impossible(result)]
    unmeasured = int((~result.section.measured).sum())
    if found[1].level == "problem" or unmeasured < FEWEST:
        return found
    return [
        *found,
        *smoothness(result),
        grid_artefacts(result),
        *structure_of_errors(result),
    ]


def _drift(result: Result) -> QualityCheck:
    at = result.section.measured
    drift = 0.0
    for genes in gene_chunks(result):
        off = np.abs(np.asarray(result.imputed[at, genes]) - np.asarray(result.truth[at, genes]))
        # What is not finite has drifted as far as anything can.
        drift = max(drift, float(np.nan_to_num(off, nan=np.inf).max(initial=0.0)))
    exact = drift == 0.0
    return QualityCheck(
        "Measured values in place",
        "fine" if exact else "problem",
        f"{'All' if exact else 'Not all'} values of the {int(at.sum()):,} measured spots are as "
        f"they were measured (largest difference {drift:.3g}).",
        ""
        if exact
        else "Do not use this map: data consistency was broken after the run; run it again.",
        drift,
    )


def _impossible(result: Result) -> QualityCheck:
    bad = 0
    for genes in gene_chunks(result):
        values = np.asarray(result.imputed[:, genes])
        bad += int((~(values >= -ROUNDING) | np.isinf(values)).sum())
    return QualityCheck(
        "Possible values",
        "problem" if bad else "fine",
        f"{f'{bad:,}' if bad else 'No'} imputed values are negative, missing or infinite.",
        "Do not use this map: log-normalised values are finite and not negative." if bad else "",
        float(bad),
    )
