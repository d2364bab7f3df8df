"""Files that hold no section as they are: what each is, and the line that makes one of it.

A new kind is one line of KINDS. The content is looked at first, the name second.
"""

from __future__ import annotations

from dataclasses import dataclass

import h5py

from s2s_core.errors import S2SError
from s2s_core.readers.source import Source, is_hdf5

HEAD = 4096
# xz, bzip2, zstd.
PACKINGS = (b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd")
SEURAT = (
    'in R, write.csv(t(as.matrix(Seurat::GetAssayData(x, layer = "counts"))), "counts.csv") and '
    'write.csv(Seurat::GetTissueCoordinates(x), "positions.csv") make two tables; give both'
)
SHEET = "save the sheet as CSV (File, Save as), or in R or Python write it with write.csv or to_csv"
READS = "give what Space Ranger or the instrument's software counted from them (its folder outs)"
PICTURE = "give the counts and positions of the spots; tissue_hires_image.png may lie beside them"
ARCHIVE = "unpack it first, then give the files or a zip of them"


@dataclass(frozen=True)
class Kind:
    """One kind of foreign file.

    Attributes
    ----------
    what : str
        What a sentence calls it.
    out : str
        The way out of it.
    magic : tuple of bytes
        How its content begins.
    endings : tuple of str
        How its name ends, in small letters.
    groups : frozenset of str
        In HDF5: parts that are all there.
    aside : bool
        Lies in the folders of sections: of several files it is not what is wrong.
    packed : bool
        Is a zip itself: what is in it is no file of the user's.
    """

    what: str
    out: str
    magic: tuple[bytes, ...] = ()
    endings: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    aside: bool = False
    packed: bool = False


KINDS = (
    Kind("an R object", SEURAT, (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\0\0\0", b"A\n2\n", b"A\n3\n"),
         (".rds", ".rda", ".rdata", ".qs", ".qs2", ".robj")),
    Kind("a Seurat object (h5Seurat)", f'after x <- SeuratDisk::LoadH5Seurat("FILE"), {SEURAT}',
         (), (".h5seurat",), frozenset({"assays", "cell.names"})),
    Kind("a MuData file", "in Python, mudata.read_h5mu('FILE').mod['rna'].write_h5ad('rna.h5ad') makes a file "
         "that is read", (), (".h5mu",), frozenset({"mod", "obs", "var"})),
    Kind("a Stereo-seq GEF", "saw convert gef2gem --gef FILE --bin-size 1 --gem out.gem makes a GEM, which is read",
         (), (".gef",), frozenset({"geneExp"})),
    Kind("a Stereo-seq GEF of cells", "saw convert gef2h5ad --gef FILE --h5ad out.h5ad makes an .h5ad, which is read",
         (), (".cgef",), frozenset({"cellBin"})),
    Kind("10x molecule information", "give filtered_feature_bc_matrix.h5 and the folder spatial of the same run",
         (), ("molecule_info.h5",), frozenset({"barcode_idx", "umi"})),
    Kind("a 10x feature slice", "give the folder binned_outputs of the same run", (), ("feature_slice.h5",),
         frozenset({"feature_slices"})),
    Kind("a Loupe Browser file", "give the folder outs of the run (filtered_feature_bc_matrix.h5 and spatial)",
         (), (".cloupe", ".loupe", ".vloupe")),
    Kind("an Excel workbook", SHEET, (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), (".xlsx", ".xls", ".xlsm", ".xlsb", "xl/workbook.xml"), packed=True),
    Kind("an OpenDocument file", SHEET, (b"application/vnd.oasis.opendocument",), (".ods", ".odt"), packed=True),
    Kind("an alignment of reads (BAM)", READS, (b"BAM\1", b"CRAM", b"@HD\t"), (".bam", ".cram", ".sam", ".bai")),
    Kind("a file of sequencing reads (FASTQ)", READS, (),
         (".fastq", ".fq", ".fastq.gz", ".fq.gz", ".bcl", ".sra")),
    Kind("a matrix in Matrix Market form without its names",
         "give matrix.mtx.gz with barcodes.tsv.gz, features.tsv.gz and the table of positions",
         (b"%%MatrixMarket",), (".mtx", ".mtx.gz")),
    Kind("a picture", PICTURE, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG", b"\xff\xd8\xff", b"%PDF"),
         (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".svs", ".ndpi", ".czi", ".btf", ".pdf"), aside=True),
    Kind("a Python object (pickle)", "it can run code when it is opened and never is; in Python, write the AnnData with "
         "adata.write_h5ad('section.h5ad')", (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"), (".pkl", ".pickle", ".joblib", ".pt")),
    Kind("a numpy array", "in Python, pandas.DataFrame(array, spots, genes).to_csv('counts.csv') names its spots and "
         "genes; give the table of positions with it", (b"\x93NUMPY",), (".npy", ".npz")),
    Kind("an Arrow table", "in Python, pandas.read_feather('FILE').to_parquet('table.parquet') makes a table that is "
         "read", (b"ARROW1", b"FEA1"), (".feather", ".arrow")),
    Kind("a MATLAB file", "write its counts and positions as two CSV tables (writetable)", (b"MATLAB 5.0",), (".mat",)),
    Kind("a database", "write its counts and positions as two CSV tables", (b"SQLite format 3\0",), (".sqlite", ".db", ".tiledb")),
    Kind("a web page", "give the data it shows: web_summary.html of a run lies in the folder outs with it",
         (b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML"), (".html", ".htm"), aside=True),
    Kind("an archive (7z)", ARCHIVE, (b"7z\xbc\xaf\x27\x1c",), (".7z",)),
    Kind("an archive (RAR)", ARCHIVE, (b"Rar!\x1a\7",), (".rar",)),
    Kind("an archive in another", ARCHIVE, (b"PK\3\4",), (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")),
    Kind("compressed with xz, bzip2 or zstd", "save it again with gzip, or unpack it first",
         (), (".xz", ".bz2", ".zst")),
)  # fmt: skip


def check(source: Source) -> None:
    """Say what a file is, where no reader reads it and it is known.

    Of several files the first that is known is named.

    Raises
    ------
    S2SError
    """
    for of in (_by_groups, _by_content, _by_name, _by_packing):
        for name in source.names:
            kind = of(source, name)
            if kind is not None and not (kind.aside and source.single is None):
                raise error(source, name, kind)


def error(source: Source, name: str, kind: Kind) -> S2SError:
    """Sentence about a file of a kind."""
    spoken = source.name if kind.packed else source.spoken(name)
    out = kind.out.replace("FILE", name.rsplit("/", 1)[-1])
    return S2SError(f"{spoken!r} is {kind.what}, which is not read here: {out}.")


def by_groups(file: h5py.File) -> Kind | None:
    """Kind of an HDF5 file."""
    return next((k for k in KINDS if k.groups and k.groups <= set(file)), None)


def _by_groups(source: Source, name: str) -> Kind | None:
    if not is_hdf5(source, name):
        return None
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            return by_groups(file)
    except (OSError, RuntimeError, KeyError):
        return None


def _by_content(source: Source, name: str) -> Kind | None:
    head = source.head(name, HEAD)
    if _is_reads(head):
        return next(k for k in KINDS if ".fastq" in k.endings)
    return next((k for k in KINDS if k.magic and head.startswith(k.magic)), None)


def _by_packing(source: Source, name: str) -> Kind | None:
    # After the name: R packs its objects so.
    return KINDS[-1] if source.head(name, 6).startswith(PACKINGS) else None


def _is_reads(head: bytes) -> bool:
    lines = head.split(b"\n")
    return head.startswith(b"@") and len(lines) > 3 and lines[2].startswith(b"+")


def _by_name(source: Source, name: str) -> Kind | None:
    if is_hdf5(source, name) and not any(k.groups and name.lower().endswith(k.endings) for k in KINDS):
        return None
    return next((k for k in KINDS if k.endings and name.lower().endswith(k.endings)), None)
