"""Space Ranger's folders of every age, and positions as other programs wrote them again."""

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.errors import SeveralSections
from s2s_core.readers import read
from tests import made_files as made
from tests.made_space_ranger import COUNTS, INSIDE, PLACES, assert_whole, notes, spots


@pytest.fixture
def run(tmp_path):
    return made.space_ranger(tmp_path / "run")


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
