"""Files that are not read: recognised by content, then by name, each with the way to one that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import h5py

from s2s_core.errors import S2SError
from s2s_core.readers.archives import ENDINGS
from s2s_core.readers.source import Source, is_hdf5

# Of a folder at most so many files are looked at.
LOOKED_AT = 500
# R's own lines that write what is read here, of a Seurat object x.
SEURAT = (
    'write.csv(t(as.matrix(GetAssayData(x, layer = "counts"))), "counts.csv"); '
    'write.csv(GetTissueCoordinates(x), "positions.csv")'
)
TABLE = "save the sheet as CSV (one row a spot, columns x and y and one a gene)"
COUNTS = "give the folder of the counts it belongs to (Space Ranger: outs)"
LAYOUT = "write it with AnnData's write_h5ad(), with counts in X and coordinates in obsm['spatial']"


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes
    ----------
    what : str
        What it is, after "is".
    way : str
        What to do; ``{name}`` is the file's name.
    endings : tuple of str
        Of names, in small letters.
    magic : regular expression or None
        How its content begins, gunzipped.
    """

    what: str
    way: str
    endings: tuple[str, ...] = ()
    magic: re.Pattern | None = None


def _starts(pattern: bytes) -> re.Pattern:
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)


# The first that fits is told; contents of every kind before names of any.
KINDS = (
    Kind(
        "an R workspace",
        f'in R: x <- get(load("{{name}}")[1]); {SEURAT} (of a Seurat object), and give both tables',
        (".rdata", ".rda"),
        _starts(rb"RD[AXB][234]\n"),
    ),
    Kind(
        "an R object",
        f'in R: x <- readRDS("{{name}}"); {SEURAT} (of a Seurat object), and give both tables',
        (".rds",),
        _starts(rb"(X\n\0\0\0[23]|A\n[23]\n|B\n[\x02\x03]\0\0\0)"),
    ),
    Kind(
        "an R object that the package qs wrote",
        f'in R: x <- qs::qread("{{name}}"); {SEURAT}, and give both tables',
        (".qs", ".qs2"),
        _starts(rb"\x0b\x0e\x0a[\x0b\x0c\x0d\xc1]"),
    ),
    Kind("an old Excel sheet", TABLE, (".xls",), _starts(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    Kind("a spreadsheet", TABLE, (".xlsx", ".xlsm", ".ods")),
    Kind(
        "a matrix without names of its spots and genes",
        "give it with barcodes.tsv and features.tsv "
        "(or genes.tsv) beside it, called matrix.mtx, and spatial/tissue_positions.csv",
        (".mtx", ".mtx.gz"),
        _starts(rb"%%MatrixMarket"),
    ),
    Kind(
        "a TIFF image",
        f"an image holds no counts: {COUNTS}",
        (".tif", ".tiff", ".btf", ".svs"),
        _starts(rb"(II[*+]\0|MM\0[*+])"),
    ),
    Kind(
        "an image",
        f"an image holds no counts: {COUNTS}",
        (".png", ".jpg", ".jpeg"),
        _starts(rb"(\x89PNG\r\n|\xff\xd8\xff)"),
    ),
    Kind(
        "a file of aligned reads",
        "give the counts that were made of it (Space Ranger: the folder outs)",
        (".bam", ".cram", ".sam"),
        _starts(rb"(BAM\x01|CRAM[\x02\x03])"),
    ),
    Kind(
        "a file of raw reads",
        "count them first (10x: spaceranger count) and give the folder outs",
        (".fastq", ".fq", ".fastq.gz", ".fq.gz"),
        _starts(rb"@[^\n]+\n[ACGTN.]+\r?\n\+[^\n]*\n"),
    ),
    Kind(
        "a file of Loupe Browser",
        "it cannot be read outside of it; give the folder outs of the same run "
        "(filtered_feature_bc_matrix.h5 and spatial)",
        (".cloupe",),
    ),
    Kind(
        "a 7z archive",
        "unpack it and give the folder, or a zip of it",
        (".7z",),
        _starts(rb"7z\xbc\xaf\x27\x1c"),
    ),
    Kind(
        "a RAR archive",
        "unpack it and give the folder, or a zip of it",
        (".rar",),
        _starts(rb"Rar!\x1a\x07"),
    ),
    Kind(
        "packed by zstd",
        "unpack it first (zstd -d {name})",
        (".zst",),
        _starts(rb"\x28\xb5\x2f\xfd"),
    ),
    Kind(
        "an array of numpy",
        f"it names neither spots nor genes: {LAYOUT}",
        (".npy", ".npz"),
        _starts(rb"\x93NUMPY"),
    ),
    Kind(
        "a pickle of Python, which may run programs and is never opened",
        f"in Python, where you trust it: {LAYOUT}",
        (".pkl", ".pickle", ".p"),
        _starts(rb"\x80[\x02-\x05](\x95|[c}\](K.\x8cq])"),
    ),
    Kind(
        "a file of MATLAB",
        "write its counts and coordinates as CSV (writetable), one row a spot",
        (".mat",),
        _starts(rb"MATLAB [57]"),
    ),
    Kind(
        "a database (SQLite)",
        "export its counts as CSV, one row a spot with x and y",
        (".db", ".sqlite"),
        _starts(rb"SQLite format 3\0"),
    ),
    Kind(
        "an Arrow (Feather) table",
        'in Python: pandas.read_feather("{name}").to_parquet("table.parquet")',
        (".feather", ".arrow"),
        _starts(rb"(ARROW1|FEA1)"),
    ),
    Kind("an archive, deeper in others than is looked", "unpack it and give the folder", ENDINGS),
    Kind(
        "a report",
        f"a report holds no counts: {COUNTS}",
        (".html", ".pdf"),
        _starts(rb"(\s*<(!doctype html|html)|%PDF-)"),
    ),
)
# HDF5 files are told by what they hold: names that must all be at the top, and the kind.
HDF5 = (
    (
        ("assays", "cell.names"),
        Kind(
            "a Seurat object (h5Seurat)",
            f'in R: x <- SeuratDisk::LoadH5Seurat("{{name}}"); {SEURAT}, and give both tables',
        ),
    ),
    (
        ("mod",),
        Kind(
            "a MuData file of several kinds of data",
            'in Python: mudata.read("{name}").mod["rna"]'
            '.write_h5ad("rna.h5ad") with the name of its genes for rna, and give that',
        ),
    ),
    (
        ("barcode_idx", "umi"),
        Kind(
            "10x's list of single molecules (molecule_info)",
            "give filtered_feature_bc_matrix.h5 and the folder spatial of the same run",
        ),
    ),
    (
        ("feature_slices",),
        Kind(
            "10x's file of slices of a Visium HD section",
            "give the folder binned_outputs of the same run",
        ),
    ),
)


def check(source: Source) -> None:
    """Refuse the one file (or the office file, which is a zip) that was handed in, where it is foreign.

    Raises
    ------
    S2SError
        What the file is, and what to export of it.
    """
    kind = _office(source)
    if kind is None and source.single:
        kind = _by_content(source, source.single)
    if kind is not None:
        raise S2SError(_sentence(kind, source.name))


def check_all(source: Source) -> None:
    """Refuse files among which no section was recognised, by the first that is foreign.

    Raises
    ------
    S2SError
    """
    names = source.names[:LOOKED_AT]
    for look in (_by_content, _by_name):
        for name in names:
            kind = look(source, name)
            if kind is None:
                continue
            if source.single:
                raise S2SError(_sentence(kind, source.name))
            raise S2SError(
                f"{source.name!r} holds no section that is recognised: "
                f"{_sentence(kind, source.display_name(name))}"
            )


def _sentence(kind: Kind, name: str) -> str:
    return f"{name!r} is {kind.what}, which is not read here; {kind.way.format(name=name)}."


def _office(source: Source) -> Kind | None:
    """What a zip is that other programs write as their own file."""
    names = set(source.names)
    workbook = "[Content_Types].xml" in names or any(n.startswith("xl/work") for n in names)
    if workbook or "content.xml" in names:
        return next(k for k in KINDS if ".xlsx" in k.endings)
    if names and all(n.endswith(".npy") for n in names) and source.name.lower().endswith(".npz"):
        return next(k for k in KINDS if ".npz" in k.endings)
    return None


def _by_content(source: Source, name: str) -> Kind | None:
    head = source.head(name, 2048)
    if is_hdf5(source, name):
        return _of_hdf5(source, name)
    # The first file of a matrix folder is ours to explain.
    if name.lower().endswith(("matrix.mtx", "matrix.mtx.gz")):
        return None
    return next((k for k in KINDS if k.magic is not None and k.magic.match(head)), None)


def _by_name(source: Source, name: str) -> Kind | None:
    lower = name.lower()
    found = next((k for k in KINDS if k.endings and lower.endswith(k.endings)), None)
    # An empty file is cut off, whatever its name says.
    return found if found is not None and source.head(name, 1) else None


def _of_hdf5(source: Source, name: str) -> Kind | None:
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            top = set(file)
    except (OSError, RuntimeError, KeyError):
        return None
    return next((kind for groups, kind in HDF5 if set(groups) <= top), None)


def unknown_hdf5(source: Source) -> None:
    """Refuse the one file where it is sound HDF5 of a layout that nothing here knows.

    Raises
    ------
    S2SError
    """
    if source.single is None or not is_hdf5(source, source.single):
        return
    try:
        with h5py.File(source.hdf5(source.single), "r") as file:
            top = ", ".join(sorted(file)[:6])
    except (OSError, RuntimeError, KeyError):
        return
    raise S2SError(
        f"{source.name!r} is an HDF5 file of no layout that is read here (at its top it holds "
        f"{top or 'nothing'}); {LAYOUT}."
    )
