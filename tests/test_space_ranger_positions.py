"""Positions of spots as other programs wrote them, of other samples, of spots without reads."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_files as made
from tests.made_space_ranger import COUNTS, INSIDE, PLACES, assert_whole, notes, positions, spots


@pytest.fixture
def run(tmp_path):
    return made.space_ranger(tmp_path / "run")


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
