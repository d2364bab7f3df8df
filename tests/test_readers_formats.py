"""What holds for every format; the tests named real_ read real files."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import s2s_core as s2s
from s2s_core.cli.main import main
from s2s_core.readers import READERS, read
from s2s_core.readers.source import open_source
from tests import made_cells, made_kinds, made_zarr
from tests import made_files as made

pytestmark = pytest.mark.slow

EVERY = {
    "space_ranger": made.space_ranger,
    "visium_hd": made.visium_hd,
    "visium_hd_cells": made_kinds.segmented,
    "xenium": made_cells.xenium,
    "vizgen": made_cells.vizgen,
    "cosmx": made_cells.cosmx,
    "curio": made_cells.curio,
    "slide_seq": made_cells.slide_seq,
    "stereo_seq": lambda folder: made_cells.gem(folder / "a.gem.gz").parent,
    "gef": lambda folder: made_kinds.gef(folder / "a.gef").parent,
    "st_v1": made_cells.st_v1,
    "loom": lambda folder: made_kinds.loom(folder / "a.loom").parent,
    "h5ad": lambda folder: made.write_h5ad(made.made_anndata(), folder / "a.h5ad").parent,
    "spatialdata": made_zarr.spatialdata,
    "table": made.pair,
}


def test_every_reader_has_its_files():
    assert set(EVERY) == set(READERS)


@pytest.mark.parametrize("name", EVERY)
def test_every_format_is_recognised_as_folder_and_zip(tmp_path, name):
    folder = EVERY[name](tmp_path / "section")
    by_itself = read(folder)
    for given in (folder, made.zipped(folder)):
        with open_source(given) as source:
            assert next(n for n, r in READERS.items() if r.sniff(source)) == name
        section = read(given, technology=name)
        assert (section.counts != by_itself.counts).nnz == 0
    with open_source(folder) as source:
        recognised = {n for n, reader in READERS.items() if reader.sniff(source)}
    # Tables are files of many formats, and matrices of 10x belong to three technologies.
    assert recognised - {"table"} <= {name, "space_ranger"}


@pytest.mark.parametrize("name", ["space_ranger", "vizgen", "st_v1"])
def test_what_was_read_can_be_imputed(tmp_path, name):
    section = s2s.sample(read(EVERY[name](tmp_path / "section")), "lattice:2")
    result = s2s.impute(section, method="linear", genes=["Gene0", "Gene1"])
    assert result.imputed.shape == (section.n_positions, 2)
    assert np.isfinite(result.imputed).all()


def test_the_command_line_takes_a_folder(tmp_path, capsys):
    folder = EVERY["space_ranger"](tmp_path / "section")
    words = [
        "impute",
        str(folder),
        "--mask",
        "lattice:2",
        "--method",
        "linear",
        "--compare",
        "none",
        "--technology",
        "space_ranger",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    assert (tmp_path / "out" / "imputed.parquet").is_file()
    assert "tissue image is kept" in capsys.readouterr().err


@pytest.mark.parametrize("n", [1, 20_000])
@pytest.mark.parametrize("form", ["csv", "across", "parquet", "h5ad", "zarr", "10x", "mtx"])
def test_one_gene_and_a_whole_transcriptome(tmp_path, n, form):
    counts, places = made.visium_truth(6, 8)
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.3, (len(places), n)).astype(np.float32)
    genes = [f"Gene{g}" for g in range(n)]
    spots = places.rename(columns={"pxl_col_in_fullres": "x", "pxl_row_in_fullres": "y"})
    spots = spots.set_index("barcode")[["x", "y", "array_row", "array_col"]]
    path = tmp_path / "section"
    table = pd.concat([spots, pd.DataFrame(counts, spots.index, genes)], axis=1)
    if form == "csv":
        path = tmp_path / "t.csv"
        table.to_csv(path)
    elif form == "parquet":
        path = tmp_path / "t.parquet"
        table.to_parquet(path)
    elif form == "across":
        path.mkdir()
        pd.DataFrame(counts, spots.index, genes).T.to_csv(path / "counts.csv")
        spots.to_csv(path / "positions.csv")
    elif form in ("h5ad", "zarr"):
        # One gene: the indices of a sparse matrix are all zero, and Zarr keeps no zeros.
        values = counts if form == "h5ad" else sparse.csr_matrix(counts)
        adata = ad.AnnData(values, obs=spots, var=pd.DataFrame(index=genes))
        write = made.write_h5ad if form == "h5ad" else made_zarr.write_zarr
        path = write(adata, tmp_path / f"a.{form}")
    else:
        made.write_spatial(path / "spatial", places.assign(in_tissue=1), "header")
        if form == "10x":
            made.write_10x_h5(path / "filtered_feature_bc_matrix.h5", counts, spots.index, genes)
        else:
            made.write_mtx(path / "filtered_feature_bc_matrix", counts, spots.index, genes)
    section = read(path)
    order = section.spot_ids.get_indexer(spots.index)
    assert section.genes.tolist() == genes
    assert np.array_equal(section.counts.toarray()[order], counts)
    assert section.grid.kind == "hex"


# --- real files


def real(data_dir, *parts):
    path = data_dir.joinpath("raw_formats", *parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not in the data folder")
    return path


def test_real_space_ranger_1(data_dir):
    section = read(real(data_dir, "spaceranger_v1_human_dlpfc_151510"))
    assert section.grid.kind == "hex"
    assert (section.origin == "spot").sum() == 4634
    assert len(section.genes) == 500
    assert section.counts.nnz == 1_112_107


def test_real_space_ranger_2_from_h5_and_from_matrix_market(data_dir, tmp_path):
    folder = real(data_dir, "spaceranger_v3_mouse_cytassist")
    section = read(folder)
    assert (section.origin == "spot").sum() == 2898
    assert section.counts.nnz == 1_069_459
    files = [*(folder / "filtered_feature_bc_matrix").iterdir(), *(folder / "spatial").iterdir()]
    again = read(files)
    assert (again.counts != section.counts).nnz == 0
    assert again.genes.tolist() == section.genes.tolist()


def test_real_st_v1(data_dir):
    counts = real(data_dir, "st_v1_counts", "her2_breast_G2.tsv.gz")
    selection = real(data_dir, "st_v1_counts", "her2_breast_G2_selection.tsv")
    alone, chosen = read(counts), read([counts, selection])
    assert (alone.origin == "spot").sum() == (chosen.origin == "spot").sum() == 467
    assert (alone.counts != chosen.counts).nnz == 0
    assert alone.xy.max() < 40 < chosen.xy.max()
    decimal = read(real(data_dir, "st_v1_counts", "mouse_olfactory_bulb_decimal_coords.tsv"))
    assert (decimal.origin == "spot").sum() == 262
    assert decimal.grid.kind == "square"


@pytest.mark.parametrize(
    ("name", "kind", "spots"),
    [
        ("visium_human_dlpfc_151510", "hex", 4634),
        ("visium_human_lymph_node_sparse1000", "hex", 1000),
        ("st1_human_breast_her2_E1", "square", 587),
        ("dbit_human_50x50", "square", 2172),
        ("xenium_human_breast_bin30um", "bins", 5567),
        ("iss_mouse_hippocampus_ca1_bin80px", "bins", 2673),
        ("osmfish_mouse_cortex_cells", "bins", None),
    ],
)
def test_real_sections(data_dir, name, kind, spots):
    path = data_dir / f"{name}.h5ad"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    section, adata = read(path), ad.read_h5ad(path)
    assert section.grid.kind == kind
    assert section.counts.sum() == pytest.approx(adata.X.sum())
    if spots is not None:
        real = section.origin == "spot"
        assert real.sum() == spots
        written = section.written_order[:spots]
        assert section.spot_ids[written].tolist() == adata.obs_names.tolist()
        assert section.array_index[0][written].tolist() == adata.obs["array_row"].tolist()
        assert section.array_index[1][written].tolist() == adata.obs["array_col"].tolist()


@pytest.mark.parametrize(
    ("name", "cells"),
    [("xenium_breast_small.csv", 2659), ("xenium_breast_region_cells.csv.gz", 8572)],
)
def test_real_tables_of_cells(data_dir, name, cells):
    path = data_dir / "raw_formats" / "cells_csv" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    section = read(path)
    assert len(section.genes) == 313
    assert section.obs["n_points"].sum() == cells
