"""Tables that hold no counts: what they are, and which file to add."""

from __future__ import annotations

from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, find_pair

# Columns (lower case) that a table of a kind has, what it is, and what to add.
KINDS = (
    ({"vertex_x", "vertex_y"}, "outlines of cells", "the table of counts and the one of cells"),
    (
        {"center_x", "center_y", "fov", "volume"},
        "MERSCOPE's table of cells (cell_metadata.csv)",
        "cell_by_gene.csv",
    ),
    (
        {"center_x", "center_y", "min_x", "max_x"},
        "MERSCOPE's table of cells (cell_metadata.csv)",
        "cell_by_gene.csv",
    ),
    (
        {"x_centroid", "y_centroid", "transcript_counts"},
        "Xenium's table of cells",
        "cell_feature_matrix.h5",
    ),
    (
        {"x_centroid", "y_centroid", "nucleus_area"},
        "Xenium's table of cells",
        "cell_feature_matrix.h5",
    ),
    (
        {"fov", "centerx_global_px", "centery_global_px"},
        "CosMx's table of cells (metadata_file)",
        "the file ..._exprMat_file.csv",
    ),
    (
        {"fov", "x_global_px", "y_global_px"},
        "CosMx's places of the fields of view",
        "..._exprMat_file.csv and ..._metadata_file.csv",
    ),
    (
        {"array_row", "array_col", "pxl_row_in_fullres"},
        "Space Ranger's table of positions",
        "filtered_feature_bc_matrix.h5",
    ),
    ({"imagerow", "imagecol"}, "Seurat's table of coordinates", "the table of counts"),
    ({"sdimx", "sdimy"}, "Giotto's table of places", "the table of expression"),
    ({"xcoord", "ycoord"}, "a table of bead locations", "the table of counts of the beads"),
)
# A table of cells with so few columns of other numbers has columns of a newer version, no genes.
FEW = 4
CELLS = ("MERSCOPE's table of cells", "Xenium's table of cells", "CosMx's table of cells")


def sentence(
    display_name: str, header: list[str], metadata: list[str], unknown: tuple[str, ...] = ()
) -> str:
    """Sentence on a table that cannot be read alone.

    Parameters
    ----------
    display_name : str
        How the file is called.
    header : list of str
    metadata : list of str
        Columns that are about the spots, for a table of no known kind.
    unknown : tuple of str
        Columns of a maker's table that are known neither as metadata nor as genes.
    """
    lower = {h.lower() for h in header}
    for columns, what, add in KINDS:
        if columns <= lower:
            odd = f" ({', '.join(unknown)} are no genes unless called gene:NAME)" if unknown else ""
            return f"{display_name!r} has no gene columns: it is {what}, without counts{odd}; add {add}."
    some = f" and metadata ({', '.join(metadata[:4])})" if metadata else ""
    if find_pair(header, (*XY_NAMES, *INDEX_NAMES)):
        return (
            f"{display_name!r} has no gene columns: it holds coordinates{some} only; add a table of counts "
            "of these spots, or columns of numbers, one a gene."
        )
    return (
        f"{display_name!r} has no coordinates and no gene columns: it holds metadata of spots only "
        f"({', '.join(metadata[:4])}); add the table of counts and the one of positions."
    )


def of_cells(header: list[str]) -> bool:
    """Whether a table has the columns that a maker's table of cells has."""
    lower = {h.lower() for h in header}
    return any(columns <= lower and what.startswith(CELLS) for columns, what, _ in KINDS)
