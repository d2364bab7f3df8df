"""Space Ranger's folders of every age, and positions as other programs wrote them again."""

import gzip
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.errors import S2SError, SeveralSections
from s2s_core.readers import read
from tests import made_files as made
from tests import made_kinds

COUNTS, PLACES = made.visium_truth()
INSIDE = PLACES["in_tissue"].to_numpy() == 1


def spots(section) -> pd.DataFrame:
    real = section.origin == "spot"
    return pd.DataFrame(
        section.counts.toarray()[real], index=section.spot_ids[real], columns=section.genes
    )


def notes(section) -> str:
    return " ".join(section.notes)


def assert_whole(section) -> None:
    """Every spot in tissue with its counts at its place."""
    found = spots(section)
    truth = PLACES[INSIDE].set_index("barcode")
    assert sorted(found.index) == sorted(truth.index)
    assert np.array_equal(found.loc[truth.index].to_numpy(), COUNTS[INSIDE])
    xy = pd.DataFrame(section.xy[section.origin == "spot"], index=found.index).loc[truth.index]
    assert np.array_equal(xy.to_numpy(), truth[["pxl_col_in_fullres", "pxl_row_in_fullres"]])
    assert section.grid.kind == "hex"


@pytest.fixture
def run(tmp_path):
    return made.space_ranger(tmp_path / "run")


def positions(run, text: str, name: str = "tissue_positions.csv", encoding: str = "utf-8"):
    (run / "outs/spatial/tissue_positions.csv").unlink()
    (run / "outs/spatial" / name).write_bytes(text.encode(encoding))
    return run


# --- tables of positions -------------------------------------------------------------------------


def r_written(table: pd.DataFrame, sep: str = ",", *, corner: bool = True) -> str:
    lines = [sep.join(['""'] * corner + [f'"{c}"' for c in table.columns])]
    for i, row in enumerate(table.itertuples(index=False), 1):
        cells = [f'"{v}"' if isinstance(v, str) else str(v).upper() for v in row]
        lines.append(sep.join([f'"{i}"', *cells]))
    return "\n".join(lines) + "\n"


def written(kind: str) -> tuple[str, str, str]:
    """(text, file name, encoding) of the positions as somebody wrote them."""
    truth = PLACES.assign(in_tissue=INSIDE)
    name, encoding = "tissue_positions.csv", "utf-8"
    if kind in ("write.csv", "write.csv2", "write.table"):
        sep = {"write.csv": ",", "write.csv2": ";", "write.table": " "}[kind]
        return r_written(truth, sep, corner=kind != "write.table"), name, encoding
    if kind == "v names":
        return r_written(PLACES.set_axis([f"V{i}" for i in range(1, 7)], axis=1)), name, encoding
    if kind == "row numbers, no header":
        return PLACES.to_csv(header=False), "tissue_positions_list.csv", encoding
    if kind == "excel":
        halves = PLACES.assign(pxl_row_in_fullres=PLACES["pxl_row_in_fullres"] + 0.0)
        return (
            halves.to_csv(index=False, sep=";", decimal=",", float_format="%.1f"),
            name,
            "utf-8-sig",
        )
    if kind == "tabs":
        return PLACES.to_csv(index=False, sep="\t"), name, encoding
    if kind == "utf-16":
        return PLACES.to_csv(index=False, sep="\t"), name, "utf-16"
    if kind == "tsv":
        return PLACES.to_csv(index=False, sep="\t"), "tissue_positions.tsv", encoding
    if kind == "order and more columns":
        return (
            PLACES[PLACES.columns[::-1]].assign(x=1, y=2, cluster="a").to_csv(index=False),
            name,
            encoding,
        )
    seurat = PLACES.drop(columns="barcode").set_axis(PLACES["barcode"])
    return (
        seurat.set_axis(["tissue", "row", "col", "imagerow", "imagecol"], axis=1).to_csv(
            index_label=""
        ),
        name,
        encoding,
    )


KINDS = [
    "write.csv",
    "write.csv2",
    "write.table",
    "v names",
    "row numbers, no header",
    "excel",
    "tabs",
    "utf-16",
    "tsv",
    "order and more columns",
    "seurat",
]


@pytest.mark.parametrize("kind", KINDS)
def test_positions_as_other_programs_write_them(run, kind):
    section = read(positions(run, *written(kind)))
    assert_whole(section)
    assert ("decimal commas" in notes(section)) == (kind == "excel")
    assert ("array_row from 'row'" in notes(section)) == (kind == "seurat")


def test_decimal_commas_are_decimals(run):
    table = PLACES.assign(pxl_row_in_fullres=PLACES["pxl_row_in_fullres"] + 0.25)
    section = read(positions(run, table.to_csv(index=False, sep=";", decimal=",")))
    assert np.allclose(section.xy[section.origin == "spot"][:, 1] % 1, 0.25)


def test_positions_without_in_tissue_are_all_tissue_and_say_so(run):
    section = read(positions(run, PLACES[INSIDE].drop(columns="in_tissue").to_csv(index=False)))
    assert_whole(section)
    assert "no column 'in_tissue'" in notes(section)


def test_positions_that_lack_a_column_name_it(run):
    with pytest.raises(S2SError, match="no column 'array_col'"):
        read(positions(run, PLACES.drop(columns="array_col").to_csv(index=False)))
    with pytest.raises(S2SError, match="is empty"):
        read(positions(made.space_ranger(run.parent / "other"), "\n"))


# --- positions of another sample -----------------------------------------------------------------


def test_positions_of_other_barcodes_are_refused_with_both_forms(run):
    other = PLACES.assign(
        barcode=[b if i % 3 == 0 else f"TTTT{b[4:]}" for i, b in enumerate(PLACES["barcode"])]
    )
    with pytest.raises(
        S2SError, match=r"Of 110 barcodes .*AAA.*among the 120 .*files of one section"
    ):
        read(positions(run, other.to_csv(index=False)))


def test_positions_of_another_sample_of_the_same_slide_type_are_refused(run):
    # All slides have the same barcodes: only the tissue differs.
    other = PLACES.assign(in_tissue=(PLACES["array_row"] < 6).astype(int))
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    counted = (PLACES["array_row"] >= 2).to_numpy()
    made.write_10x_h5(
        run / "outs/filtered_feature_bc_matrix.h5",
        COUNTS[counted],
        PLACES["barcode"][counted],
        [f"Gene{i}" for i in range(6)],
    )
    with pytest.raises(S2SError, match="outside the tissue.*of different samples"):
        read(positions(run, other.to_csv(index=False)))


def test_tissue_that_was_narrowed_by_hand_is_taken_as_it_is(run):
    fewer = PLACES.assign(in_tissue=(INSIDE & (PLACES["array_row"] < 7)).astype(int))
    assert (read(positions(run, fewer.to_csv(index=False))).origin == "spot").sum() == 77


# --- spots without reads ----------------------------------------------------------------------------


def without(run, rows, least: int = 0, name: str = "filtered"):
    keep = np.ones(len(PLACES), bool) if name == "raw" else INSIDE.copy()
    keep[rows] = False
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    made.write_10x_h5(
        run / f"outs/{name}_feature_bc_matrix.h5",
        COUNTS[keep] + least,
        PLACES["barcode"][keep],
        [f"Gene{i}" for i in range(6)],
    )
    return PLACES["barcode"].iloc[rows].tolist()


def test_spots_in_tissue_that_the_matrix_lacks_are_measured_zeros_under_their_ids(run):
    silent = without(run, [30, 55, 77])
    section = read(run)
    found = spots(section)
    assert len(found) == 110 and section.n_known == 110
    assert (found.loc[silent].to_numpy() == 0).all()
    assert "3 of 110 spots in tissue are not among the counts: they have no reads" in notes(section)
    # One note tells of them.
    assert "hold no count" not in notes(read(run, totals="sum"))
    as_gaps = read(run, absent="gaps")
    assert as_gaps.n_known == 107
    assert not set(silent) & set(as_gaps.spot_ids)


def test_spots_of_the_matrix_without_counts_are_told_beside_those_that_it_lacks(run):
    keep = INSIDE.copy()
    keep[[30, 55, 77]] = False
    counts = COUNTS[keep]
    counts[4] = 0
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    made.write_10x_h5(
        run / "outs/filtered_feature_bc_matrix.h5",
        counts,
        PLACES["barcode"][keep],
        [f"Gene{i}" for i in range(6)],
    )
    said = notes(read(run, totals="sum"))
    assert "3 of 110 spots in tissue are not among the counts" in said
    assert "4 measured spots hold no count" in said


def test_spots_that_somebody_took_out_are_no_zeros(run):
    without(run, list(range(20, 60)))
    section = read(run)
    assert "too many to have no read" in notes(section)
    assert (section.counts[section.known].sum(1) > 0).all()


def test_few_spots_taken_out_for_their_quality_are_no_zeros(run):
    without(run, [30, 55], least=200)
    section = read(run)
    assert "every other spot has" in notes(section)
    assert section.n_known == 108


# --- probes and genomes --------------------------------------------------------------------------


def probe_matrix(run, *, flag: bool = True, beside: bool = False):
    """Two probes a gene; the second of the last gene is excluded."""
    path = run / "outs/filtered_feature_bc_matrix.h5"
    if not beside:
        path.unlink()
    first = COUNTS // 2
    probes = np.stack([first, COUNTS - first], 2).reshape(len(COUNTS), -1)
    ids = [f"ENSG{g:011d}|Gene{g}|{p}" for g in range(6) for p in "ab"]
    path = made.write_10x_h5(run / "outs/raw_probe_bc_matrix.h5", probes, PLACES["barcode"], ids)
    with h5py.File(path, "a") as file:
        features = file["matrix/features"]
        features["gene_id"] = np.array([i.split("|")[0] for i in ids], "S")
        features["gene_name"] = np.array([i.split("|")[1] for i in ids], "S")
        if flag:
            features["filtered_probes"] = np.array([True] * 11 + [False])
    return first


def test_probes_are_summed_to_genes(run):
    first = probe_matrix(run)
    section = read(run)
    truth = COUNTS.copy()
    truth[:, 5] = first[:, 5]
    found = spots(section)
    assert found.columns.tolist() == [f"Gene{i}" for i in range(6)]
    assert section.var["gene_ids"].tolist() == [f"ENSG{i:011d}" for i in range(6)]
    order = PLACES.set_index("barcode").index.get_indexer(found.index)
    assert np.array_equal(found.to_numpy(), truth[order])
    assert "11 were summed to 6 genes, 1 that Space Ranger does not count" in notes(section)


def test_probes_without_flags_are_all_summed_and_genes_come_first(run):
    probe_matrix(run, flag=False, beside=True)
    assert "probes" not in notes(read(run))
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    assert_whole(read(run))


def old_genomes(run, *, alike: bool = False):
    """Space Ranger 1: a group for every genome."""
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    with h5py.File(run / "outs/filtered_gene_bc_matrices_h5.h5", "w") as file:
        for genome, columns in (("GRCh38", slice(0, 3)), ("mm10", slice(3, 6))):
            matrix = sparse.csr_matrix(COUNTS[INSIDE][:, columns])
            group = file.create_group(genome)
            for key in ("data", "indices", "indptr"):
                group[key] = getattr(matrix, key).astype("i4")
            group["shape"] = np.array(matrix.shape[::-1], "i4")
            group["barcodes"] = np.array(PLACES["barcode"][INSIDE].tolist(), "S")
            first = 0 if alike else columns.start
            group["gene_names"] = np.array([f"Gene{first + i}" for i in range(3)], "S")
            group["genes"] = np.array([f"{genome}_{i}" for i in range(3)], "S")
    return run


def test_genes_of_two_genomes_in_one_file_are_joined(run):
    section = read(old_genomes(run))
    assert_whole(section)
    assert "Genes of 2 genomes were read (GRCh38: 3, mm10: 3)" in notes(section)


def test_genes_called_alike_in_two_genomes_keep_the_name_of_their_genome(run):
    section = read(old_genomes(run, alike=True))
    assert section.genes.tolist() == [f"{g}_Gene{i}" for g in ("GRCh38", "mm10") for i in range(3)]


def test_folders_of_two_genomes_are_joined(run):
    (run / "outs/filtered_feature_bc_matrix.h5").unlink()
    for genome, columns in (("GRCh38", slice(0, 3)), ("mm10", slice(3, 6))):
        made.write_mtx(
            run / "outs/filtered_gene_bc_matrices" / genome,
            COUNTS[INSIDE][:, columns],
            PLACES["barcode"][INSIDE].tolist(),
            [f"Gene{i}" for i in range(6)[columns]],
        )
    assert_whole(read(run))


def test_genomes_of_a_newer_file_are_named(run):
    with h5py.File(run / "outs/filtered_feature_bc_matrix.h5", "a") as file:
        file["matrix/features/genome"][3:] = b"mm10"
    section = read(run)
    assert_whole(section)
    assert "2 genomes were read (GRCh38: 3, mm10: 3)" in notes(section)


# --- libraries of aggr ------------------------------------------------------------------------------


# Barcodes are letters.
DIGITS = {str(i): "ACGT"[i // 4] + "ACGT"[i % 4] for i in range(10)}


def aggregated(folder, *, named: str = "aggregation", header: bool = True):
    """Two libraries of one slide type, the second with twice the counts."""
    outs = folder / "outs"
    real = PLACES["barcode"].map(lambda b: "".join(DIGITS.get(c, c) for c in b[:-2]) + "-1")
    places = PLACES.assign(barcode=real)
    both = pd.concat([places, places.assign(barcode=real.str.replace("-1", "-2"))])
    inside = both["in_tissue"].to_numpy() == 1
    counts = np.vstack([COUNTS, 2 * COUNTS])[inside]
    path = made.write_10x_h5(
        outs / "filtered_feature_bc_matrix.h5",
        counts,
        both["barcode"][inside],
        [f"Gene{i}" for i in range(6)],
    )
    if named == "column":
        both["library_id"] = np.repeat(["Liver", "Lung"], len(PLACES))
    if named == "file":
        with h5py.File(path, "a") as file:
            file.attrs["library_ids"] = np.array([b"Liver", b"Lung"])
    if named == "aggregation":
        (outs / "aggregation.csv").write_text("library_id,molecule_h5\nLiver,/a.h5\nLung,/b.h5\n")
    both.to_csv(
        outs / f"aggr_tissue_positions{'' if header else '_list'}.csv", index=False, header=header
    )
    for library in ("Liver", "Lung"):
        made.write_spatial(outs / "spatial" / library, PLACES, "none")
    return folder


@pytest.mark.parametrize("named", ["aggregation", "file", "column"])
@pytest.mark.parametrize("header", [True, False])
def test_libraries_of_aggr_are_named_and_one_can_be_chosen(tmp_path, named, header):
    if named == "column" and not header:
        return
    folder = aggregated(tmp_path / "run", named=named, header=header)
    with pytest.raises(SeveralSections, match="'library_id' .Liver: 110 spots, Lung: 110 spots"):
        read(folder)
    section = read(folder, where="library_id=Lung")
    found = spots(section)
    assert len(found) == 110 and found.index.str.endswith("-2").all()
    real = section.origin == "spot"
    order = PLACES.set_index(["array_row", "array_col"]).index.get_indexer(
        list(zip(*(index[real] for index in section.array_index), strict=True))
    )
    assert np.array_equal(found.to_numpy(), 2 * COUNTS[order])
    assert set(section.uns["spatial"]) == {"Lung"}


def test_libraries_without_names_are_told_by_their_barcodes(tmp_path):
    folder = aggregated(tmp_path / "run", named="nowhere")
    with pytest.raises(SeveralSections, match="barcode_suffix"):
        read(folder)


# --- segmented cells -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outlines", ["cell_segmentations.geojson", "graphclust_annotated_cell_segmentations.geojson"]
)
def test_segmented_cells_lie_at_the_centroids_of_their_outlines(tmp_path, outlines):
    folder = made_kinds.segmented(tmp_path / "run", outlines=outlines)
    section = read(folder, bin_size=25)
    counts, _, xy = made.cells_truth()
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
        ("xenium", made.xenium),
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
