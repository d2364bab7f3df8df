"""The benchmark on a made section: cases are kept, known to be done, and become a table."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import benchmark  # noqa: E402
import interval_coverage  # noqa: E402
import report  # noqa: E402

from s2s_core.data.simulate import demo_section  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def cases(tmp_path, monkeypatch):
    section = demo_section(rows=18, genes=12)
    path = tmp_path / "made.h5ad"
    section.to_anndata().write_h5ad(path)
    monkeypatch.setattr(benchmark, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(benchmark, "DATA", tmp_path)
    small = {"classical": ("programme-kriging", "kriging", "linear", "constant")}
    small |= {"kriging": ("programme-kriging-average", "first-estimate"), "s2s": ("s2s",)}
    small |= {"residuals": ("linear", "kriging")}
    monkeypatch.setattr(benchmark, "GROUPS", small)
    (tmp_path / "runs").mkdir()
    return [benchmark.Case(path, "lattice:2", 0, group, "fast") for group in benchmark.GROUPS]


def test_every_case_has_files_of_its_own(tmp_path):
    names = {
        benchmark.Case(tmp_path / section, mask, seed, group, "fast").stem.with_suffix(".csv")
        for section in ("a.h5ad", "a.b.h5ad")
        for mask in benchmark.MASKS
        for seed in (0, 1)
        for group in ("classical", "s2s")
    }
    assert len(names) == 2 * len(benchmark.MASKS) * 2 * 2


def test_a_case_is_done_once_and_again_when_code_changes(cases, monkeypatch):
    assert not cases[0].done()
    assert cases[0].run()
    assert cases[0].done()
    monkeypatch.setattr(benchmark, "fingerprint", lambda group: "other code")
    assert not cases[0].done()


def test_what_is_read_and_drawn_is_told_apart(tmp_path):
    section = demo_section(rows=18, genes=12)
    for name, part in (
        ("a", section),
        ("b", section),
        ("c", section.subset_genes(["SIM_LAYER_001"])),
    ):
        part.to_anndata().write_h5ad(tmp_path / f"{name}.h5ad")
    a, b, c = (benchmark.content(tmp_path / f"{n}.h5ad", "random:0.25", 0) for n in "abc")
    assert a == b != c
    assert a != benchmark.content(tmp_path / "a.h5ad", "random:0.25", 1)


def test_the_report_compares_with_the_best_classical_method(cases, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "write_pictures", lambda *_: None)
    assert all(case.run() for case in cases if case.group != "s2s")
    # The table needs scores of ours; what method made them is all the same to it.
    table = pd.read_csv(cases[0].stem.with_suffix(".csv"))
    ours = table[table["method"] == "programme-kriging"].assign(method="s2s")
    ours["pcc"] += 0.1
    by = {case.group: case for case in cases}
    ours.to_csv(by["s2s"].stem.with_suffix(".csv"), index=False)
    words = cases[0].stem.with_suffix(".json").read_text().replace("programme-kriging", "s2s")
    by["s2s"].stem.with_suffix(".json").write_text(words)
    report.write_report(cases, tmp_path / "out" / "table", "benchmark.py")
    rows = pd.read_csv(tmp_path / "out" / "table.csv")
    assert set(rows["method"]) >= {"programme-kriging", "kriging", "linear", "constant", "s2s"}
    assert set(rows["genes"]) == {"all", "spatial", "other"}
    every = rows[rows["genes"] == "all"].set_index("method")
    assert every.loc["s2s", "pcc_mean"] > every.loc["programme-kriging", "pcc_mean"]
    best = every["best_classical"].iloc[0]
    assert best in {"programme-kriging", "kriging", "linear"}
    assert every["pcc_mean"][["programme-kriging", "kriging", "linear"]].idxmax() == best
    assert every.loc[best, "p_pcc_vs_best"] == 1.0
    assert every["n_genes"].eq(12).all()
    text = (tmp_path / "out" / "table.md").read_text()
    assert "| made |" in text
    assert "**mean**" in text


def test_repeats_and_sections_without_truth_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "DATA", tmp_path)
    for name in ("a", "a_wholetranscriptome", "b_cells", "c_sparse1000", "d_beads"):
        (tmp_path / f"{name}.h5ad").touch()
    assert [p.stem for p in benchmark.sections(None)] == ["a"]


def test_coverage_is_set_beside_the_least_that_zeros_allow():
    zeros, covered = (pd.Series(v, ["A", "B", "C"]) for v in ([0.5, 0.94, 0.98], [0.9, 0.95, 0.98]))
    found = interval_coverage.account(zeros, covered)
    assert found["least"] == pytest.approx((0.9 + 0.94 + 0.98) / 3)
    assert (found["genes under 90 % zeros"], found["covered there"]) == (1, 0.9)
    assert found["covered elsewhere"] == pytest.approx(0.965)
