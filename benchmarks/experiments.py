"""The paper's experiments at full length on real sections; writes a dated table.

python benchmarks/experiments.py [--sections NAME,...] [--experiments NAME,...] [--seeds 3] [--report]

The same experiments as `python -m s2s_core experiment` and the Studies page. Done variants are
kept in benchmarks/runs/experiments: what was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pandas as pd  # noqa: E402
from benchmark import DATA, RUNS  # noqa: E402

from s2s_core import read  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.interfaces import Hooks
from s2s_core.studies.data_consistency import check_consistency  # noqa: E402
from s2s_core.studies.experiments import EXPERIMENTS, run_experiment  # noqa: E402

HERE = Path(__file__).parent
SECTIONS = (
    "visium_human_breast_crop",
    "visium_mouse_brain_coronal",
    "xenium_human_breast_bin30um",
)
NAMES = ("dc", *EXPERIMENTS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", type=lambda t: t.split(","), default=list(SECTIONS))
    parser.add_argument("--experiments", type=lambda t: t.split(","), default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--name", default="experiments")
    parser.add_argument(
        "--report", action="store_true", help="only write the table of what is done"
    )
    args = parser.parse_args()
    tables, lines = [], []
    for experiment in args.experiments:
        for name in args.sections:
            folder = RUNS / "experiments" / args.preset / experiment / name
            if not args.report:
                compute(experiment, DATA / f"{name}.h5ad", folder, args)
            if (folder / "report.md").exists():
                table = pd.read_csv(folder / "summary.csv")
                tables.append(table.assign(experiment=experiment, section=name))
                title, *rest = (folder / "report.md").read_text(encoding="utf-8").splitlines()
                lines += [f"#{title}: {name}", *rest, ""]
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    head = [f"# {stem.name}", "", f"`python {' '.join(sys.argv)}`, {os.cpu_count()} cores.", ""]
    stem.with_suffix(".md").write_text("\n".join(head + lines), encoding="utf-8")
    pd.concat(tables).to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5g")
    print(f"Wrote {stem}.md and .csv")


def compute(experiment: str, path: Path, folder: Path, args) -> None:
    """Run one experiment on one section, or what is left of it."""
    hooks = Hooks(
        on_progress=lambda p: print(
            f"{path.stem} {p.phase}: {p.step} of {p.steps}, {p.seconds_left or 0:.0f} s left",
            flush=True,
        )
    )
    base, section = preset(args.preset), read(path).everything_known()
    if experiment == "dc":
        if not (folder / "report.md").exists():
            check_consistency(section, folder, base)
    else:
        run_experiment(section, experiment, folder, base=base, seeds=args.seeds, hooks=hooks)


if __name__ == "__main__":
    main()
