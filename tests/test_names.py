"""Names of downloads: they say what the file is and are allowed everywhere."""

import re
from dataclasses import replace

import pytest

from s2s_core.data.provenance import INPUT_KEY
from s2s_core.data.simulate import demo_section
from s2s_core.output.file_names import download_name
from tests.made import made_section


def read_from(file):
    return replace(made_section("square"), uns={INPUT_KEY: {"file": file}})


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("visium_mouse_brain_coronal.h5ad", "visium_mouse_brain_coronal-imputed.csv"),
        ("counts.tsv.gz", "counts-imputed.csv"),
        ("outs.zip", "outs-imputed.csv"),
        ("sample 1.v2.h5ad", "sample_1_v2-imputed.csv"),
        ("Größe №1.csv", "Größe_1-imputed.csv"),
        ("脳.csv", "脳-imputed.csv"),
        ("C:\\data\\brain.csv", "brain-imputed.csv"),
    ],
)
def test_the_section_and_what_it_is(file, name):
    assert download_name(read_from(file), "imputed.csv") == name


@pytest.mark.parametrize(
    "file",
    [
        "con.x.h5ad",
        "../../etc/passwd",
        ".hidden",
        '<>:"|?*.csv',
        "a\nb\0c.csv",
        "x" * 500,
        "é" * 300 + ".csv",
        ".csv",
        "--help.csv",
        "name. .csv",
        "\ud800.csv",
    ],
)
def test_any_name_becomes_one_that_every_file_system_takes(file):
    name = download_name(read_from(file), "imputed.csv")
    assert re.fullmatch(r"[\w-]+-imputed\.csv", name)
    assert not name.startswith(("-", "."))
    assert len(name.encode()) < 200
    assert name.split(".")[0].lower() not in ("con", "nul", "prn", "aux")


def test_sections_without_a_file_have_names_too():
    assert download_name(demo_section(rows=12, genes=3), "mask.csv") == "demo_section-mask.csv"
    assert download_name(made_section("square"), "mask.csv") == "section-mask.csv"


def test_genes_do_no_harm():
    assert download_name(read_from("b.csv"), "HLA-A/x:y.2.png") == "b-HLA-A_x_y_2.png"
    assert download_name(read_from("b.csv"), "///.svg") == "b-section.svg"
