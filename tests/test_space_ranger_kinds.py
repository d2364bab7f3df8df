"""Space Ranger of every age, and its tables after other programs wrote them again."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers import base, read
from tests import made_files as made

TABLE = "outs/spatial/tissue_positions.csv"


def notes(section) -> str:
    return " ".join(section.notes)


def truth() -> tuple[np.ndarray, pd.DataFrame]:
    counts, places = made.visium_truth()
    inside = places["in_tissue"].to_numpy() == 1
    return counts[inside], places[inside].reset_index(drop=True)


def as_made(section) -> bool:
    counts, places = truth()
    row = section.spot_ids.get_indexer(places["barcode"])
    return (
        (row >= 0).all()
        and np.array_equal(section.counts[row].toarray(), counts)
        and np.array_equal(section.array_index[0][row], places["array_row"])
        and np.array_equal(section.xy[row, 0], places["pxl_col_in_fullres"])
    )


# --- positions that were written again

WRITERS = {
    "r_row_names": lambda t, f: t.to_csv(f, quoting=2),
    "r_write_table": lambda t, f: f.write_text(
        t.to_csv(sep=" ", quoting=2).split(" ", 1)[1]
    ),
    "semicolons": lambda t, f: t.to_csv(f, sep=";", index=False),
    "tabs": lambda t, f: t.to_csv(f, sep="\t", index=False),
    "other_order": lambda t, f: t[t.columns[::-1]].to_csv(f, index=False),
    "bom": lambda t, f: t.to_csv(f, index=False, encoding="utf-8-sig"),
    "utf16": lambda t, f: t.to_csv(f, index=False, encoding="utf-16", sep="\t"),
    "capitals": lambda t, f: t.set_axis(t.columns.str.upper(), axis=1).to_csv(f, index=False),
    "seurat_names": lambda t, f: t.set_index("barcode").set_axis(
        ["tissue", "row", "col", "imagerow", "imagecol"], axis=1).to_csv(f),
    "spaces_after_commas": lambda t, f: f.write_text(t.to_csv(index=False).replace(",", ", ")),
    "decimal_commas": lambda t, f: t.assign(
        pxl_row_in_fullres=t["pxl_row_in_fullres"] + 0.5).to_csv(f, sep=";", decimal=",", index=False),
}  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
def test_positions_whatever_wrote_them_again(tmp_path, writer):
    folder = made.space_ranger(tmp_path / "run")
    table = pd.read_csv(folder / TABLE)
    WRITERS[writer](table, folder / TABLE)
    section = read(folder)
    assert as_made(section)
    if writer == "decimal_commas":
        assert (section.xy[:, 1] % 1 == 0.5).all()


def test_positions_of_another_section_are_refused(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    table = pd.read_csv(folder / TABLE)
    some = np.arange(len(table)) % 3 > 0
    table.assign(barcode=np.where(some, "T" + table["barcode"], table["barcode"])).to_csv(
        folder / TABLE, index=False
    )
    with pytest.raises(S2SError, match=r"Only \d+ of 110 spots .*'AAAC\S+' against '\S+'"):
        read(folder)
    # On every slide the barcodes are the same: only what is in tissue tells.
    table["in_tissue"] = (table["array_row"] < 3).astype(int)
    table.loc[table["array_col"] < 2, "in_tissue"] = 1
    table.to_csv(folder / TABLE, index=False)
    with pytest.raises(S2SError, match=r"Of the 110 spots .* only \d+ are in the tissue"):
        read(folder)


# --- spots without reads


def without_reads(folder, missing: int):
    counts, places = truth()
    made.write_10x_h5(
        folder / "outs/filtered_feature_bc_matrix.h5", counts[missing:], places["barcode"][missing:],
        [f"Gene{g}" for g in range(counts.shape[1])],
    )  # fmt: skip
    return places["barcode"][:missing].tolist()


def test_spots_without_reads_are_measured_zeros_of_their_own_name(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    missing = without_reads(folder, 4)
    section = read(folder)
    row = section.spot_ids.get_indexer(missing)
    assert (row >= 0).all()
    assert section.measured[row].all()
    assert section.counts[row].nnz == 0
    assert "4 spots in the tissue have no reads" in notes(section)
    gaps = read(folder, absent="gaps")
    assert not gaps.spot_ids.isin(missing).any()


def test_many_spots_that_are_missing_were_not_measured(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    missing = without_reads(folder, 30)
    section = read(folder)
    assert not section.spot_ids.isin(missing).any()
    assert "30 spots in the tissue are not in" in notes(section)


# --- probes, genomes, libraries, cells


def probes(path, **changes) -> None:
    """Two probes a gene, the second of the first gene filtered out."""
    counts, places = made.visium_truth()
    n = counts.shape[1]
    double = np.repeat(counts, 2, axis=1)
    double[:, 1::2] = 1
    names = [f"Gene{g // 2}" for g in range(2 * n)]
    made.write_10x_h5(path, double, places["barcode"], names)
    with h5py.File(path, "a") as file:
        features = file["matrix/features"]
        del features["id"]
        ids = [f"ENSG{g // 2}|Gene{g // 2}|probe{g}" for g in range(2 * n)]
        columns = {
            "id": np.array(ids, "S"),
            "gene_id": np.array([i.split("|")[0] for i in ids], "S"),
            "gene_name": np.array(names, "S"),
            "filtered_probes": np.arange(2 * n) != 1,
            "probe_region": np.array(["none"] * 2 * n, "S"),
        } | changes
        for key, values in columns.items():
            if values is not None:
                features[key] = values


@pytest.mark.parametrize("changes", [{}, {"gene_id": None, "gene_name": None}])
def test_probes_are_added_up_to_genes(tmp_path, changes):
    folder = made.space_ranger(tmp_path / "run")
    (folder / "outs/filtered_feature_bc_matrix.h5").unlink()
    probes(folder / "outs/raw_probe_bc_matrix.h5", **changes)
    section = read(folder)
    counts, places = truth()
    row = section.spot_ids.get_indexer(places["barcode"])
    assert section.genes.tolist() == [f"Gene{g}" for g in range(counts.shape[1])]
    more = np.ones(counts.shape[1])
    more[0] = 0
    assert np.array_equal(section.counts[row].toarray(), counts + more)
    assert section.var["gene_ids"].tolist()[:2] == ["ENSG0", "ENSG1"]
    assert "1 that Space Ranger filters out were not" in notes(section)
    # Beside a matrix of genes the probes are not looked at.
    shutil.copy(made.space_ranger(tmp_path / "b", raw=True) / "outs/raw_feature_bc_matrix.h5", folder / "outs")
    assert as_made(read(folder))


def test_probes_of_unknown_genes_are_refused(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    (folder / "outs/filtered_feature_bc_matrix.h5").unlink()
    n = made.visium_truth()[0].shape[1]
    ids = np.array([f"probe{i}" for i in range(2 * n)], "S")
    probes(folder / "outs/raw_probe_bc_matrix.h5", gene_id=None, gene_name=None, id=ids)
    with pytest.raises(S2SError, match=r"does not say which gene.*filtered_feature_bc_matrix\.h5"):
        read(folder)


def test_two_genomes_stand_side_by_side(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    (folder / "outs/filtered_feature_bc_matrix.h5").unlink()
    counts, places = truth()
    n = counts.shape[1]
    with h5py.File(folder / "outs/filtered_gene_bc_matrices_h5.h5", "w") as file:
        # The second genome lacks the first spot, which has none of its reads.
        for genome, rows, cols in (("GRCh38", slice(0, None), slice(0, 2)), ("mm10", slice(1, None), slice(2, n))):
            part = sparse.csr_matrix(counts[rows, cols])
            group = file.create_group(genome)
            for key in ("data", "indices", "indptr"):
                group[key] = getattr(part, key)
            group["shape"] = part.shape[::-1]
            group["barcodes"] = np.array(places["barcode"][rows].tolist(), "S")
            group["genes"] = np.array([f"ENSG{g}" for g in range(n)[cols]], "S")
            group["gene_names"] = np.array(["Gene0"] + [f"Gene{g}" for g in range(n)[cols]][1:], "S")
    section = read(folder)
    counts[0, 2:] = 0
    row = section.spot_ids.get_indexer(places["barcode"])
    assert np.array_equal(section.counts[row].toarray(), counts)
    assert section.genes.tolist()[:3] == ["Gene0", "Gene1", "Gene0-1"]
    assert section.var["genome"].tolist() == ["GRCh38"] * 2 + ["mm10"] * (n - 2)
    assert "Genes of 2 genomes (GRCh38, mm10)" in notes(section)


@pytest.mark.parametrize("named", ["column", "aggregation", "attribute", "number"])
def test_spots_of_several_libraries_know_theirs(tmp_path, monkeypatch, named):
    counts, places = truth()
    double = pd.concat([places, places.assign(barcode=places["barcode"].str.replace("-1", "-2"))])
    library = np.repeat(["left", "right"], len(places))
    outs = tmp_path / "outs"
    path = made.write_10x_h5(
        outs / "filtered_feature_bc_matrix.h5", np.vstack([counts, counts]), double["barcode"],
        [f"Gene{g}" for g in range(counts.shape[1])],
    )  # fmt: skip
    expected = library if named != "number" else np.repeat(["library 1", "library 2"], len(places))
    with h5py.File(path, "a") as file:
        del file.attrs["library_ids"]
        if named == "attribute":
            file.attrs["library_ids"] = np.array([b"left", b"right"])
    if named == "column":
        double = double.assign(library_id=library)
    if named == "aggregation":
        (outs / "aggregation.csv").write_text("library_id,molecule_h5\nleft,a.h5\nright,b.h5\n")
    double.to_csv(outs / "aggr_tissue_positions.csv", index=False)
    seen = {}
    monkeypatch.setattr(
        "s2s_core.readers.pairs.build", lambda counts, obs, *a, **k: seen.update(obs=obs) or base.build(counts[:9], obs[:9], *a, **{**k, "xy": None})
    )
    read(tmp_path)
    assert seen["obs"]["library_id"].tolist() == expected.tolist()


def cells(folder, n: int = 60):
    rng = np.random.default_rng(0)
    counts = rng.poisson(3, (n, 4))
    centres = rng.uniform(0, 400, (n, 2))
    shapes = []
    for i, (x, y) in enumerate(centres):
        ring = [[x - 2, y - 1], [x + 2, y - 1], [x + 2, y + 1], [x - 2, y + 1], [x - 2, y - 1]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        if i % 2:
            geometry = {"type": "MultiPolygon", "coordinates": [[ring[::-1]]]}
        shapes.append({"type": "Feature", "geometry": geometry, "properties": {"cell_id": n - i}})
    outs = folder / "segmented_outputs"
    made.write_10x_h5(
        outs / "filtered_feature_cell_matrix.h5", counts[::-1], [f"cellid_{i + 1:09d}-1" for i in range(n)],
        [f"Gene{g}" for g in range(4)],
    )  # fmt: skip
    (outs / "cell_segmentations.geojson").write_text(json.dumps({"features": shapes}))
    return outs, counts, centres


def test_cells_of_version_4_stand_at_their_centroids(tmp_path, monkeypatch):
    outs, counts, centres = cells(tmp_path)
    seen = {}
    monkeypatch.setattr(
        "s2s_core.readers.pairs.build", lambda c, obs, *a, **k: seen.update(c=c, **k) or base.build(c, obs, *a, **k)
    )
    section = read(tmp_path, bin_size=40)
    assert np.allclose(seen["xy"], centres[::-1])
    assert np.array_equal(seen["c"].toarray(), counts[::-1])
    assert section.counts.sum() == counts.sum()
    assert "centroids of the outlines in 'cell_segmentations.geojson'" in notes(section)
    (outs / "cell_segmentations.geojson").write_text("{")
    with pytest.raises(S2SError, match=r"'cell_segmentations\.geojson' is damaged"):
        read(tmp_path)
    (outs / "cell_segmentations.geojson").unlink()
    with pytest.raises(S2SError, match="outlines are missing: add"):
        read(tmp_path)
