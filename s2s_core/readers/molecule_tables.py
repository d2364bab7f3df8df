"""Tables of single molecules by their columns: of known instruments, and of any other."""

from __future__ import annotations

from s2s_core.readers.columns import is_place
from s2s_core.readers.metadata import by_name
from s2s_core.readers.molecules import Columns, named
from s2s_core.readers.places import XY_NAMES, find_pair
from s2s_core.readers.text import is_number

# What the column of genes is called, the clearest first.
GENES = (
    "target",
    "target_name",
    "feature_name",
    "gene_name",
    "genename",
    "gene_symbol",
    "symbol",
    "gene",
    "genes",
    "geneid",
    "gene_id",
    "feature",
    "transcript",
    "barcode_name",
    "name",
)
COUNTS = (
    "MIDCount",
    "MIDCounts",
    "UMICount",
    "umi_count",
    "umicounts",
    "umi",
    "count",
    "counts",
    "n_molecules",
    "readcount",
)
# Other columns of numbers that a table of molecules may have; more are genes.
MOST_OTHERS = 12
PLACES = (
    ("global_x", "global_y"),
    ("x_global_px", "y_global_px"),
    ("x_location", "y_location"),
    *XY_NAMES,
)


def any_molecules(header: list[str], rows: list[list[str]]) -> Columns | None:
    """Columns of a table whose rows are molecules: genes that come again, and coordinates."""
    place = find_pair(header, PLACES)
    if place is None:
        return None
    others = 0
    for i, column in enumerate(header):
        numeric = all(is_number(row[i]) for row in rows if len(row) > i and row[i] != "")
        others += numeric and not is_place(column) and not by_name(column)
    if others > MOST_OTHERS:
        return None
    for name in GENES:
        genes = named(header, name)
        if genes is None or genes in place:
            continue
        values = [row[header.index(genes)] for row in rows if len(row) == len(header)]
        words = [v for v in values if not is_number(v)]
        # Names of spots or cells do not come again.
        if len(words) > 0.5 * len(values) and len(set(values)) <= _MOST[name == "name"] * len(
            values
        ):
            x, y = place
            return Columns(gene=genes, x=x, y=y, count=named(header, *COUNTS))
    return None


_MOST = {False: 0.95, True: 0.5}
