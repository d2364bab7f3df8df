"""The tournament of designs on a made section: equal budgets, ranks, what was foretold."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import designs  # noqa: E402

from s2s_core.data.simulate import demo_section  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path, monkeypatch):
    demo_section(rows=22, genes=14).to_anndata().write_h5ad(tmp_path / "made.h5ad")
    (tmp_path / "results").mkdir()
    for name, value in (("DATA", tmp_path), ("RUNS", tmp_path / "runs"), ("HERE", tmp_path)):
        monkeypatch.setattr(designs, name, value)
    return tmp_path


def run(monkeypatch, *options):
    argv = [
        "designs.py",
        "--sections",
        "made",
        "--designs",
        "lattice,random,stratified,stripes,leverage",
        "--budgets",
        "25,50",
        "--seeds",
        "2",
        *options,
    ]
    monkeypatch.setattr(sys, "argv", argv)
    designs.main()


def test_every_design_has_the_same_budget_and_its_rank(place, monkeypatch):
    run(monkeypatch)
    (path,) = (place / "results").glob("*-designs.csv")
    table = pd.read_csv(path)
    assert (table.groupby("budget")["n_measured"].nunique() == 1).all()
    for _, part in table.groupby("budget"):
        assert sorted(part["rank"]) == list(range(1, len(part) + 1))
        best = part.sort_values("rank").iloc[0]
        assert best["pcc_map"] == part["pcc_map"].max()
        assert best["behind_best"] == 0
        assert part.set_index("design").loc["random", "gain_on_random"] == 0
        base = part.set_index("design").loc["random", "pcc_map"]
        assert (part["gain_on_random"] - (part["pcc_map"] - base)).abs().max() < 1e-3
    text = path.with_suffix(".md").read_text()
    assert "| leverage* |" in text
    assert "Foretold and achieved" in text
    before = (place / "runs/designs/made/cases.jsonl").read_text()
    run(monkeypatch, "--report")
    assert (place / "runs/designs/made/cases.jsonl").read_text() == before
    assert pd.read_csv(path).equals(table)
