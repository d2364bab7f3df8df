"""Every file that Results hands over, opened with what its readers would use."""

import json
import xml.etree.ElementTree as ET

import anndata
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from s2s_core.data.result import load_result
from s2s_core.output.bundle import read_bundle
from tests.browser import steps

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def result(finished):
    return load_result(finished.result)


@pytest.fixture
def take(page, server, finished, tmp_path):
    """Download by the name of a button."""
    steps.open_results(page, server, finished)
    steps.look_at(page, "Download")
    return lambda name: steps.download(page, name, tmp_path)


def test_tables_hold_the_maps(take, result):
    genes = list(result.section.genes)

    def wide(name: str) -> np.ndarray:
        table = pd.read_csv(take(name)).set_index("spot_id")
        return table.loc[result.section.spot_ids, genes].to_numpy(np.float32)

    np.testing.assert_array_equal(wide("Imputed table (CSV)"), result.imputed)
    assert take("Imputed table (CSV)").name == "demo_section-imputed.csv"
    median, lower, upper = map(wide, ("Median (CSV)", "Lower end", "Upper end"))
    assert (lower <= median).all() and (median <= upper).all()
    assert (lower < upper)[~result.section.measured].any()
    long = pd.read_csv(take("Long table (CSV)"))
    assert len(long) == result.section.n_positions * len(genes)
    assert set(long["gene"]) == set(genes)
    assert {"median", "lower", "upper"} <= set(long.columns)
    mask = pd.read_csv(take("Sampling mask (CSV)")).set_index("spot_id")
    at = mask["measured"].reindex(result.section.spot_ids).to_numpy()
    np.testing.assert_array_equal(at, result.section.measured)
    metrics = pd.read_csv(take("Scores per gene (CSV)"))
    assert set(metrics["gene"]) == set(genes)
    assert set(metrics["method"]) >= {"linear", "nearest"}


def test_anndata_and_run_record(take, result):
    opened = anndata.read_h5ad(take("AnnData (.h5ad)"))
    assert list(opened.var_names) == list(result.section.genes)
    assert opened.n_obs == result.section.n_positions
    assert {"median", "lower", "upper"} <= set(opened.layers)
    record = json.loads(take("Run record (JSON)").read_text())
    assert record["config"]["method"] == "linear"


def test_figures_are_fit_for_print(take, result):
    png = take("Figure (PNG)")
    with Image.open(png) as picture:
        assert min(picture.info["dpi"]) > 299
        # Two columns: 180 mm.
        assert picture.width == pytest.approx(180 / 25.4 * 300, rel=0.01)
    root = ET.parse(take("Figure (SVG)")).getroot()
    words = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    gene = png.stem.removeprefix("demo_section-")
    assert gene in words and "Measured" in words
    assert gene in result.section.genes


def test_report_opens_without_a_network(take, visitor, result):
    asked = []
    reader = visitor()
    reader.on("request", lambda r: asked.append(r.url))
    reader.goto(take("Report (HTML)").as_uri())
    reader.locator("img, svg").first.wait_for()
    assert "linear" in reader.locator("body").inner_text().lower()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    broken = "() => [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    assert reader.evaluate(broken) == 0


def test_bundle_is_read_back(take, result):
    bundle = read_bundle(take("Run bundle (ZIP)"))
    np.testing.assert_array_equal(bundle.imputed, result.imputed)
    np.testing.assert_array_equal(bundle.section.measured, result.section.measured)
    assert bundle.config.method == "linear"
