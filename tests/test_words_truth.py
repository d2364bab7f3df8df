"""What a report and a command say of a run, against the run itself."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.config import preset
from s2s_core.data.additions import ADDED_KEY
from s2s_core.data.provenance import INPUT_KEY
from s2s_core.output import report
from s2s_core.output.report import write_report
from s2s_core.output.report_text import methods_text, scored_where, summary_sentence
from s2s_core.output.reproduce import command
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Spots
from tests.made import made_result, made_section


def of(section, **config):
    """A made result of a file; its settings are those of the preset."""
    section = replace(section, uns={**section.uns, INPUT_KEY: {"file": "tissue.h5ad"}})
    made = made_result(section)
    return replace(made, config=preset("fast", method="linear", compare=("nearest",), **config))


@pytest.fixture
def result():
    return of(sample(made_section("square", 10, 12), "random:0.25", seed=3), seed=7)


@pytest.mark.parametrize(
    ("spots", "said"),
    [
        (Spots.HIDDEN, "529 hidden spots"),
        (Spots.WITHHELD, "529 measured spots withheld from training"),
    ],
)
def test_it_is_said_where_scores_were_taken(spots, said):
    assert scored_where(pd.DataFrame({"spots": [spots], "n_spots": [529]})) == said


def test_a_command_names_the_masks_seed_where_it_is_another(result):
    words = command(result)
    assert "--mask random:0.25 --mask-seed 3" in words
    assert "--seed 7" in words
    same = replace(result, config=replace(result.config, seed=3))
    assert "--mask-seed" not in command(same)


def test_there_is_no_command_for_anything_else_than_the_run(result):
    section = result.section
    other = replace(result.config, train=replace(result.config.train, steps=3))
    assert command(replace(result, config=other)) is None
    moved = section.measured.copy()
    moved[np.flatnonzero(moved)[0]] = False
    moved[np.flatnonzero(section.hidden)[0]] = True
    assert command(replace(result, section=replace(section, measured=moved))) is None
    added = replace(section, uns={**section.uns, ADDED_KEY: 4})
    assert command(replace(result, section=added)) is None
    assert command(replace(result, section=replace(section, uns={}))) is None


def test_a_command_names_chosen_genes(result):
    few = of(result.section.subset_genes(["Gene4", "Gene1"]), seed=7)
    assert "--genes Gene4,Gene1" in command(few)
    assert "--genes" not in command(result)


def test_the_summary_counts_what_was_filled(result):
    said = summary_sentence(result)
    assert (
        "filled 90 of 120 positions of tissue.h5ad from 30 measured spots (25%), for 6 genes"
        in said
    )


def test_only_the_chosen_methods_scores_are_told(result):
    metrics = result.metrics.copy()
    mine = metrics["method"] == "linear"
    for name in ("pcc", "spearman", "rmse", "mae", "ssim"):
        metrics[name] = np.where(mine, 0.25, 0.75)
    metrics["coverage"] = np.where(mine, 0.875, 0.5)
    told = replace(result, metrics=metrics)
    assert "mean PCC of 0.25" in summary_sentence(told)
    assert "88% of the values lie inside their 90% intervals" in summary_sentence(told)
    assert "PCC 0.250, Spearman 0.250, RMSE 0.250" in methods_text(told)
    assert "mean over 6 genes" in methods_text(told)


@pytest.fixture
def drawn(result, monkeypatch):
    """Panels and scatter plots of a report, as they are handed to be drawn."""
    seen = {"panels": [], "scatter": []}

    class Figure:
        pass

    monkeypatch.setattr(
        report, "map_figure", lambda s, panels, *a, **k: seen["panels"].append(panels) or Figure()
    )
    monkeypatch.setattr(
        report, "scatter_figure", lambda *a, **k: seen["scatter"].append(a) or Figure()
    )
    monkeypatch.setattr(report, "save", lambda *_: b"png")
    return seen


def test_panels_show_what_their_titles_say(result, drawn, tmp_path):
    upper = (result.layers["upper"] * 2).astype(np.float32)
    made = replace(result, layers={**result.layers, "upper": upper})
    write_report(made, tmp_path / "r.html", genes=["Gene3"])
    (panels,) = drawn["panels"]
    found = dict(panels)
    measured = result.section.measured
    assert list(found) == [
        "measured",
        "imputed (Linear interpolation)",
        "Nearest measured spot",
        "truth",
        "90% interval width",
    ]
    assert np.array_equal(found["measured"][measured], result.truth[measured, 3])
    assert np.isnan(found["measured"][~measured]).all()
    assert np.array_equal(found["imputed (Linear interpolation)"], result.imputed[:, 3])
    assert np.array_equal(found["Nearest measured spot"], result.maps["nearest"][:, 3])
    assert np.array_equal(found["truth"], result.truth[:, 3], equal_nan=True)
    assert np.array_equal(found["90% interval width"], upper[:, 3] - result.layers["lower"][:, 3])
    truth, imputed, gene = drawn["scatter"][0][:3]
    assert gene == "Gene3"
    assert np.array_equal(truth, result.truth[result.section.hidden, 3])
    assert np.array_equal(imputed, result.imputed[result.section.hidden, 3])


def test_genes_are_shown_from_the_best_to_the_middling(result, drawn, tmp_path):
    pcc = {"Gene0": 0.1, "Gene1": 0.9, "Gene2": 0.5, "Gene3": 0.3, "Gene4": 0.7, "Gene5": np.nan}
    made = replace(result, metrics=result.metrics.assign(pcc=result.metrics["gene"].map(pcc)))
    write_report(made, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    # The places 0, 0.8, 1.7 and 2.5 of six.
    assert re.findall(r"<h3>(\w+)</h3>", page) == ["Gene1", "Gene4", "Gene2"]
    assert "nan" not in re.sub(r"<code>.*?</code>", "", page)


def test_the_best_lights_come_first_and_nothing_is_loaded(result, drawn, tmp_path, monkeypatch):
    lights = pd.DataFrame(
        {
            "light": ["leave", "test", "look", "test", "rank", "leave"],
            "pcc": [0.1, 0.8, 0.4, 0.9, 0.6, 0.2],
            "spearman": 0.5,
            "coverage": 0.9,
            "moran": 0.3,
            "reason": "So.",
        },
        index=pd.Index([f"Gene{i}" for i in range(6)], name="gene"),
    )
    monkeypatch.setattr(report, "grade_genes", lambda _: lights)
    write_report(result, tmp_path / "r.html", genes=["Gene0"])
    page = (tmp_path / "r.html").read_text()
    order = re.findall(r"<td>(Gene\d)</td><td class=\"(\w+)\"", page)
    assert order == [
        ("Gene3", "test"),
        ("Gene1", "test"),
        ("Gene4", "rank"),
        ("Gene2", "look"),
        ("Gene5", "leave"),
        ("Gene0", "leave"),
    ]
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page


def test_every_word_is_escaped(result, drawn, tmp_path):
    bad = "<b>&x</b>"
    section = replace(result.section, uns={INPUT_KEY: {"file": bad}})
    write_report(replace(result, section=section), tmp_path / "r.html", genes=["Gene0"])
    assert "<b>" not in (tmp_path / "r.html").read_text()
