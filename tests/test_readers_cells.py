"""Cells, beads and molecules, from made files that follow the makers' documentation."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_cells
from tests import made_files as made

pytestmark = pytest.mark.slow


def notes(section) -> str:
    return " ".join(section.notes)


def check_cells(section, scale: float = 1.0) -> None:
    """Each pixel holds the genes of its cells and no control probe."""
    counts, _, xy = made_cells.cells_truth()
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
    folder = made_cells.xenium(tmp_path / "x", cells=cells, matrix=matrix)
    section = read(folder)
    check_cells(section)
    assert "3 features that are no genes" in notes(section)
    check_cells(read(folder, bin_size=25.0))
    assert (read(made.zipped(folder)).counts != section.counts).nnz == 0


def test_xenium_transcripts_alone(tmp_path):
    table = made_cells.molecules()
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
    assert (
        read(made_cells.xenium(tmp_path / "x", cells="none", transcripts=True)).grid.kind == "bins"
    )
    with pytest.raises(S2SError, match="add cells"):
        read(made_cells.xenium(tmp_path / "y", cells="none"))


def test_vizgen_cells(tmp_path):
    folder = made_cells.vizgen(tmp_path / "v")
    section = read(folder)
    check_cells(section)
    assert "3 control probes (such as Blank-1" in notes(section)
    (folder / "cell_metadata.csv").unlink()
    with pytest.raises(S2SError, match="add cell_metadata"):
        read(folder)


def test_cosmx_cells_are_joined_by_view_and_number(tmp_path):
    folder = made_cells.cosmx(tmp_path / "c")
    section = read(folder)
    check_cells(section, scale=8.0)
    assert "2 rows of counts outside every cell" in notes(section)
    assert "SystemControl" in notes(section) or "NegPrb" in notes(section)
    (folder / "Run1_metadata_file.csv").unlink()
    with pytest.raises(S2SError, match="metadata_file"):
        read(folder)


def test_slide_seq_beads(tmp_path):
    section = read(made_cells.slide_seq(tmp_path / "s"))
    check_cells(section)
    assert "Rows of the table are genes" in notes(section)


@pytest.mark.parametrize("name", ["a.gem", "a.gem.gz", "a.tsv"])
@pytest.mark.parametrize("column", ["MIDCount", "MIDCounts", "UMICount"])
def test_stereo_seq(tmp_path, name, column):
    section = read(made_cells.gem(tmp_path / name, column), bin_size=40.0)
    counts, _, xy = made_cells.cells_truth()
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
    section = read(made_cells.gem(tmp_path / "a.gem"), absent="zeros")
    per_pixel = section.counts.sum() / section.n_positions
    assert 10 < per_pixel < 40
    assert "proposed size" in notes(section)


def test_bins_stay_bins_on_the_way_through_h5ad(tmp_path):
    for folder in (made_cells.vizgen(tmp_path / "v"), made_cells.gem(tmp_path / "a.gem")):
        section = read(folder)
        again = read(made.write_h5ad(section.to_anndata(), tmp_path / "out.h5ad"))
        assert again.grid.kind == "bins"
        assert again.known.all()
        assert (again.counts != section.counts).nnz == 0


def test_cells_that_stand_in_rows_are_cells_all_the_same(tmp_path):
    folder = made_cells.vizgen(tmp_path / "v")
    ids = pd.read_csv(folder / "cell_by_gene.csv", dtype=str).iloc[:, 0]
    cells = pd.read_csv(folder / "cell_metadata.csv", dtype={0: str}, index_col=0).loc[ids]
    cells["center_x"], cells["center_y"] = np.divmod(np.arange(900) * 10.0, 300)
    cells["center_x"] *= 10
    cells.to_csv(folder / "cell_metadata.csv")
    assert read(folder).grid.kind == "bins"
    assert read(folder, kind="square").grid.kind == "square"
