"""How tables are written: separators, marks in numbers, encodings, names of rows, dates for genes."""

import csv
import zipfile

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests.made_files import spots_table

TABLE = spots_table("hex")


def check(path, table=TABLE) -> None:
    """Everything in the file is in the section, under its own name."""
    section = read(path)
    assert section.grid.kind == "hex"
    assert section.spot_ids.tolist() == table.index.tolist()
    assert section.genes.tolist() == table.columns[2:].tolist()
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy(np.float32))
    assert section.xy == pytest.approx(table[["x", "y"]].to_numpy())


def as_r(sep: str, *, quoted: bool) -> str:
    """R's write.table: the column of row names has no name."""
    quoting = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_NONE
    return TABLE.rename_axis(None).to_csv(sep=sep, quoting=quoting).split(sep, 1)[1]


TEXTS = {
    "bars": lambda: TABLE.to_csv(sep="|"),
    "runs of spaces": lambda: TABLE.reset_index().to_string(index=False),
    "r with spaces": lambda: as_r(" ", quoted=True),
    "r with tabs": lambda: as_r("\t", quoted=False),
    "r's write.csv": lambda: TABLE.rename_axis(None).to_csv(quoting=csv.QUOTE_NONNUMERIC),
    "quotes everywhere": lambda: TABLE.to_csv(quoting=csv.QUOTE_ALL),
    "spaces after commas": lambda: TABLE.to_csv().replace(",", ", "),
    "excel names the separator": lambda: "sep=;\n" + TABLE.to_csv(sep=";"),
    "excel names it in quotes": lambda: (
        '"sep=|"\r\n' + TABLE.to_csv(sep="|", lineterminator="\r\n")
    ),
    "lines of comment": lambda: "# counts, 2024\n\n#second, line\n" + TABLE.to_csv(),
    "names in a comment": lambda: "#" + TABLE.to_csv(sep="\t"),
    "numbers of rows before the ids": lambda: TABLE.reset_index(names="barcode").to_csv(),
    "rows of separators at the end": lambda: TABLE.to_csv(sep=";") + ";;;;;;;;\n" * 3,
    "ends of lines as on old machines": lambda: TABLE.to_csv().replace("\n", "\r"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_as_tools_write_them(tmp_path, name):
    path = tmp_path / "t.txt"
    path.write_bytes(TEXTS[name]().encode())
    check(path)


def test_commas_in_names_are_no_separators(tmp_path):
    table = TABLE.rename(columns={f"Gene{g}": f"a,{g},b,c" for g in range(6)})
    table.to_csv(tmp_path / "t.csv", sep=";")
    check(tmp_path / "t.csv", table)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [True, False])
def test_encodings_of_spreadsheets(tmp_path, encoding, mark):
    text = TABLE.assign(region="Rückenmark").to_csv(sep="\t", lineterminator="\r\n")
    bom = "\ufeff" if mark and encoding.endswith("e") else ""
    (tmp_path / "t.txt").write_bytes((bom + text).encode(encoding))
    section = read(tmp_path / "t.txt")
    assert set(section.obs["region"]) == {"Rückenmark"}
    assert section.spot_ids.tolist() == TABLE.index.tolist()
    assert np.array_equal(section.counts.toarray(), TABLE.iloc[:, 2:].to_numpy())


def test_the_names_of_rows_are_told_by_many_rows(tmp_path):
    table = TABLE.copy()
    table.index = ["1e5", "12", *TABLE.index[2:]]
    table.rename_axis("name").to_csv(tmp_path / "t.csv")
    check(tmp_path / "t.csv", table)
    # A first column of few words names no rows.
    TABLE.reset_index(drop=True).assign(a="x").iloc[:, ::-1].to_csv(tmp_path / "t.csv", index=False)
    section = read(tmp_path / "t.csv")
    assert section.spot_ids[0] == "spot_1"
    assert set(section.obs["a"]) == {"x"}


@pytest.mark.parametrize("title", ["Counts of section A1", "A1;;;;;;;;", "# a comment\nA1\n"])
def test_a_title_above_the_column_names(tmp_path, title):
    (tmp_path / "t.csv").write_text(f"{title}\n{TABLE.to_csv(sep=';')}")
    check(tmp_path / "t.csv")
    assert "A1' above the column names of 't.csv' was left out" in " ".join(
        read(tmp_path / "t.csv").notes
    )


# --- marks in numbers


def grouped(value: float, decimals: int, thousands: str, decimal: str) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace(",", "_").replace(".", decimal).replace("_", thousands)


@pytest.mark.parametrize(
    ("sep", "thousands", "decimal"),
    [(";", ".", ","), ("\t", ".", ","), (",", ",", "."), (";", ",", ".")],
)
def test_thousands_beside_decimals(tmp_path, sep, thousands, decimal):
    table = TABLE.assign(x=TABLE["x"] + 0.25, y=TABLE["y"] + 0.5)
    text = table.copy().astype(object)
    for column in ("x", "y"):
        text[column] = [grouped(v, 2, thousands, decimal) for v in table[column]]
    text.to_csv(tmp_path / "t.csv", sep=sep)
    section = read(tmp_path / "t.csv")
    assert section.xy == pytest.approx(table[["x", "y"]].to_numpy(), abs=0.01)
    assert "were read as thousands" in " ".join(section.notes)


def test_thousands_in_quotes_and_thousands_that_may_be_decimals(tmp_path):
    whole = TABLE.astype(int) * [4, 4, 1, 1, 1, 1, 1, 1]
    text = whole.map(lambda v: f"{v:,}")
    text.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.xy == pytest.approx(whole[["x", "y"]].to_numpy())
    assert "Numbers such as 1,000 in 't.csv' were read as thousands" in " ".join(section.notes)
    for sep, mark in (("\t", ","), (";", ",")):
        text.map(lambda v, m=mark: v.replace(",", m)).to_csv(tmp_path / "t.csv", sep=sep)
        with pytest.raises(S2SError, match=r"may be thousands or have three decimals.*without"):
            read(tmp_path / "t.csv")
    text.map(lambda v: v.replace(",", ".")).to_csv(tmp_path / "t.csv", sep=";")
    with pytest.raises(S2SError, match="may be thousands"):
        read(tmp_path / "t.csv")
    # Two marks in one number leave no doubt.
    (whole * [1000, 1000, 1, 1, 1, 1, 1, 1]).map(lambda v: f"{v:,}").to_csv(
        tmp_path / "t.csv", sep="\t"
    )
    assert read(tmp_path / "t.csv").xy.max() > 1e6
    both = TABLE.astype(object).assign(x="1,5", y="2.25")
    both.to_csv(tmp_path / "t.csv", sep="\t")
    with pytest.raises(S2SError, match=r"both as 1,5 and as 2\.25"):
        read(tmp_path / "t.csv")


# --- genes that became dates


DATES = {
    "1-Mar": "MARCHF1 (once MARCH1)",
    "Mar-08": "MARCHF8",
    "02-Sep": "SEPTIN2 (once SEPT2)",
    "Sept 7": "SEPTIN7",
    "2023-09-09": "SEPTIN9",
    "2023-03-05 00:00:00": "MARCHF5",
    "3/6/2024": "MARCHF6",
    "44256": "MARCHF1",
    "1. Dez": "DELEC1 (once DEC1)",
    "15-Sep": "SELENOF",
}


@pytest.mark.parametrize("name", DATES)
@pytest.mark.parametrize("form", ["columns", "rows", "molecules"])
def test_genes_that_became_dates_are_named(tmp_path, name, form):
    table = TABLE.rename(columns={"Gene1": name})
    if form == "columns":
        table.to_csv(tmp_path / "t.csv")
    elif form == "rows":
        table.iloc[:, 2:].T.to_csv(tmp_path / "counts.csv")
        table[["x", "y"]].to_csv(tmp_path / "positions.csv")
    else:
        long = table.melt(["x", "y"], var_name="gene", value_name="count")
        long[long["count"] > 0].to_csv(tmp_path / "t.csv", index=False)
    section = read(tmp_path)
    assert name in section.genes
    note = next(n for n in section.notes if "dates that" in n)
    assert f"{name!r} is likely {DATES[name]}" in note
    assert "correct them in the file" in note


def test_two_genes_of_one_date_are_numbered_and_true_names_are_no_dates(tmp_path):
    table = TABLE.set_axis(["x", "y", "1-Mar", "1-Mar", "MARCH1", "SEPT2", "DEC1", "Sep15"], axis=1)
    table.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == ["1-Mar", "1-Mar-1", "MARCH1", "SEPT2", "DEC1", "Sep15"]
    note = next(n for n in section.notes if "dates that" in n)
    assert "A gene name looks" in note or "2 gene names look" in note
    assert "SEPT2'" not in note
    # Numbers that are identifiers of genes are no days.
    ids = pd.Index([str(44256 + i) for i in range(6)])
    table.iloc[:, 2:].T.set_axis(ids).to_csv(tmp_path / "counts.csv")
    table[["x", "y"]].to_csv(tmp_path / "t.csv")
    assert not [n for n in read(tmp_path).notes if "dates that" in n]


# --- what is no text at all


@pytest.mark.parametrize("inside", ["xl/workbook.xml", "content.xml"])
def test_workbooks_are_named(tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as file:
        file.writestr(inside, "<a/>")
        file.writestr("meta.xml", "<a/>")
    with pytest.raises(S2SError, match="is a spreadsheet.*save the sheet as CSV"):
        read(tmp_path / "t.xlsx")


def test_a_cut_off_text_of_two_byte_letters(tmp_path):
    data = TABLE.to_csv(sep="\t").encode("utf-16")
    (tmp_path / "t.txt").write_bytes(data[: len(data) // 2 * 2 - 1])
    with pytest.raises(S2SError, match="cut off or damaged"):
        read(tmp_path / "t.txt")
