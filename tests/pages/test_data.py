"""The Data page: empty, demo, upload, wrong files, genes."""

import pytest
from streamlit.testing.v1 import AppTest

from s2s_core.data.simulate import demo_section
from s2s_core.data.structure import NONE, gene_structure
from s2s_core.vocabulary import PATTERN
from tests.made_files import zipped
from tests.made_zarr import spatialdata
from tests.pages.conftest import ROOT
from tests.pages.steps import maps_on
from tests.test_several_sections import two_sections, written

pytestmark = pytest.mark.slow


@pytest.fixture
def h5ad(tmp_path):
    section = demo_section(rows=16, genes=6)
    path = tmp_path / "mine.h5ad"
    section.to_anndata().write_h5ad(path)
    return path


def upload(app, name, data, kind="application/octet-stream"):
    app.at.get("file_uploader")[0].upload(name, data, kind).run()
    return app


def test_the_empty_page_asks_for_a_section(app):
    assert app.at.title[0].value == "Open a section"
    assert "open a section first" in app.words()
    assert not maps_on(app.at)


def test_the_demo_is_one_click_away(app):
    app.click("open_demo").healthy()
    assert app.workspace.section.uns["simulated"]
    assert "simulated" in app.words()
    assert "300 genes" in app.words()
    (shown,) = maps_on(app.at)
    assert [m["title"] for m in shown["maps"]] == ["Total per spot"]
    assert shown["unit"] == "counts"


def test_an_upload_is_read_and_described(app, h5ad):
    upload(app, h5ad.name, h5ad.read_bytes()).healthy()
    section = app.workspace.section
    assert len(section.genes) == 6
    assert "mine.h5ad" in app.words()
    assert "hexagonal lattice" in app.words()


def test_a_table_is_read_too(app):
    rows = ["spot_id,x,y,GeneA,GeneB"]
    rows += [f"s{r}_{c},{c},{r},{r + c},{r}" for r in range(6) for c in range(6)]
    upload(app, "t.csv", "\n".join(rows).encode(), "text/csv").healthy()
    assert list(app.workspace.section.genes) == ["GeneA", "GeneB"]


def test_a_zipped_store_is_read_too(app, tmp_path):
    path = zipped(spatialdata(tmp_path / "mine.zarr"))
    upload(app, path.name, path.read_bytes(), "application/zip").healthy()
    assert app.workspace.section.n_positions == 120
    assert "mine.zarr.zip" in app.words()


@pytest.mark.parametrize(
    ("name", "data"), [("bad.h5ad", b"not a file of that kind"), ("bad.csv", b"a,b\n1,2\n")]
)
def test_a_wrong_file_is_one_sentence_and_loses_nothing(app, name, data):
    app.click("open_demo")
    before = app.workspace.section
    upload(app, name, data).healthy()
    assert len(app.at.error) == 1
    assert app.at.error[0].value.strip()
    assert app.workspace.section is before


def test_no_file_name_becomes_a_path(app, h5ad):
    upload(app, "../../etc/evil.h5ad", h5ad.read_bytes()).healthy()
    assert app.workspace.section is not None


def test_genes_are_chosen_by_search_and_by_pasting(app):
    app.click("open_demo")
    genes = list(app.workspace.section.genes)
    app.at.radio(key="gene_mode").set_value("choose").run()
    assert "Choose at least one gene" in app.words()
    app.at.multiselect(key="gene_pick").set_value([genes[3]]).run()
    app.at.text_area(key="gene_paste").set_value(f"{genes[5]}, sim_layer_001x\n{genes[7]}").run()
    app.healthy()
    assert app.workspace.genes == [genes[3], genes[5], genes[7]]
    assert "sim_layer_001x is not a gene of this section" in app.words()


def test_the_same_file_can_be_opened_twice(app, tmp_path):
    section = demo_section(rows=14, genes=4)
    path = tmp_path / "again.h5ad"
    section.to_anndata().write_h5ad(path)
    for _ in range(2):
        upload(app, path.name, path.read_bytes()).healthy()
    assert set(section.spot_ids) <= set(app.workspace.section.spot_ids)


def test_genes_are_told_by_their_spatial_pattern(app):
    section = demo_section(rows=30, genes=40, flat=14)
    app.take(section).go("data").healthy()
    table = app.workspace.structure
    for word, count in table["verdict"].value_counts().items():
        assert f"{word}: **{count}**" in app.words()
    assert PATTERN.asked in app.words()
    app.at.radio(key="gene_mode").set_value("spatial").run()
    app.at.number_input(key="gene_count").set_value(5).run()
    app.healthy()
    assert set(app.workspace.genes) == set(table["moran"].nlargest(5).index)
    assert "**5 genes** will be imputed" in app.words()
    app.at.radio(key="gene_mode").set_value("expressed").run()
    assert set(app.healthy().workspace.genes) == set(table["mean"].nlargest(5).index)


def test_a_large_table_is_looked_through_on_request(app, monkeypatch):
    monkeypatch.setattr("pages._genes.AT_ONCE", 10)
    app.take(demo_section(rows=16, genes=6)).go("data").healthy()
    assert app.workspace.structure is None
    modes = app.at.radio(key="gene_mode")
    assert modes.options == ["All genes", "Most spatial", "Highest expressed", "Choose"]
    modes.set_value("spatial").run()
    assert 'press "Find the genes with a spatial pattern" first' in app.healthy().words()
    app.click("find_structure").healthy()
    assert app.workspace.structure is not None
    assert 'press "Find' not in app.words()
    assert "genes** will be imputed" in app.words()


def test_the_highest_expressed_genes_need_no_spatial_pattern(app, monkeypatch):
    monkeypatch.setattr("pages._genes.AT_ONCE", 10)
    section = demo_section(rows=16, genes=6)
    app.take(section).go("data")
    app.at.radio(key="gene_mode").set_value("expressed").run()
    app.at.number_input(key="gene_count").set_value(2).run()
    assert app.healthy().workspace.structure is None
    assert set(app.workspace.genes) == set(gene_structure(section)["mean"].nlargest(2).index)


def test_genes_without_a_pattern_are_said_to_be_left_out_best(app):
    # A flat gene beside few others has the pattern of their shares: most are flat here.
    section = demo_section(rows=30, genes=60, flat=54)
    app.take(section).go("data").healthy()
    flat = (app.workspace.structure["verdict"] == NONE).sum()
    assert flat > 30
    advice = f'{flat} of them have no spatial pattern, which no method can fill in: choose "Most spatial"'
    assert advice in app.words()
    app.at.radio(key="gene_mode").set_value("spatial").run()
    assert advice not in app.healthy().words()


def test_a_reload_keeps_the_open_section(app):
    app.click("open_demo").healthy()
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    again.query_params["section"] = app.workspace.draft_id
    again.run()
    assert not again.exception
    reopened = again.session_state["workspace"]
    assert reopened.section.spot_ids.equals(app.workspace.section.spot_ids)
    assert reopened.name == app.workspace.name


def test_an_address_of_no_section_is_said_to_be_one(app):
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    again.query_params["section"] = "../../etc/passwd"
    again.run()
    assert not again.exception
    assert "names no section" in again.warning[0].value


def test_one_of_several_sections_is_picked(app, tmp_path, runs):
    both = written(two_sections("library_id", index=True), tmp_path).read_bytes()
    upload(app, "both.h5ad", both).healthy()
    assert app.workspace.section is None
    assert "2 sections on top of each other" in app.at.warning[0].value
    pick = app.at.selectbox(key="section_pick")
    assert pick.options[:2] == ["A (120 spots)", "B (120 spots)"]
    assert "one section" in pick.options[2]
    pick.set_value("B").run()
    app.click("read_again").healthy()
    assert set(app.workspace.section.obs["library_id"]) == {"B"}
    assert "both.h5ad" in app.words()
    assert not app.at.warning
    assert not list((runs / "drafts").glob("*/"))


def test_a_refused_file_waits_for_the_one_that_is_missing(app):
    counts = "id,GeneA,GeneB\n" + "\n".join(f"s{i},{i % 5},{i % 3}" for i in range(36))
    places = "id,x,y\n" + "\n".join(f"s{i},{i % 6},{i // 6}" for i in range(36))
    upload(app, "counts.csv", counts.encode(), "text/csv").healthy()
    assert app.workspace.section is None
    assert "Kept: counts.csv" in app.words()
    upload(app, "places.csv", places.encode(), "text/csv").healthy()
    assert list(app.workspace.section.genes) == ["GeneA", "GeneB"]
    assert "Kept:" not in app.words()


def test_a_complete_file_is_opened_without_what_was_refused_before(app, h5ad):
    upload(app, "bad.csv", b"a,b\n1,2\n").healthy()
    upload(app, h5ad.name, h5ad.read_bytes()).healthy()
    assert len(app.workspace.section.genes) == 6
    assert "Kept:" not in app.words()


def test_refused_files_are_read_again_with_other_options_or_forgotten(app, runs):
    rows = ["spot_id,x,y,GeneA,GeneB"] + [f"s{i},{i % 6},{i // 6},{i % 5},-1" for i in range(36)]
    upload(app, "t.csv", "\n".join(rows).encode(), "text/csv").healthy()
    assert "negative" in app.at.error[0].value
    app.click("read_again").healthy()
    assert "negative" in app.at.error[0].value
    app.click("forget_files").healthy()
    assert not app.at.error
    assert not list((runs / "drafts").glob("*/"))
