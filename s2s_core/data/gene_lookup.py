"""Gene names that a user gives, looked up among those of a section."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

import pandas as pd


class GenesFound(NamedTuple):
    """Genes of a section among names that were typed: ``known``, in order; ``note`` on the rest."""

    known: list[str]
    note: str


def unknown_genes(missing: list[str], genes: pd.Index) -> str:
    """Sentence about genes that are not in the section, with a close name where there is one."""
    lower = {g.lower(): g for g in reversed(genes)}
    close = get_close_matches(missing[0].lower(), lower, n=1, cutoff=0.75)
    hint = f"; did you mean {lower[close[0]]}?" if close else "; check the spelling."
    named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    what = "is not a gene" if len(missing) == 1 else "are not genes"
    return f"{named} {what} of this section ({len(genes)} genes){hint}"


def parse_genes(names: list[str], genes: pd.Index) -> GenesFound:
    """Names typed by hand, sorted into those of a section and a sentence about the others."""
    # Typed by hand: mbp is MBP where no other gene is meant.
    by_any_case = {gene.lower(): gene for gene in reversed(genes)}
    names = [
        name if name in genes else by_any_case.get(name.lower(), name) for name in names if name
    ]
    names = list(dict.fromkeys(names))
    known = [name for name in names if name in genes]
    missing = [name for name in names if name not in genes]
    return GenesFound(known, unknown_genes(missing, genes) if missing else "")
