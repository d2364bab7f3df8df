"""Tables of single molecules, of known makers and of any other."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_cells

pytestmark = pytest.mark.slow


def notes(section) -> str:
    return " ".join(section.notes)


# --- molecules


def molecules() -> pd.DataFrame:
    """One row a molecule, with control probes among them."""
    counts, names, xy = made_cells.cells_truth()
    cell, gene = np.nonzero(counts)
    cell, gene = (np.repeat(a, counts[counts > 0].astype(int)) for a in (cell, gene))
    names = [*names[:6], *["Blank-1"] * (len(names) - 6)]
    return pd.DataFrame({"x": xy[cell, 0], "y": xy[cell, 1], "gene": np.array(names)[gene]})


MOLECULES = {
    "detected_transcripts.csv": (
        lambda m: pd.DataFrame(
            {
                "barcode_id": 3,
                "global_x": m.x,
                "global_y": m.y,
                "global_z": 1.0,
                "x": 1.0,
                "y": 2.0,
                "fov": 4,
                "gene": m.gene,
                "transcript_id": "ENST",
                "cell_id": -1,
            }
        ),
        "global_x and global_y; for the counts of cells give cell_by_gene.csv",
    ),
    "Run_tx_file.csv": (
        lambda m: pd.DataFrame(
            {
                "fov": 1,
                "cell_ID": 0,
                "x_local_px": 1,
                "y_local_px": 2,
                "x_global_px": m.x,
                "y_global_px": m.y,
                "z": 0,
                "target": m.gene.replace("Blank-1", "NegPrb3"),
                "CellComp": "None",
            }
        ),
        "x_global_px and y_global_px; for the counts of cells give ..._exprMat",
    ),
    "spots.csv": (lambda m: m.rename(columns={"gene": "Gene"}), "gene in column 'Gene'"),
    "named.csv": (lambda m: m.rename(columns={"gene": "name"}), "gene in column 'name'"),
    "numbered.txt": (lambda m: m.reset_index(), "gene in column 'gene', at 'x' and 'y'"),
}


@pytest.mark.parametrize("name", MOLECULES)
@pytest.mark.parametrize("form", ["csv", "spaces", "semicolons", "utf-16", "parquet"])
def test_molecules_are_counted_by_gene_at_their_places(tmp_path, name, form):
    make, sentence = MOLECULES[name]
    true = molecules()
    table, path = make(true), tmp_path / name
    if form == "parquet":
        path = path.with_suffix(".parquet")
        table.to_parquet(path, index=False)
    elif form == "spaces":
        path.write_text(table.head(5000).to_string(index=False))
        true = true.head(5000)
    elif form == "semicolons":
        table.to_csv(path, index=False, sep=";", decimal=",")
    else:
        encoding = "utf-16" if form == "utf-16" else "utf-8"
        table.to_csv(path, index=False, sep="\t", encoding=encoding)
    section = read(path, bin_size=30.0)
    true = true[true["gene"] != "Blank-1"]
    assert dict(zip(section.genes, section.counts.sum(0).A1, strict=True)) == dict(
        true["gene"].value_counts()
    )
    pixel = ((true[["x", "y"]] - true[["x", "y"]].min()) // 30).to_numpy(int)
    per_pixel = np.zeros(section.grid.shape)
    np.add.at(per_pixel, (pixel[:, 1], pixel[:, 0]), 1)
    assert np.array_equal(per_pixel[section.row, section.col], section.counts.sum(1).A1)
    assert sentence in notes(section)
    assert "control probes" in notes(section)


def test_molecules_with_a_count_each_and_without_genes(tmp_path):
    table = molecules().assign(count=3)
    table.to_csv(tmp_path / "t.csv", index=False)
    assert read(tmp_path / "t.csv").counts.sum() == 3 * (table["gene"] != "Blank-1").sum()
    table.rename(columns={"gene": "cell_type"}).drop(columns="count").to_csv(
        tmp_path / "t.csv", index=False
    )
    with pytest.raises(S2SError, match=r"no gene columns.*\(cell_type\)"):
        read(tmp_path / "t.csv")
