"""The scale of a table's values: counts, or log-normalised already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from s2s_core.errors import S2SError

# log1p of a count per 10,000 is at most 9.2, per million 13.8: values beyond are counts.
LOG_MAX = 20.0


@dataclass(frozen=True)
class ValueScale:
    """Scale of a table's values.

    Attributes
    ----------
    is_log : bool
        Log-normalised, not counts.
    note : str
        What was found, for the user.
    """

    is_log: bool
    note: str


def detect_scale(counts: sparse.csr_matrix, scale: str, uns: dict) -> ValueScale:
    """Tell counts from log-normalised values.

    Parameters
    ----------
    counts : (n, G) csr_matrix
    scale : {"auto", "counts", "log"}
        What the user declares; ``auto`` looks at ``uns`` and the values.
    uns : dict
        Metadata of the file; scanpy notes ``log1p`` there.

    Raises
    ------
    S2SError
        If ``scale`` is none of these.
    """
    if scale not in ("auto", "counts", "log"):
        raise S2SError(f"The scale must be auto, counts or log; found {scale!r}.")
    if scale != "auto":
        return ValueScale(scale == "log", f"Values were declared as {scale}.")
    data = counts.data
    if "log1p" in uns:
        return ValueScale(is_log=True, note="The file says its values are log-normalised (log1p).")
    if len(data) == 0 or np.array_equal(data, np.rint(data)):
        return ValueScale(is_log=False, note="Values are integer counts.")
    if data.max() <= LOG_MAX:
        note = (
            f"Values are no integers and at most {data.max():.1f}, so they are taken as "
            "log-normalised already."
        )
        return ValueScale(is_log=True, note=note)
    note = (
        f"Values are no integers but reach {data.max():.0f}, so they are taken as counts that "
        "were corrected or scaled, not yet on a log scale."
    )
    return ValueScale(is_log=False, note=note)
