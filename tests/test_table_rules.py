"""Rules of names, ids, columns and texts of tables, one statement each."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers import base, countless, gene_names, layout, matching, text
from s2s_core.readers.columns import row_ids, split_columns, spot_ids
from s2s_core.readers.gene_names import date_notes, gene_of_date
from s2s_core.readers.metadata import sort_columns
from s2s_core.readers.molecule_tables import any_molecules
from s2s_core.readers.source import Source

# --- names


def test_a_wanted_lattice_counts_for_cells_too():
    assert base.points(base.ReadOptions()).kind == "points"
    assert base.points(base.ReadOptions(kind="hex")).kind == "hex"


def test_a_numbered_name_never_meets_one_that_is_there():
    names, notes = base.unique_names(["a", "a-1", "a", "b", "a"])
    assert names.tolist() == ["a", "a-1", "a-2", "b", "a-3"]
    assert "1 gene name occurs more than once (such as a)" in notes[0]


@pytest.mark.parametrize(
    "name",
    [
        "Blank-12",
        "NegControlProbe_1",
        "antisense_X",
        "Negative3",
        "Intergenic_Region_7",
        "BgProbe1",
        "BGDProbe",
        "UnassignedCodeword_1",
        "SystemControl4",
        "DeprecatedCodeword_2",
    ],
)
def test_control_probes_measure_no_gene(name):
    assert base.CONTROL.match(name)
    assert not base.CONTROL.match("NEGR1")


@pytest.mark.parametrize(
    ("date", "gene"),
    [
        ("1-Mar", "MARCHF1 (once MARCH1) or MTARC1 (once MARC1)"),
        ("3-Mar", "MARCHF3 (once MARCH3)"),
        ("2-Mar", "MARCHF2 (once MARCH2) or MTARC2 (once MARC2)"),
        ("15-Sep", "SELENOF (once SEP15)"),
        ("14-Sep", "SEPTIN14 (once SEPT14)"),
        ("3/9/2021", "MARCHF9 (once MARCH9)"),
        ("13/9/2021", "SEPTIN13 (once SEPT13)"),
        ("44256", "MARCHF1 (once MARCH1) or MTARC1 (once MARC1)"),
        ("2021-12-01", "DELEC1 (once DEC1)"),
        ("12345", None),
        ("A1BG", None),
    ],
)
def test_dates_are_told_as_the_genes_they_were(date, gene):
    assert gene_of_date(date) == gene


def test_numbers_are_dates_only_where_they_are_few():
    assert "'44256' is likely MARCHF1" in date_notes(["Gene1", "Gene2", "44256"])[0]
    assert date_notes([str(n) for n in range(44250, 44270)]) == ()
    assert gene_names.date_notes(["Gene1"]) == ()


# --- ids


def test_few_matches_are_refused_unless_the_places_are_a_chosen_part():
    ids = pd.Index([f"spot{i:03d}" for i in range(100)])
    other = pd.Index([f"else{i:03d}" for i in range(70)])
    with pytest.raises(S2SError, match="Only 30 of 100"):
        matching.match_spots(ids, ids[:30].append(other))
    assert matching.match_spots(ids, ids[:30].append(other[:2])).found == 30
    assert matching.match_spots(ids, ids[:50].append(other)).found == 50


def test_two_spots_never_get_one_place():
    ids = pd.Index([name for i in range(10) for name in (f"c{i}", f"C{i}")])
    with pytest.raises(S2SError, match="no spot in common"):
        matching.match_spots(ids, pd.Index([f"run_c{i}" for i in range(10)]))


def test_ids_that_r_or_a_program_has_changed():
    assert matching.as_r("X12") == "12" and matching.as_r("Xist") == "Xist"
    match = matching.match_spots(
        pd.Index([f"{i}.0" for i in range(9)]), pd.Index([str(i) for i in range(9)])
    )
    assert match.rows.tolist() == list(range(9))
    # Of equal matches the closest: R alone makes this difference.
    match = matching.best_match(pd.Index(["AA.1", "CC.1"]), pd.Index(["AA-1", "CC-1"]))
    assert match.ids.tolist() == ["AA-1", "CC-1"]
    assert "changed by R" in match.notes[0]


def test_rounded_ids_are_told():
    rounded = pd.Index([str(int(f"{1234567890123450 + 10 * i}000")) for i in range(20)])
    assert matching.is_rounded(rounded)
    assert not matching.is_rounded(pd.Index([str(1234567890123456789 + 7 * i) for i in range(20)]))
    assert matching.is_rounded(pd.Index(["1.23457E+18"] * 20))


# --- columns


def sorted_columns(table: pd.DataFrame, seen=None):
    values = sparse.csr_matrix(table.to_numpy(np.float32))
    return sort_columns(list(table), values, np.ones(len(table), bool) if seen is None else seen)


def genes_table(n: int = 60) -> pd.DataFrame:
    counts = np.random.default_rng(0).poisson(3.0, (n, 6))
    return pd.DataFrame(counts, columns=[f"G{i}" for i in range(6)]).astype(float)


def test_one_fraction_makes_no_metadata_and_many_do():
    table = genes_table()
    table.loc[0, "G2"] = 1.5
    assert sorted_columns(table).genes == list(table)
    table["other"] = np.random.default_rng(1).uniform(0, 1, len(table))
    assert "fractions" in sorted_columns(table).reasons["other"]


def test_columns_that_no_gene_is_like():
    table = genes_table()
    table["a"] = np.random.default_rng(1).permutation(len(table)) + 1.0
    table["b"] = np.where(np.arange(len(table)) % 2, -3.0, 2.0)
    table["c"] = table[[f"G{i}" for i in range(6)]].sum(1)
    reasons = sorted_columns(table[[c for c in table if c not in "bc"]]).reasons
    assert reasons == {"a": "numbers of the rows"}
    assert sorted_columns(table[[c for c in table if c not in "ac"]]).reasons == {
        "b": "negative numbers among counts"
    }
    assert sorted_columns(table[[c for c in table if c not in "ab"]]).reasons == {
        "c": "totals of the other columns"
    }


def test_a_gene_larger_than_all_others_is_a_gene():
    table = genes_table()
    table["MALAT1"] = table.sum(1) + 50
    found = sorted_columns(table)
    assert "MALAT1" in found.genes and "larger than all other genes" in found.notes[0]


def test_unmeasured_rows_do_not_decide_what_a_column_is():
    table = genes_table()
    table.loc[40:, "G1"] = -0.5
    assert sorted_columns(table, np.arange(60) < 40).genes == list(table)


def test_a_table_is_never_left_with_a_single_gene():
    n = 60
    table = pd.DataFrame({f"G{i}": np.full(n, float(i + 1)) for i in range(5)})
    table["G5"] = np.random.default_rng(0).poisson(3.0, n)
    assert len(sorted_columns(table).genes) == 6


def test_which_column_names_the_spots():
    rows = [[str(i), "ab"[i % 2], f"AAAC{i}"] for i in range(20)]
    assert spot_ids(["", "cell", "barcode"], rows) == "barcode"
    assert spot_ids(["", "cell", "x"], [r[:2] + ["1"] for r in rows]) == ""
    assert spot_ids(["x", "G1", "G2"], [[f"{i}w", "1", "2"] for i in range(20)]) is None
    assert spot_ids(["cluster", "G1", "G2"], [[f"w{i}", "1", "2"] for i in range(20)]) is None
    assert spot_ids(["mine", "G1", "G2"], [[f"w{i}", "1", "2"] for i in range(20)]) == "mine"
    named = [[f"G{i}", f"AAAC{i}", "1"] for i in range(20)]
    assert row_ids(["", "id", "s1"], named) == ""
    assert row_ids(["", "id", "s1"], [[str(i), *r[1:]] for i, r in enumerate(named)]) == "id"


def test_one_word_among_numbers_is_told_and_words_are_words():
    seen = np.ones(20, bool)
    other = pd.DataFrame({"G1": ["5"] * 19 + ["many"], "kind": list("ab") * 10}, dtype=object)
    table = SimpleNamespace(other=other, names=[], values=None, header=["G1", "kind"])
    with pytest.raises(S2SError, match="'G1' holds 'many'"):
        split_columns(table, [], seen)
    table.other = other[["kind"]]
    assert list(split_columns(table, [], seen)[2]) == ["kind"]


# --- texts


def test_a_column_of_one_kind_is_not_its_table():
    assert countless.of_cells(["cell_id", "x_centroid", "y_centroid", "nucleus_area"])
    assert not countless.of_cells(["barcode", "array_row", "array_col", "pxl_row_in_fullres"])
    assert "holds coordinates only" in countless.sentence(
        "t.csv", ["id", "center_x", "center_y"], []
    )


@pytest.mark.parametrize(
    ("cells", "delimiter", "marks"),
    [
        (["1,234.5"], ";", (".", ",")),
        (["1.234,5"], ";", (",", ".")),
        (["1,234,567"], ";", (".", ",")),
        (["1.234.567"], ";", (",", ".")),
        (["1.234"], ",", (".", None)),
        (["0,5"], ";", (",", None)),
        (["1,234"], ",", (".", ",")),
    ],
)
def test_marks_in_numbers(cells, delimiter, marks):
    assert layout._marks([cells], delimiter, "t.csv") == marks


def test_thousands_that_may_be_decimals_are_refused():
    for cell in ("1.234", "1,234"):
        with pytest.raises(S2SError, match="may be thousands"):
            layout._marks([[cell]], ";", "t.csv")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_two_byte_letters_are_told_by_their_zeros(encoding):
    assert text.encoding_of("spot_id,x,y,Gene1".encode(encoding)) == encoding


def test_marks_in_quotes_separate_nothing():
    lines = ['"a, b, c, d";x;y', '"e, f, g, h";1;2', '"i, j, k, l";3;4']
    assert text.delimiter_of(lines) == ";"
    assert text.unguard("'=A1") == "=A1" and text.unguard("'A1") == "'A1"


def laid_out(tmp_path, written: str) -> layout.Layout:
    path = tmp_path / "t.csv"
    path.write_text(written)
    return layout.layout(Source("t.csv", {"t.csv": path}), "t.csv")


def test_names_of_columns_are_as_they_were_before_a_program_wrote_them(tmp_path):
    assert laid_out(tmp_path, "id,'-A,G\na,1,2\nb,3,4\n").header == ["id", "-A", "G"]
    # R leaves the column of row names without one.
    found = laid_out(tmp_path, '"x","y","G"\n"a",1,2,3\n"b",4,5,6\n')
    assert found.header == ["", "x", "y", "G"]
    assert found.skip == 1


def test_positions_without_names_begin_with_a_spot(tmp_path):
    found = laid_out(
        tmp_path, "".join(f"ACGTACGT{c}-1,1,0,{i},5,{i}\n" for i, c in enumerate("ACGT"))
    )
    assert found.header == layout.POSITIONS
    assert (found.skip, found.rows[0][0], len(found.rows)) == (0, "ACGTACGTA-1", 4)


def molecule_rows(n: int = 60, names: int = 5, **columns):
    header = ["gene", "x", "y", *columns]
    return header, [
        [f"G{i % names}", str(i), str(i), *(str(c[i]) for c in columns.values())] for i in range(n)
    ]


def test_molecules_are_told_by_genes_that_come_again():
    found = any_molecules(*molecule_rows(MIDCounts=[2] * 60))
    assert (found.gene, found.x, found.y, found.count) == ("gene", "x", "y", "MIDCounts")
    genes = {f"Gene{k}": range(60) for k in range(13)}
    assert any_molecules(*molecule_rows(**genes)) is None
    header, rows = molecule_rows(names=45)
    assert any_molecules(header, rows) is not None
    assert any_molecules(["name", *header[1:]], rows) is None
