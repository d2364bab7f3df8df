"""Reader of 10x Visium HD: one of its bin sizes, or bins joined into larger ones."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.features import Matrix
from s2s_core.readers.places import numbers
from s2s_core.readers.positions import read_positions
from s2s_core.readers.source import Source
from s2s_core.readers.space_ranger import library_of, matrix_of, spots
from s2s_core.readers.tenx import find_matrices, first_barcode, read_matrix

FOLDER = re.compile(r"^(?:(.*)/)?(square_(\d{3})um)/")
BARCODE = re.compile(r"s_(\d{3})um_\d+_\d+")
DEFAULT_UM = 16
# Matrices of segmented cells are called so.
CELLS = "feature_cell_matrix"
PLACE = ["array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"]


def sniff(source: Source) -> bool:
    """Whether there are folders of square bins, or barcodes that are named by a bin size."""
    return bool(_sizes(source))


def _sizes(source: Source) -> dict[int, Source]:
    """Files of each bin size, in micrometres."""
    folders = {m[0].rstrip("/"): int(m[3]) for m in map(FOLDER.match, source.names) if m}
    parts = {size: source.within(folder) for folder, size in folders.items()}
    found = {size: part for size, part in parts.items() if find_matrices(part)}
    if found or folders:
        return found
    matrices = find_matrices(source)
    barcode = BARCODE.match(first_barcode(source, matrices[0])) if matrices else None
    return {int(barcode[1]): source} if barcode else {}


def read(source: Source, options: ReadOptions) -> Section:
    """Read the bins of the wanted size (``bin_size`` in micrometres, 16 when none is wanted).

    A size that is not in the files is made by joining smaller bins, where it is a multiple.
    """
    runs = sorted({m[1] or "" for m in map(FOLDER.match, source.names) if m})
    if len(runs) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(runs)} sections ({', '.join(runs[:3])}); give the folder of "
            "one."
        )
    sizes = _sizes(source)
    wanted = float(options.bin_size or (DEFAULT_UM if min(sizes) <= DEFAULT_UM else min(sizes)))
    size = max((s for s in sizes if wanted % s == 0), default=None)
    if size is None:
        raise S2SError(
            f"Bins of {wanted:g} um cannot be made of bins of {_listed(sizes)} um; choose one of "
            "these or a multiple."
        )
    part = sizes[size]
    name = matrix_of(part)
    matrix, places = read_matrix(part, name), read_positions(part, name)
    how = "chosen" if options.bin_size else "the default; bin_size chooses another"
    notes = [f"Bins of {wanted:g} um were read ({how}; the files have {_listed(sizes)} um)."]
    if any(CELLS in n.lower() for n in source.names):
        notes.append("Segmented cells lie beside: technology visium_hd_cells reads them instead.")
    if wanted > size:
        inside = places.table[as_bool(places.table["in_tissue"], "in_tissue")]
        matrix, squares = _joined(matrix, inside, int(wanted // size))
        places = replace(places, table=squares)
        notes.append(f"Each is the sum of up to {int(wanted // size) ** 2} bins of {size} um.")
    options = replace(options, bin_size=None)
    library = library_of(source, name, matrix)
    section = spots(part, name, matrix, places, library, options, tuple(notes), binned=True)
    return replace(section, uns={**section.uns, "bin_size_um": wanted})


def _listed(sizes) -> str:
    return ", ".join(map(str, sorted(sizes)))


def _joined(matrix: Matrix, places: pd.DataFrame, factor: int) -> tuple[Matrix, pd.DataFrame]:
    """Sum bins over squares of ``factor`` x ``factor``; a square is called after its place."""
    where = pd.DataFrame({name: numbers(places[name]) for name in PLACE})
    if not np.isfinite(where.to_numpy()).all():
        raise S2SError("The table of positions holds places that are no numbers; copy it again.")
    where[PLACE[:2]] //= factor
    squares = where.groupby(PLACE[:2], as_index=False).mean()
    key = pd.MultiIndex.from_frame(squares[PLACE[:2]])
    square = key.get_indexer(pd.MultiIndex.from_frame(where[PLACE[:2]]))
    row = places.index.get_indexer(matrix.barcodes)
    found = np.nonzero(row >= 0)[0]
    gather = sparse.csr_matrix(
        (np.ones(len(found), np.float32), (square[row[found]], found)),
        shape=(len(squares), len(matrix.barcodes)),
    )
    ids = pd.Index([f"bin_{int(r)}_{int(c)}" for r, c in key], dtype=object)
    joined = replace(matrix, values=(gather @ matrix.values).tocsr(), barcodes=ids)
    return joined, squares.set_axis(ids).assign(in_tissue=1)


READER = Reader("visium_hd", "10x Visium HD (square bins)", sniff, read)
