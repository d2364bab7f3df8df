"""Files as instruments write them. Where no real file is at hand the format is made, faithfully
to its public documentation (tests/made_files.py); the tests named real_ read real ones.
"""

import numpy as np
import pandas as pd
import pytest

import s2s_core as s2s
from s2s_core.errors import S2SError
from s2s_core.readers import READERS, read
from s2s_core.readers.source import open_source
from tests import made_files as made
from tests.made import made_table


def spot_counts(section) -> pd.DataFrame:
    spots = section.origin == "spot"
    return pd.DataFrame(
        section.counts.toarray()[spots], index=section.spot_ids[spots], columns=section.genes
    )


def notes(section) -> str:
    return " ".join(section.notes)


# --- Space Ranger ------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", ["header", "list", "parquet"])
@pytest.mark.parametrize("matrix", ["h5", "mtx"])
@pytest.mark.parametrize("raw", [False, True])
def test_space_ranger_keeps_every_tissue_spot_with_its_counts(tmp_path, positions, matrix, raw):
    folder = made.space_ranger(tmp_path / "run", positions=positions, matrix=matrix, raw=raw)
    section = read(folder)
    counts, places = made.visium_truth()
    inside = places["in_tissue"] == 1
    truth = pd.DataFrame(counts, index=places["barcode"])[inside.to_numpy()]
    found = spot_counts(section)
    assert section.grid.kind == "hex"
    assert sorted(found.index) == sorted(truth.index)
    assert np.array_equal(found.loc[truth.index].to_numpy(), truth.to_numpy())
    where = places.set_index("barcode").loc[found.index]
    spots = section.origin == "spot"
    assert section.array_index[0][spots].tolist() == where["array_row"].tolist()
    assert section.array_index[1][spots].tolist() == where["array_col"].tolist()
    xy = where[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy()
    assert np.array_equal(section.xy[spots], xy)
    assert section.var["gene_ids"].tolist() == [f"ENSG{i:011d}" for i in range(6)]


def test_the_first_spot_of_a_list_without_header_is_a_spot(tmp_path):
    folder = made.space_ranger(tmp_path / "run", positions="list")
    path = folder / "outs/spatial/tissue_positions_list.csv"
    lines = path.read_text().splitlines()
    # The spot that stands first is inside the tissue.
    path.write_text("\n".join(sorted(lines, key=lambda line: line.split(",")[1] == "0")))
    assert (read(folder).origin == "spot").sum() == 110


@pytest.mark.parametrize("shape", ["outs", "zip", "zip of outs", "flat", "list"])
def test_space_ranger_is_found_however_it_is_handed_in(tmp_path, shape):
    folder = made.space_ranger(tmp_path / "run")
    given = {
        "outs": lambda: folder / "outs",
        "zip": lambda: made.zipped(folder),
        "zip of outs": lambda: made.zipped(folder / "outs"),
        "flat": lambda: made.flat(folder, tmp_path / "flat"),
        "list": lambda: sorted(made.flat(folder, tmp_path / "flat").iterdir()),
    }[shape]()
    section, whole = read(given), read(folder)
    assert (section.counts != whole.counts).nnz == 0
    assert section.spot_ids.tolist() == whole.spot_ids.tolist()
    assert set(section.uns["spatial"]) == {"made_library"}


def test_files_of_a_repository_with_a_prefix(tmp_path):
    flat = made.flat(made.space_ranger(tmp_path / "run", matrix="mtx"), tmp_path / "flat")
    for path in list(flat.iterdir()):
        path.rename(flat / f"GSM123_A1_{path.name}")
    assert (read(flat).origin == "spot").sum() == 110
    for path in list(flat.iterdir()):
        (flat / path.name.replace("A1", "B1")).write_bytes(path.read_bytes())
    with pytest.raises(S2SError, match="holds 2 sections"):
        read(flat)


def test_the_tissue_image_is_kept_in_scanpys_layout(tmp_path):
    section = read(made.space_ranger(tmp_path / "run"))
    layout = section.uns["spatial"]["made_library"]
    assert layout["images"]["hires"].shape == (60, 60, 3)
    assert layout["images"]["lowres"].shape == (15, 15, 3)
    assert layout["images"]["hires"][10, 20].tolist() == [30, 15, 10]
    assert layout["scalefactors"] == made.SCALES
    assert layout["metadata"]["chemistry_description"] == "Spatial 3' v1"


def test_the_tissue_image_and_columns_survive_the_way_through_h5ad(tmp_path):
    section = read(made.space_ranger(tmp_path / "run"))
    again = read(made.write_h5ad(section.to_anndata(), tmp_path / "out.h5ad"))
    layout = again.uns["spatial"]["made_library"]
    assert np.array_equal(
        layout["images"]["hires"], section.uns["spatial"]["made_library"]["images"]["hires"]
    )
    assert layout["scalefactors"] == made.SCALES
    assert {"in_tissue", "pxl_row_in_fullres"} <= set(again.obs)
    assert np.array_equal(again.xy[again.origin == "spot"], section.xy[again.origin == "spot"])


def test_scanpy_plots_spots_on_the_image(tmp_path):
    scanpy = pytest.importorskip("scanpy", reason="scanpy comes with the benchmark's requirements")
    import matplotlib as mpl

    mpl.use("Agg")
    adata = read(made.space_ranger(tmp_path / "run")).to_anndata()
    axes = scanpy.pl.spatial(adata, color="Gene1", show=False)
    assert axes[0].get_images()[0].get_array().shape == (60, 60, 3)


def test_counts_without_positions_or_with_those_of_another_section(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    with pytest.raises(S2SError, match="has counts but no positions"):
        read(folder / "outs/filtered_feature_bc_matrix.h5")
    path = folder / "outs/spatial/tissue_positions.csv"
    path.write_text(path.read_text().replace("AAAC", "TTTG"))
    with pytest.raises(S2SError, match="files of one section"):
        read(folder)


def test_a_missing_part_of_the_matrix_folder_is_named(tmp_path):
    folder = made.space_ranger(tmp_path / "run", matrix="mtx")
    (folder / "outs/filtered_feature_bc_matrix/features.tsv.gz").unlink()
    with pytest.raises(S2SError, match=r"features\.tsv\.gz.* is missing"):
        read(folder)


def test_a_damaged_image_costs_only_itself(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    (folder / "outs/spatial/tissue_hires_image.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    section = read(folder)
    assert set(section.uns["spatial"]["made_library"]["images"]) == {"lowres"}
    assert "tissue_hires_image.png" in notes(section)


def test_names_that_occur_twice_are_numbered_and_other_features_left_out(tmp_path):
    folder = made.space_ranger(tmp_path / "run", names=["G", "H", "G", "G-1", "G", "K"])
    section = read(folder)
    assert section.genes.tolist() == ["G", "H", "G-2", "G-1", "G-3", "K"]
    assert "1 gene name occurs more than once" in notes(section)
    counts, places = made.visium_truth()
    inside = places["in_tissue"].to_numpy() == 1
    made.write_10x_h5(
        folder / "outs/filtered_feature_bc_matrix.h5", counts[inside], places["barcode"][inside],
        list("ABCDEF"), ["Gene Expression"] * 5 + ["Antibody Capture"],
    )  # fmt: skip
    section = read(folder)
    assert section.genes.tolist() == list("ABCDE")
    assert "Antibody Capture" in notes(section)


# --- Visium HD --------------------------------------------------------------------------------


def test_visium_hd_takes_bins_of_16_um_and_says_so(tmp_path):
    section = read(made.visium_hd(tmp_path / "hd"))
    assert section.grid.kind == "bins"
    assert section.grid.shape == (12, 11)
    assert section.known.all()
    assert "Bins of 16 um were read" in notes(section)
    assert section.uns["bin_size_um"] == 16.0
    assert section.uns["spatial"]["made_library"]["scalefactors"]["bin_size_um"] == 16.0


@pytest.mark.parametrize(("size", "shape"), [(8, (24, 23)), (16, (12, 11)), (32, (6, 6))])
def test_visium_hd_bins_can_be_chosen_and_joined(tmp_path, size, shape):
    folder = made.visium_hd(tmp_path / "hd")
    section = read(folder, bin_size=size)
    assert section.grid.shape == shape
    assert f"Bins of {size} um" in notes(section)
    # 16 um bins off the tissue hold counts of 8 um bins on it.
    if size > 8:
        assert section.counts.sum() == read(folder).counts.sum()
    with pytest.raises(S2SError, match="cannot be made of bins of 8, 16 um"):
        read(folder, bin_size=12)


def test_one_folder_of_visium_hd_is_enough(tmp_path):
    folder = made.visium_hd(tmp_path / "hd") / "binned_outputs/square_008um"
    for given in (folder, made.zipped(folder), made.flat(folder, tmp_path / "flat")):
        section = read(given)
        assert section.grid.shape == (12, 12)
        assert "sum of up to 4 bins of 8 um" in notes(section)


# --- cells ------------------------------------------------------------------------------------


def check_cells(section, scale: float = 1.0) -> None:
    """Each pixel holds the genes of its cells and no control probe."""
    counts, _, xy = made.cells_truth()
    assert section.grid.kind == "bins"
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    size = section.grid.pitch
    pixel = np.floor((xy - xy.min(0)) * scale / size).astype(int)
    truth = np.zeros((*section.grid.shape, 6))
    np.add.at(truth, (pixel[:, 1], pixel[:, 0]), counts[:, :6])
    found = np.zeros_like(truth)
    found[section.row, section.col] = section.counts.toarray()
    assert np.array_equal(found, truth)
    assert "points a pixel" in notes(section)
    assert "of the pixels inside the tissue are empty" in notes(section)


@pytest.mark.parametrize("cells", ["parquet", "csv.gz"])
@pytest.mark.parametrize("matrix", ["h5", "mtx"])
def test_xenium_cells(tmp_path, cells, matrix):
    folder = made.xenium(tmp_path / "x", cells=cells, matrix=matrix)
    section = read(folder)
    check_cells(section)
    assert "3 features that are no genes" in notes(section)
    check_cells(read(folder, bin_size=25.0))
    assert (read(made.zipped(folder)).counts != section.counts).nnz == 0


def test_xenium_transcripts_alone(tmp_path):
    table = made.molecules()
    good = table[(table["qv"] >= 20) & ~table["feature_name"].isin(made.CONTROLS)]
    table.to_parquet(tmp_path / "transcripts.parquet")
    table.to_csv(tmp_path / "transcripts.csv.gz", index=False)
    for name in ("transcripts.parquet", "transcripts.csv.gz"):
        section = read(tmp_path / name, bin_size=20.0)
        assert section.grid.kind == "bins"
        assert section.counts.sum() == len(good)
        per_gene = good["feature_name"].value_counts()
        assert dict(zip(section.genes, section.counts.sum(0).A1, strict=True)) == dict(per_gene)
        assert "quality below 20" in notes(section)
        assert "3 control probes" in notes(section)
    # A folder without cells falls back to them.
    assert read(made.xenium(tmp_path / "x", cells="none", transcripts=True)).grid.kind == "bins"
    with pytest.raises(S2SError, match="add cells"):
        read(made.xenium(tmp_path / "y", cells="none"))


def test_vizgen_cells(tmp_path):
    folder = made.vizgen(tmp_path / "v")
    section = read(folder)
    check_cells(section)
    assert "3 control probes (such as Blank-1" in notes(section)
    (folder / "cell_metadata.csv").unlink()
    with pytest.raises(S2SError, match="add cell_metadata"):
        read(folder)


def test_cosmx_cells_are_joined_by_view_and_number(tmp_path):
    folder = made.cosmx(tmp_path / "c")
    section = read(folder)
    check_cells(section, scale=8.0)
    assert "2 rows of counts outside every cell" in notes(section)
    assert "SystemControl" in notes(section) or "NegPrb" in notes(section)
    (folder / "Run1_metadata_file.csv").unlink()
    with pytest.raises(S2SError, match="metadata_file"):
        read(folder)


def test_slide_seq_beads(tmp_path):
    section = read(made.slide_seq(tmp_path / "s"))
    check_cells(section)
    assert "Rows of the table are genes" in notes(section)


@pytest.mark.parametrize("name", ["a.gem", "a.gem.gz", "a.tsv"])
@pytest.mark.parametrize("column", ["MIDCount", "MIDCounts", "UMICount"])
def test_stereo_seq(tmp_path, name, column):
    section = read(made.gem(tmp_path / name, column), bin_size=40.0)
    counts, _, xy = made.cells_truth()
    place = np.floor(xy * 2).astype(int) + 5000
    pixel = (place - place[counts[:, :6].any(1)].min(0)) // 40
    truth = np.zeros((*section.grid.shape, 6))
    np.add.at(truth, (pixel[:, 1], pixel[:, 0]), counts[:, :6])
    found = np.zeros_like(truth)
    order = [section.genes.get_loc(f"Gene{g}") for g in range(6)]
    found[section.row, section.col] = section.counts.toarray()[:, order]
    assert np.array_equal(found, truth)
    assert "chosen size" in notes(section)


def test_a_proposed_pixel_holds_a_fair_number_of_molecules(tmp_path):
    section = read(made.gem(tmp_path / "a.gem"))
    per_pixel = section.counts.sum() / section.n_positions
    assert 10 < per_pixel < 40
    assert "proposed size" in notes(section)


# --- Spatial Transcriptomics v1 ---------------------------------------------------------------


@pytest.mark.parametrize("decimals", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_st_v1_in_either_orientation(tmp_path, decimals, across):
    section = read(made.st_v1(tmp_path / "st", decimals=decimals, across=across))
    counts, _, var, _, (row, col) = made_table("square", 10, 12, row0=4, col0=7)
    assert section.grid.kind == "square"
    assert section.genes.tolist() == var.index.tolist()
    order = np.lexsort(section.array_index[::-1])
    assert section.array_index[0][order].tolist() == row.tolist()
    assert section.array_index[1][order].tolist() == col.tolist()
    assert np.array_equal(section.counts.toarray()[order], counts)
    if decimals:
        assert section.xy[order][0] == pytest.approx([7.04, 3.985])


@pytest.mark.parametrize("decimals", [False, True])
def test_st_v1_with_a_selection_file(tmp_path, decimals):
    section = read(made.st_v1(tmp_path / "st", decimals=decimals, selection=True))
    assert section.n_positions == 110
    assert section.array_index[1].min() == 8
    assert section.xy[:, 0].min() == pytest.approx(8 * 290.5)
    assert "10 spots" in notes(section)


# --- tables in two files, Parquet ---------------------------------------------------------------


@pytest.mark.parametrize("across", [True, False])
def test_counts_and_positions_in_two_tables(tmp_path, across):
    folder = made.pair(tmp_path / "p", across=across)
    table = made.spots_table()
    for given in (folder, made.zipped(folder), sorted(folder.iterdir())):
        section = read(given)
        assert section.grid.kind == "hex"
        assert section.spot_ids.tolist() == table.index.tolist()
        assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy())
        assert section.xy == pytest.approx(table[["x", "y"]].to_numpy())


def test_two_tables_of_different_spots(tmp_path):
    folder = made.pair(tmp_path / "p")
    text = (folder / "positions.csv").read_text()
    (folder / "positions.csv").write_text(text.replace("AAAC", "CCCA"))
    with pytest.raises(S2SError, match="have no spot in common"):
        read(folder)


def test_names_as_r_changes_them_still_match(tmp_path):
    folder = made.pair(tmp_path / "p")
    text = (folder / "counts.csv").read_text().replace("-1", ".1")
    (folder / "counts.csv").write_text(text)
    assert read(folder).n_positions == 120


@pytest.mark.parametrize("index", [True, False])
def test_parquet_tables(tmp_path, index):
    table = made.spots_table()
    table["region"] = "cortex"
    (table if index else table.reset_index()).to_parquet(tmp_path / "t.parquet")
    section = read(tmp_path / "t.parquet")
    assert section.spot_ids.tolist() == table.index.tolist()
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:-1].to_numpy())
    assert set(section.obs["region"]) == {"cortex"}


# --- AnnData ----------------------------------------------------------------------------------


def test_h5ad_counts_in_raw(tmp_path):
    adata = made.made_anndata()
    raw = adata.copy()
    adata.raw = raw
    adata = adata[:, :3].copy()
    adata.X = adata.X.log1p()
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.counts.toarray(), raw.X.toarray())
    assert len(section.genes) == 6
    assert "taken from raw (6 genes)" in notes(section)
    # Where raw is on a log scale too it is no better than X.
    adata.raw = None
    raw.X = raw.X.log1p()
    adata.raw = raw
    section = read(made.write_h5ad(adata, tmp_path / "b.h5ad"))
    assert section.is_log
    assert len(section.genes) == 3


def test_h5ad_symbols_take_the_place_of_ensembl_identifiers(tmp_path):
    adata = made.made_anndata()
    adata.var["feature_name"] = pd.Categorical(["MBP", "SNAP25", "MBP", "", "GFAP", "PLP1"])
    adata.var_names = [f"ENSMUSG{i:011d}" for i in range(6)]
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert section.genes.tolist() == [
        "MBP", "SNAP25", "MBP-1", "ENSMUSG00000000003", "GFAP", "PLP1",
    ]  # fmt: skip
    assert section.var["gene_ids"].tolist() == adata.var_names.tolist()
    assert "Genes are named by var['feature_name']" in notes(section)


def test_h5ad_with_columns_of_categories(tmp_path):
    adata = made.made_anndata()
    adata.obs["region"] = pd.Categorical(np.where(np.arange(120) < 50, "tumour", "stroma"))
    adata.obs["in_tissue"] = pd.Categorical(["1"] * 119 + ["0"])
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    spots = section.origin == "spot"
    assert spots.sum() == 119
    assert section.obs["region"][spots].tolist() == adata.obs["region"][:119].tolist()


def test_a_zarr_store_gets_directions(tmp_path):
    (tmp_path / "data.zarr").mkdir()
    (tmp_path / "data.zarr/zarr.json").write_text("{}")
    with pytest.raises(S2SError, match=r"spatialdata\.read_zarr\('data\.zarr'\)"):
        read(tmp_path / "data.zarr")


# --- any format --------------------------------------------------------------------------------

EVERY = {
    "space_ranger": made.space_ranger,
    "visium_hd": made.visium_hd,
    "xenium": made.xenium,
    "vizgen": made.vizgen,
    "cosmx": made.cosmx,
    "slide_seq": made.slide_seq,
    "stereo_seq": lambda folder: made.gem(folder / "a.gem.gz").parent,
    "st_v1": made.st_v1,
    "h5ad": lambda folder: made.write_h5ad(made.made_anndata(), folder / "a.h5ad").parent,
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


# --- real files ---------------------------------------------------------------------------------


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
