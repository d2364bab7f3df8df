"""Segmented cells of Visium HD, and folders of every shape."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_cells, made_kinds
from tests import made_files as made
from tests.made_space_ranger import COUNTS, INSIDE, PLACES, assert_whole, notes, positions

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    return made.space_ranger(tmp_path / "run")


# --- segmented cells -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outlines", ["cell_segmentations.geojson", "graphclust_annotated_cell_segmentations.geojson"]
)
def test_segmented_cells_lie_at_the_centroids_of_their_outlines(tmp_path, outlines):
    folder = made_kinds.segmented(tmp_path / "run", outlines=outlines)
    section = read(folder, bin_size=25)
    counts, _, xy = made_cells.cells_truth()
    bins = np.floor((xy - xy.min(0)) / 25).astype(int)
    fullest = np.unique(bins, axis=0, return_counts=True)[1].max()
    assert "centroids of their outlines" in notes(section)
    assert section.counts.sum() == counts[:, :6].sum() + counts[:, 6:].sum()
    assert section.obs["n_points"].max() == fullest


def test_segmented_cells_without_or_with_other_outlines(tmp_path):
    folder = made_kinds.segmented(tmp_path / "run")
    path = folder / "segmented_outputs/cell_segmentations.geojson"
    text = path.read_text()
    path.write_text(text.replace('"cell_id": ', '"cell_id": 77'))
    with pytest.raises(S2SError, match="cellid_000000001-1.*files of one section"):
        read(folder)
    path.write_text(text[:5000])
    with pytest.raises(S2SError, match="damaged, or holds no outlines"):
        read(folder)
    path.unlink()
    with pytest.raises(S2SError, match="add cell_segmentations.geojson"):
        read(folder)


def test_bins_are_read_where_there_are_both_and_cells_on_request(tmp_path):
    folder = made.visium_hd(tmp_path / "run")
    made_kinds.segmented(folder)
    assert "Bins of 16 um" in notes(read(folder))
    assert "visium_hd_cells reads them" in notes(read(folder))
    assert "centroids" in notes(read(folder, technology="visium_hd_cells"))


# --- folders ----------------------------------------------------------------------------------------


def test_runs_side_by_side_are_named_whatever_their_matrices_are_kept_in(tmp_path):
    made.space_ranger(tmp_path / "all/A1")
    made.space_ranger(tmp_path / "all/B1", matrix="mtx")
    made.space_ranger(tmp_path / "all/deep/er/C1", raw=True)
    with pytest.raises(S2SError, match=r"holds 3 sections \(A1/.*B1/.*C1/.*give the folder"):
        read(tmp_path / "all")
    assert_whole(read(tmp_path / "all/B1"))


def test_runs_of_bins_and_of_cells_side_by_side_are_named(tmp_path):
    for name, make in (
        ("hd", made.visium_hd),
        ("xenium", made_cells.xenium),
        ("cells", made_kinds.segmented),
    ):
        make(tmp_path / name / "A1")
        make(tmp_path / name / "B1")
        with pytest.raises(S2SError, match=r"holds 2 sections \(A1.*B1"):
            read(tmp_path / name)
        assert read(tmp_path / name / "A1").n_known


def test_every_matrix_of_one_run_is_one_section(run):
    for kind in ("filtered", "raw"):
        made.write_mtx(
            run / f"outs/{kind}_feature_bc_matrix",
            COUNTS[INSIDE],
            PLACES["barcode"][INSIDE].tolist(),
            [f"Gene{i}" for i in range(6)],
        )
    made.write_10x_h5(
        run / "outs/raw_feature_bc_matrix.h5",
        COUNTS,
        PLACES["barcode"],
        [f"Gene{i}" for i in range(6)],
    )
    (run / "outs/web_summary.html").write_text("<!doctype html><p>a, b, c")
    (run / "outs/metrics_summary.csv").write_text("a,b,c\n1,2,3\n")
    assert_whole(read(run))


def test_positions_without_counts_say_what_is_missing(run):
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    report = run / "outs/metrics_summary.csv"
    report.write_text("a,b,c\n1,2,3\n")
    for given in (run, run / "outs/spatial/tissue_positions.csv"):
        with pytest.raises(
            S2SError, match="positions of spots .* but no counts: add filtered_feature"
        ):
            read(given)
    # Counts as a table are counts.
    report.unlink()
    table = pd.DataFrame(COUNTS[INSIDE], index=PLACES["barcode"][INSIDE]).add_prefix("Gene")
    table.to_csv(run / "outs/counts.csv")
    assert (read(run).origin == "spot").sum() == 110


def test_positions_gzipped_as_repositories_keep_them(run):
    path = run / "outs/spatial/tissue_positions.csv"
    (run / "outs/spatial/GSM1_tissue_positions.csv.gz").write_bytes(
        gzip.compress(path.read_bytes())
    )
    path.unlink()
    assert_whole(read(run))


def test_hdf5_gzipped_as_repositories_keep_it(tmp_path, run):
    path = run / "outs/filtered_feature_bc_matrix.h5"
    (run / "outs/GSM1_filtered_feature_bc_matrix.h5.gz").write_bytes(
        gzip.compress(path.read_bytes())
    )
    path.unlink()
    assert_whole(read(run))
    assert_whole(read(made.zipped(run)))
    path = made.write_h5ad(made.made_anndata(), tmp_path / "a.h5ad")
    packed = tmp_path / "a.h5ad.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed).spot_ids.tolist() == read(path).spot_ids.tolist()
    packed.write_bytes(packed.read_bytes()[:3000])
    with pytest.raises(S2SError, match="cut off|damaged"):
        read(packed)


def test_a_raw_matrix_beside_positions_of_the_tissue_alone(tmp_path):
    run = made.space_ranger(tmp_path / "run", raw=True)
    section = read(positions(run, PLACES[PLACES["array_row"] < 4].to_csv(index=False)))
    assert (section.origin == "spot").sum() == 44
    assert "72 barcodes of the raw matrix have no position" in notes(section)


@pytest.mark.parametrize(
    ("keep", "word"),
    [
        ("filtered_feature_bc_matrix.h5", "has counts but no positions"),
        ("matrix.mtx.gz", "barcodes.tsv.gz' is missing"),
    ],
)
def test_counts_alone_say_what_is_missing(tmp_path, run, keep, word):
    made.write_mtx(
        run / "outs/filtered_feature_bc_matrix",
        COUNTS,
        PLACES["barcode"].tolist(),
        [f"Gene{i}" for i in range(6)],
    )
    with pytest.raises(S2SError, match=word):
        read(next(run.rglob(keep)))


def test_holes_of_outlines_are_taken_away_whichever_way_round_they_are(tmp_path):
    folder = made_kinds.segmented(tmp_path / "run")
    path = folder / "segmented_outputs/cell_segmentations.geojson"
    found = json.loads(path.read_text())
    outer = np.array([[0, 0], [8, 0], [8, 4], [0, 4], [0, 0]], float)
    hole = np.array([[4, 0], [8, 0], [8, 4], [4, 4], [4, 0]], float)
    for i, feature in enumerate(found["features"]):
        place = np.array(feature["geometry"]["coordinates"][0][0]) + 3
        rings = [outer - [2, 2], hole - [2, 2]]
        rings = [(ring[::-1] if (i >> k) % 2 else ring) + place for k, ring in enumerate(rings)]
        polygons = [[ring.tolist() for ring in rings]]
        feature["geometry"] = {"type": "MultiPolygon", "coordinates": polygons}
    path.write_text(json.dumps(found))
    plain = read(made_kinds.segmented(tmp_path / "plain"), bin_size=25)
    section = read(folder, bin_size=25)
    assert section.obs["n_points"].tolist() == plain.obs["n_points"].tolist()
    assert (section.counts != plain.counts).nnz == 0
