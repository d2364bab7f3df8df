"""The experiments' benchmark: what is done is collected, and not done again."""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import experiments  # noqa: E402

from s2s_core.data.simulate import demo_section  # noqa: E402


def test_tables_of_all_experiments_and_sections_stand_in_one_file(tmp_path, monkeypatch):
    demo_section(rows=18, genes=12).to_anndata().write_h5ad(tmp_path / "made.h5ad")
    for name, value in (("DATA", tmp_path), ("RUNS", tmp_path / "runs"), ("HERE", tmp_path)):
        monkeypatch.setattr(experiments, name, value)
    (tmp_path / "results").mkdir()
    asked = []

    def run(section, name, folder, *, base, seeds, hooks):
        asked.append((name, bool(section.hidden.any()), base.preset, seeds))
        folder.mkdir(parents=True)
        pd.DataFrame({"variant": ["K = 1"], "pcc": [0.5]}).to_csv(folder / "summary.csv")
        (folder / "report.md").write_text("# cascades: What do they add?\n\nNothing.\n")

    monkeypatch.setattr(experiments, "run_experiment", run)
    argv = ["experiments.py", "--sections", "made", "--experiments", "cascades", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", argv)
    experiments.main()
    assert asked == [("cascades", False, "fast", 2)]
    monkeypatch.setattr(sys, "argv", [*argv, "--report"])
    experiments.main()
    assert len(asked) == 1
    (words,) = (tmp_path / "results").glob("*-experiments.md")
    assert "## cascades: What do they add?: made\n\nNothing." in words.read_text()
    table = pd.read_csv(words.with_suffix(".csv"))
    assert table[["experiment", "section", "pcc"]].to_numpy().tolist() == [
        ["cascades", "made", 0.5]
    ]
