"""What the columns of tables are: metadata among genes, tables without counts, molecules."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_files as made
from tests.made_files import spots_table

TABLE = spots_table("hex")
GENES = [f"Gene{g}" for g in range(6)]
SUMS = TABLE[GENES].sum(1)
RNG = np.random.default_rng(0)


def notes(section) -> str:
    return " ".join(section.notes)


def check(section) -> None:
    """The genes of the made table and no others, with their counts."""
    assert section.genes.tolist() == GENES
    found = section.counts.toarray()[section.spot_ids.get_indexer(TABLE.index)]
    assert np.array_equal(found, TABLE[GENES].to_numpy())


# --- metadata by name

BY_NAME = {
    "seurat": """nCount_Spatial nFeature_Spatial nCount_SCT percent.mt percent_ribo SCT_snn_res.0.8
        seurat_clusters S.Score G2M.Score Phase prediction.score.L4 integrated_snn_res.1""",
    "scanpy": """n_genes n_genes_by_counts log1p_n_genes_by_counts total_counts log1p_total_counts
        pct_counts_in_top_50_genes total_counts_mt pct_counts_mt leiden leiden_0.5 louvain n_counts
        doublet_score predicted_doublet X_umap_1""",
    "giotto": "nr_feats perc_feats total_expr leiden_clus",
    "merscope": """fov volume min_x max_x min_y max_y anisotropy transcript_count solidity
        perimeter_area_ratio DAPI_raw DAPI_high_pass PolyT_raw Cellbound1_raw""",
    "xenium": """transcript_counts control_probe_counts genomic_control_counts cell_area
        nucleus_area unassigned_codeword_counts nucleus_count""",
    "cosmx": """Area AspectRatio CenterX_local_px CenterY_local_px Width Height Mean.PanCK
        Max.DAPI Mean.CD45""",
}


@pytest.mark.parametrize("tool", BY_NAME)
@pytest.mark.parametrize("form", ["one", "pair"])
def test_metadata_of_other_tools_are_no_genes(tmp_path, tool, form):
    names = BY_NAME[tool].split()
    # Whole numbers, so that nothing but the name tells.
    about = pd.DataFrame(RNG.integers(0, 9, (120, len(names))), TABLE.index, names)
    table = pd.concat([TABLE[["x", "y"]], about, TABLE[GENES]], axis=1)
    if form == "one":
        table.to_csv(tmp_path / "t.csv")
    else:
        table.drop(columns=["x", "y"]).to_csv(tmp_path / "counts.csv")
        TABLE[["x", "y"]].to_csv(tmp_path / "positions.csv")
    # Views that lie on top of each other would be told apart.
    section = read(tmp_path, where="all")
    check(section)
    assert set(names) <= set(section.obs)
    assert section.obs[names].to_numpy(float) == pytest.approx(about.to_numpy())
    note = next(n for n in section.notes if n.startswith("Columns taken as metadata"))
    assert all(name in note for name in names)
    assert "by name" in note
    assert "call its column gene:NAME" in note


def test_genes_with_names_close_to_metadata_stay_genes(tmp_path):
    names = ["MAX", "MT-CO1", "LYVE1", "PHASER", "AREG", "SUMO1"]
    TABLE.set_axis(["x", "y", *names], axis=1).to_csv(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv").genes.tolist() == names


def test_a_marked_column_is_a_gene_whatever_it_looks_like(tmp_path):
    table = TABLE.rename(columns={"Gene5": "gene:Area"})
    table["gene:Odd"] = 7
    table.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == [*GENES[:5], "Area", "Odd"]


# --- metadata by nature

BY_NATURE = {
    "fractions": (RNG.random(120) * 9, "fractions, while the other columns are whole numbers"),
    "rows": (np.arange(1, 121), "numbers of the rows"),
    "rows from 0, shuffled": (RNG.permutation(120), "numbers of the rows"),
    "constant": (np.full(120, 3), "the same number everywhere"),
    "negative": (RNG.integers(-9, 9, 120), "negative numbers among counts"),
    "totals": (SUMS, "totals of the other columns"),
    "depth": (3 * SUMS + 10, "totals of the other columns"),
}


@pytest.mark.parametrize("kind", BY_NATURE)
def test_columns_that_hold_what_no_gene_does(tmp_path, kind):
    values, why = BY_NATURE[kind]
    name = kind if kind == "depth" else "what"
    TABLE.assign(**{name: np.asarray(values)}).to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    check(section)
    assert f"{name} ({why})" in notes(section)
    assert section.obs[name].to_numpy(float) == pytest.approx(np.asarray(values, float))


def test_totals_of_two_kinds_are_found_together(tmp_path):
    TABLE.assign(all=SUMS, nUMI_SCT=SUMS + 3).to_csv(tmp_path / "t.csv")
    check(read(tmp_path / "t.csv"))


def test_a_gene_larger_than_all_others_stays_a_gene_with_a_note(tmp_path):
    TABLE.assign(MALAT1=3 * SUMS + 10).to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == [*GENES, "MALAT1"]
    assert "'MALAT1' is larger than all other genes" in notes(section)
    assert "call its column total_counts" in notes(section)
    # Larger at half of the spots is nothing to speak of.
    some = np.where(np.arange(120) % 2, 3 * SUMS + 10, 0)
    TABLE.assign(INS=some, reads=some).to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == [*GENES, "INS", "reads"]
    assert "larger than all" not in notes(section)


def test_fractions_are_genes_where_all_have_them(tmp_path):
    logs = np.log1p(TABLE[GENES].div(SUMS, axis=0) * 1e4).assign(Silent=0, Still=0)
    pd.concat([TABLE[["x", "y"]], logs], axis=1).to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == [*GENES, "Silent", "Still"]
    assert section.is_log


def test_unmeasured_spots_say_nothing_of_a_column(tmp_path):
    table = TABLE.astype(float).assign(seen=[1, 0] * 60)
    table.iloc[1::2, 2:4] = RNG.normal(0, 1, (60, 2))
    table.to_csv(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv", measured="seen").genes.tolist() == GENES


# --- tables without counts

IDS = [f"{i}-1" for i in range(120)]
X, Y = TABLE["x"].to_numpy(), TABLE["y"].to_numpy()
COUNTLESS = {
    "cell_metadata.csv": (
        {
            "EntityID": IDS,
            "fov": 1,
            "volume": 9.5,
            "center_x": X,
            "center_y": Y,
            "min_x": X,
            "max_x": X,
            "anisotropy": 1.5,
            "solidity": 0.9,
            "DAPI_raw": 3.0,
        },
        "MERSCOPE's table of cells.*add cell_by_gene.csv",
    ),
    "cells.csv": (
        {
            "cell_id": IDS,
            "x_centroid": X,
            "y_centroid": Y,
            "transcript_counts": 5,
            "control_probe_counts": 0,
            "total_counts": 5,
            "cell_area": 2.5,
            "nucleus_area": 1.5,
        },
        "Xenium's table of cells.*add cell_feature_matrix.h5",
    ),
    "Run_metadata_file.csv": (
        {
            "fov": 1,
            "cell_ID": range(120),
            "Area": 9,
            "AspectRatio": 1.5,
            "CenterX_global_px": X,
            "CenterY_global_px": Y,
            "Width": 5,
            "Height": 5,
            "Mean.PanCK": 3,
            "Max.PanCK": 9,
        },
        "CosMx's table of cells.*add the file ..._exprMat_file.csv",
    ),
    "tissue_positions.csv": (
        {
            "barcode": IDS,
            "in_tissue": 1,
            "array_row": range(120),
            "array_col": 1,
            "pxl_row_in_fullres": Y,
            "pxl_col_in_fullres": X,
        },
        "positions of spots.*but no counts: add filtered_feature_bc_matrix.h5",
    ),
    "coordinates.csv": (
        {"": IDS, "imagerow": Y, "imagecol": X},
        "Seurat's table of coordinates.*table of counts",
    ),
    "locs.csv": ({"cell_ID": IDS, "sdimx": X, "sdimy": Y}, "Giotto's table.*table of expression"),
    "types.csv": (
        {"id": IDS, "x": X, "y": Y, "cell_type": ["a", "b"] * 60},
        r"no gene columns: it holds coordinates and metadata \(cell_type\) only; add a table",
    ),
    "meta.csv": (
        {"id": IDS, "nCount_RNA": 5, "leiden": 1, "cell_type": ["a", "b"] * 60},
        r"no coordinates and no gene columns.*\(nCount_RNA, leiden, cell_type\); add the table of",
    ),
    "cell_boundaries.csv": (
        {"cell_id": IDS, "vertex_x": X, "vertex_y": Y},
        "outlines of cells.*table of counts",
    ),
}


@pytest.mark.parametrize("name", COUNTLESS)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_without_counts_say_what_to_add(tmp_path, name, form):
    columns, sentence = COUNTLESS[name]
    table = pd.DataFrame(columns)
    path = tmp_path / name
    if form == "csv":
        table.to_csv(path, index=False)
    else:
        path = path.with_suffix(".parquet")
        table.to_parquet(path, index=False)
    with pytest.raises(S2SError, match=sentence):
        read(path)


def test_columns_of_a_newer_version_make_no_counts_of_a_table_of_cells(tmp_path):
    columns, sentence = COUNTLESS["cell_metadata.csv"]
    table = pd.DataFrame(columns).assign(Novelty=range(5, 125), Other=[3, 5] * 60)
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(S2SError, match=r"\(Novelty, Other are no genes unless called gene:NAME\)"):
        read(tmp_path / "t.csv")
    table.rename(columns={"Other": "gene:Other"}).to_csv(tmp_path / "t.csv", index=False)
    assert "Other" in read(tmp_path / "t.csv", bin_size=200.0).genes


def test_positions_of_space_ranger_1_alone(tmp_path):
    _, places = made.visium_truth()
    places["barcode"] = "ACGTACGT" + places["barcode"]
    places["barcode"] = places["barcode"].str.replace(r"\d{4}(?=A)", "", regex=True)
    places.to_csv(tmp_path / "tissue_positions_list.csv", header=False, index=False)
    with pytest.raises(S2SError, match="but no counts: add filtered_feat"):
        read(tmp_path / "tissue_positions_list.csv")
