"""Space Ranger and Visium HD, from made files that follow 10x's documentation."""

import h5py
import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_files as made

pytestmark = pytest.mark.slow


def spot_counts(section) -> pd.DataFrame:
    spots = section.origin == "spot"
    return pd.DataFrame(
        section.counts.toarray()[spots], index=section.spot_ids[spots], columns=section.genes
    )


def notes(section) -> str:
    return " ".join(section.notes)


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
        folder / "outs/filtered_feature_bc_matrix.h5",
        counts[inside],
        places["barcode"][inside],
        list("ABCDEF"),
        ["Gene Expression"] * 5 + ["Antibody Capture"],
    )
    section = read(folder)
    assert section.genes.tolist() == list("ABCDE")
    assert "Antibody Capture" in notes(section)


def test_matrices_of_the_older_form(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    whole = read(folder)
    with h5py.File(folder / "outs/filtered_feature_bc_matrix.h5", "a") as file:
        file.move("matrix", "GRCh38")
        group = file["GRCh38"]
        group["genes"], group["gene_names"] = group["features/id"][:], group["features/name"][:]
        del group["features"]
    section = read(folder)
    assert (section.counts != whole.counts).nnz == 0
    assert section.genes.tolist() == whole.genes.tolist()


# --- Visium HD


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
