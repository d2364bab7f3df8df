"""Format number of saved files: written into each; files of a newer format are refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from s2s_core.errors import S2SError

# Where the number stands in whatever mapping a file keeps (JSON, a checkpoint).
FORMAT_KEY = "format"
# Files that were written before formats had numbers.
UNNUMBERED = 0


def format_number(saved: Mapping, newest: int, what: str) -> int:
    """Format number of a saved file, once it is known to be one that can be read.

    Whoever writes a file puts ``{FORMAT_KEY: N}`` into it and raises N when an older program
    would read the new form wrongly; a field that older programs can ignore needs no new number.

    Parameters
    ----------
    saved : mapping
        What the file holds; :data:`FORMAT_KEY` may be missing.
    newest : int
        Newest format that this program reads.
    what : str
        The file in words, as the sentence begins: ``"The saved section 'a.h5ad'"``.

    Returns
    -------
    int
        :data:`UNNUMBERED` for a file without a number.

    Raises
    ------
    S2SError
        If the format is newer than ``newest``, or no format number at all.
    """
    found = saved.get(FORMAT_KEY, UNNUMBERED)
    if isinstance(found, bool) or not isinstance(found, (int, np.integer)) or found < UNNUMBERED:
        raise S2SError(
            f"{what} names the format {found!r}, which is none of this program's; the file is "
            "damaged or was edited: make it again."
        )
    if found > newest:
        raise S2SError(
            f"{what} was written by a newer version of Sparser2Sparse (format {found}; this "
            f"version reads up to {newest}); update the program to open it."
        )
    return int(found)
