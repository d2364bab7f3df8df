"""Several sections in one input: named, one chosen, never laid on top of each other."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core import read
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.readers.subprocess_reader import read_in_subprocess
from tests.made import made_table

pytestmark = pytest.mark.slow


def two_sections(
    column: str, labels=("A", "B"), shift=(0.0, 0.0), index: bool = False
) -> ad.AnnData:
    """Two sections of 120 spots in one table, the second ``shift`` away."""
    counts, obs, var, xy, _ = made_table("hex")
    both = pd.concat([obs.set_axis(obs.index + f"-{k}") for k in range(2)])
    if not index:
        both = both[[]]
    both[column] = np.repeat(np.array(labels, object), 120)
    adata = ad.AnnData(np.vstack([counts, counts[::-1]]), obs=both, var=var)
    adata.obsm["spatial"] = np.vstack([xy, xy + shift])
    return adata


def written(adata: ad.AnnData, folder) -> str:
    adata.write_h5ad(folder / "both.h5ad")
    return folder / "both.h5ad"


@pytest.mark.parametrize(
    "column",
    [
        "library_id",
        "sample",
        "batch",
        "Section",
        "slide_id",
        "fov",
        "orig.ident",
        "sample_name",
        "slice",
    ],
)
@pytest.mark.parametrize("index", [True, False])
def test_sections_on_top_of_each_other_are_named_and_refused(tmp_path, column, index):
    path = written(two_sections(column, index=index), tmp_path)
    with pytest.raises(SeveralSections, match=f"'{column}' .A: 120 spots, B: 120 spots") as error:
        read(path)
    assert error.value.column == column
    assert error.value.values == {"A": 120, "B": 120}
    assert f"--where {column}=A" in str(error.value)


@pytest.mark.parametrize(
    ("column", "labels"), [("Bregma", (-29.0, 11.5)), ("z", (0.0, 10.0)), ("z_level", (1, 2))]
)
def test_levels_are_sections_and_their_numbers_choose_them(tmp_path, column, labels):
    adata = two_sections(column, labels)
    adata.obs[column] = adata.obs[column].astype(float)
    path = written(adata, tmp_path)
    with pytest.raises(SeveralSections):
        read(path)
    section = read(path, where=f"{column}={labels[1]:g}")
    assert section.n_known == 120
    assert all(i.endswith("-1") for i in section.spot_ids)


def test_the_chosen_section_is_read_alone(tmp_path):
    path = written(two_sections("library_id", index=True), tmp_path)
    section = read(path, where="library_id=B")
    assert section.n_known == 120
    assert set(section.obs["library_id"]) == {"B"}
    assert "Of 240 spots the 120 with library_id=B were read." in section.notes
    assert section.uns["s2s_input"]["options"]["where"] == "library_id=B"


def test_a_wrong_choice_says_what_there_is(tmp_path):
    path = written(two_sections("library_id"), tmp_path)
    with pytest.raises(S2SError, match="No spot has 'C' .* A: 120 spots, B: 120 spots"):
        read(path, where="library_id=C")
    with pytest.raises(S2SError, match="no column 'slide'.* library_id"):
        read(path, where="slide=A")
    with pytest.raises(S2SError, match="COLUMN=VALUE"):
        read(path, where="A")


def test_sections_side_by_side_are_one_map_with_a_note(tmp_path):
    section = read(written(two_sections("sample", shift=(3000.0, 0.0)), tmp_path))
    assert section.n_known == 240
    assert any(
        "2 sections side by side" in note and "where=sample=A" in note for note in section.notes
    )


def test_views_side_by_side_need_no_word(tmp_path):
    section = read(written(two_sections("fov", shift=(1200.0, 0.0)), tmp_path))
    assert not any("fov" in note for note in section.notes)


def test_one_section_cut_in_labels_is_no_trouble(tmp_path):
    """Labels of places within one section lie side by side, even narrow ones."""
    counts, obs, var, xy, _ = made_table("hex", 20, 20)
    obs["section"] = np.where(xy[:, 0] < np.median(xy[:, 0]), "left", "right")
    adata = ad.AnnData(counts, obs=obs, var=var, obsm={"spatial": xy})
    assert read(written(adata, tmp_path)).n_known == 400


def test_all_lays_them_together_where_places_allow_it(tmp_path):
    adata = two_sections("batch", shift=(50.0, 10.0))
    path = written(adata, tmp_path)
    with pytest.raises(SeveralSections):
        read(path)
    assert read(path, where="all", kind="points").known.any()


def test_endings_of_barcodes_tell_sections_apart(tmp_path):
    counts, obs, var, xy, _ = made_table("hex")
    rng = np.random.default_rng(0)
    codes = ["".join(rng.choice(list("ACGT"), 16)) for _ in range(120)]
    both = pd.DataFrame(index=[f"{c}-1-{k}" for k in range(2) for c in codes])
    adata = ad.AnnData(np.vstack([counts, counts]), obs=both, var=var)
    adata.obsm["spatial"] = np.vstack([xy, xy])
    path = written(adata, tmp_path)
    with pytest.raises(SeveralSections, match="'barcode_suffix'"):
        read(path)
    assert read(path, where="barcode_suffix=1").n_known == 120


def test_coinciding_spots_without_any_name_are_refused(tmp_path):
    adata = two_sections("something_else")
    with pytest.raises(S2SError, match="100% of the spots share their place .* column 'section'"):
        read(written(adata, tmp_path))


def test_coordinates_in_which_views_lie_side_by_side_are_taken(tmp_path):
    adata = two_sections("fov")
    adata.obsm["spatial_fov"] = adata.obsm["spatial"] + np.repeat(
        [[0.0, 0], [1200.0, 0]], 120, axis=0
    )
    section = read(written(adata, tmp_path))
    assert section.n_known == 240
    assert any("obsm['spatial_fov']" in note for note in section.notes)


def test_the_choice_survives_the_reading_process(tmp_path):
    path = written(two_sections("library_id"), tmp_path)
    with pytest.raises(SeveralSections) as error:
        read_in_subprocess(path)
    assert error.value.values == {"A": 120, "B": 120}
    assert read_in_subprocess(path, where="library_id=A").n_known == 120


def test_a_table_of_two_sections(tmp_path):
    adata = two_sections("slide")
    table = pd.DataFrame(np.asarray(adata.X), index=adata.obs_names, columns=adata.var_names)
    table.insert(0, "x", adata.obsm["spatial"][:, 0])
    table.insert(1, "y", adata.obsm["spatial"][:, 1])
    table.insert(2, "slide", adata.obs["slide"].to_numpy())
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(SeveralSections, match="'slide'"):
        read(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv", where="slide=B").n_known == 120
