import re
import shlex
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import anndata as ad
import numpy as np
import pytest

from s2s_core import api, impute, sample
from s2s_core._version import __version__
from s2s_core.cli.main import main
from s2s_core.config import ModelConfig, PaperTraining
from s2s_core.data.additions import ADDED_KEY
from s2s_core.data.provenance import INPUT_KEY
from s2s_core.errors import S2SError
from s2s_core.output.report import write_report
from s2s_core.output.report_text import citation, methods_text, summary_sentence
from s2s_core.output.reproduce import command
from s2s_core.readers import read
from tests.made import made_result, made_section

pytestmark = pytest.mark.slow

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>$_{'


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.words = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)


def named(section, file="tissue.h5ad"):
    return replace(section, uns={INPUT_KEY: {"file": file, "sha256": "0" * 64}})


@pytest.fixture(scope="module", params=["square", "hex"])
def tested(request):
    """A kriging run with hidden truth, compared with two simpler methods."""
    section = sample(named(made_section(request.param, 16, 18)), "lattice:2")
    return impute(section, method="kriging", compare=["linear", "nearest"], threads=1)


@pytest.fixture(scope="module")
def gappy():
    section = sample(named(made_section("square", 16, 18)), "random:0.5").without_hidden()
    return impute(section, method="linear", compare=[], threads=1)


def test_the_report_is_one_file_that_needs_nothing_else(tested, tmp_path):
    write_report(tested, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for _, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith("data:image/png;base64,")
    text = (tmp_path / "report.html").read_text()
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text


def test_the_report_holds_what_it_should(tested, tmp_path):
    write_report(tested, tmp_path / "report.html", genes=["Gene2", "Gene4", "Gene2"])
    page = Page(tmp_path / "report.html")
    # Maps and a scatter plot of each gene.
    assert page.tags.count("img") == 4
    assert "216 hidden spots" in page.words
    for heading in ("Scores", "What each map is good for", "Diagnosis", "Methods", "Cite"):
        assert heading in page.words
    assert "Kriging per gene" in page.words
    assert "p (t test, over blocks of spots)" in page.words
    assert f"{tested.metrics['pcc'][:6].mean():.3f}" in page.words
    assert "Over-smoothing" in page.words
    assert "python -m s2s_core reproduce" in page.words
    assert "impute tissue.h5ad" in page.words
    assert methods_text(tested) in page.words
    assert summary_sentence(tested) in page.words
    assert "arXiv:2507.16886" in page.words


def test_without_truth_no_truth_is_shown(gappy, tmp_path):
    write_report(gappy, tmp_path / "report.html", genes=["Gene0"])
    page = Page(tmp_path / "report.html")
    assert page.tags.count("img") == 1
    assert "withheld" in page.words
    assert "hidden spots" not in page.words.replace("PCC at hidden or withheld spots", "")


def test_hostile_names_stay_words(tmp_path):
    section = named(made_section(), file=HOSTILE)
    section = replace(section, var=section.var.rename(index={"Gene0": HOSTILE, "Gene1": "\ud800"}))
    result = made_result(sample(section, "lattice:2"))
    write_report(result, tmp_path / "report.html", genes=[HOSTILE, "\ud800"])
    page = Page(tmp_path / "report.html")
    assert "script" not in page.tags
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert all(v.startswith("data:") for _, name, v in page.attributes if name == "src")
    assert HOSTILE in page.words


def test_an_unknown_gene_is_a_sentence(tested, tmp_path):
    with pytest.raises(S2SError, match="Gene99"):
        write_report(tested, tmp_path / "report.html", genes=["Gene99"])
    assert not (tmp_path / "report.html").exists()


def test_methods_say_what_was_done(tested, gappy):
    words = methods_text(tested)
    target = tested.info["target_sum"]
    for said in (
        "288 positions",
        "6 genes",
        "216 positions with known values were hidden",
        "lattice:2 (one of every 2 rows and columns measured)",
        "72 positions (25%)",
        f"({target:g})",
        "log1p",
        "Matern 3/2",
        "90% prediction intervals",
        "at 216 hidden spots",
        f"PCC {tested.metrics['pcc'][:6].mean():.3f}",
        "Seed 0",
        __version__,
        "Linear interpolation, Nearest measured spot",
    ):
        assert said in words, said
    words = methods_text(gappy)
    assert "gaps whose true values are unknown" in words
    assert "14 measured spots withheld from training" in words
    assert "Compared" not in words
    assert "torch" not in words


def test_methods_of_the_network_name_its_training():
    result = made_result(sample(made_section(), "lattice:2"), "s2s")
    details = {"steps_done": 80, "prior": True, "programmes": 5, "network_share": 0.25}
    words = methods_text(replace(result, info={"details": {"s2s": details}}))
    for said in (
        "2507.16886",
        "preset fast",
        "80 steps",
        "5 gene programmes",
        "photographs",
        "(25%)",
        "0.0008",
    ):
        assert said in words, said
    paper = replace(result.config, preset="paper", model=ModelConfig(), train=PaperTraining())
    assert "published network" in methods_text(replace(result, config=paper, info={}))


def test_log_input_is_said_and_nothing_unknown_is():
    section = replace(sample(made_section(), "lattice:2"), is_log=True)
    words = methods_text(replace(made_result(section), info={}, layers={}))
    assert "log-normalised already" in words
    assert "intervals were calibrated" not in words
    assert "nan" not in words.lower()


def test_the_summary_is_plain(tested):
    words = summary_sentence(tested)
    assert words.startswith("Kriging per gene filled 216 of 288 positions of tissue.h5ad")
    assert f"mean PCC of {tested.metrics['pcc'][:6].mean():.2f}" in words
    assert "should be left out" in words


@pytest.mark.parametrize(
    ("design", "options"),
    [
        ("random:0.4", {}),
        ("densify:2", {"scale": "counts"}),
        ("lattice:2", {"absent": "background", "kind": "square"}),
        ("random:0.5", {"bin_size": 120.0, "kind": "points"}),
        (None, {"measured": "seen", "technology": "h5ad"}),
    ],
)
def test_the_report_alone_runs_the_same_again(tmp_path, monkeypatch, design, options):
    adata = made_section().to_anndata()
    adata.obs["seen"] = np.arange(adata.n_obs) % 3 > 0
    adata.write_h5ad(tmp_path / "in.h5ad")
    section = read(tmp_path / "in.h5ad", **options)
    section = (sample(section, design, seed=7) if design else section).subset_genes(
        ["Gene1", "Gene3"]
    )
    result = api.impute(section, method="linear", compare=["nearest"])
    write_report(result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    said = re.search(r"<code>(python -m s2s_core impute .*?)</code>", page)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(unescape(said[1]))[3:]) == 0
    made = ad.read_h5ad(tmp_path / "result" / "imputed.h5ad")
    assert made.var_names.tolist() == ["Gene1", "Gene3"]
    np.testing.assert_array_equal(made.obs["measured"], section.measured)
    np.testing.assert_array_equal(made.X, result.imputed)


def test_there_is_no_command_for_what_it_cannot_say(tmp_path):
    section = named(made_section())
    known = made_result(sample(section, "lattice:2"))
    assert "--mask lattice:2" in command(known)
    assert "--mask-seed" not in command(known)
    on_cpu = replace(known, config=replace(known.config, device="cpu"))
    assert "--device cpu" in command(on_cpu)
    seeded = made_result(sample(section, "random:0.4", seed=5))
    assert "--mask-seed 5" in command(seeded)
    fold = np.arange(section.n_positions) < 20
    one = sample(section, "random:0.4")
    for other in (
        section.with_measured(np.arange(120) % 2 == 0, "painted"),
        sample(section, "random:0.4", avoid=fold),
        sample(made_section(), "lattice:2"),
        # Scores are taken elsewhere where what was hidden is forgotten.
        sample(section, "lattice:2").without_hidden(),
        replace(one, uns={**one.uns, ADDED_KEY: 3}),
    ):
        assert command(made_result(other)) is None
    odd = replace(known.config, coverage=0.8)
    assert command(replace(known, config=odd)) is None
    write_report(replace(known, config=odd), tmp_path / "report.html")
    assert "No command line repeats this run" in Page(tmp_path / "report.html").words


def test_the_report_records_what_it_takes_to_run_it_again(tmp_path):
    section = sample(named(made_section()), "random:0.4", seed=5)
    write_report(made_result(section), tmp_path / "report.html")
    words = Page(tmp_path / "report.html").words
    for said in (
        "tissue.h5ad",
        "0" * 64,
        "random:0.4",
        "its seed 5",
        "Seed of the run 0",
        ", ".join(section.genes),
        '"learning_rate"',
    ):
        assert said in words


def test_the_citation_names_paper_and_version():
    assert "2507.16886" in citation()
    assert __version__ in citation()
