"""Every method side by side on real or made sections; prints and keeps a dated table.

    python benchmarks/compare.py SECTION.h5ad ... [--mask lattice:2] [--preset fast] [--methods A,B]

Scores are taken at hidden in-tissue spots, mean over genes (log1p of counts scaled to the median
total of the measured spots). Times are of one run on this machine: compare them by ratio.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import s2s_core as s2s  # noqa: E402
from s2s_core.api import score_methods  # noqa: E402
from s2s_core.metrics import paired_test, summarise  # noqa: E402

RESULTS = Path(__file__).parent / "results"


def compare(path: Path, mask: str, preset: str, methods: list[str] | None) -> pd.DataFrame:
    """Table of all methods on one section and mask."""
    section = s2s.sample(s2s.read(path), mask)
    result = score_methods(section, methods=methods, preset=preset)
    table = summarise(result.metrics)
    linear = table.loc["linear"]
    table["MAE vs linear"] = table["mae"] / linear["mae"] - 1
    table["PCC vs linear"] = table["pcc"] / linear["pcc"] - 1
    table["p (RMSE vs programme kriging)"] = [
        paired_test(result.metrics, name, "programme-kriging", "rmse") for name in table.index
    ]
    table["seconds"] = pd.Series(result.info["seconds_by_method"])
    table.insert(0, "measured", result.info["n_measured"])
    table.insert(0, "mask", mask)
    table.insert(0, "section", path.stem)
    print(table.to_string(float_format=lambda v: f"{v:.4f}"), flush=True)
    print(f"peak memory {result.info['peak_memory_mb']} MB", flush=True)
    return table.reset_index()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="+", type=Path)
    parser.add_argument("--mask", action="append")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--methods", type=lambda text: text.split(","))
    parser.add_argument("--name", default="compare")
    args = parser.parse_args()
    tables = [
        compare(path, mask, args.preset, args.methods)
        for path in args.sections
        for mask in args.mask or ["lattice:2"]
    ]
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    words = " ".join([f"`python benchmarks/compare.py {' '.join(sys.argv[1:])}`", f"({machine})"])
    lines = [f"# {stem.name}", "", words, "", __doc__.split("\n\n")[2].strip(), ""]
    columns = list(table.columns)
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in table.itertuples(index=False):
        cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
