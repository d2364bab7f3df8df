"""Draws against maps: gene-gene correlations at hidden spots, and means of regions; a dated table.

python benchmarks/draws.py [--method programme-kriging] [--masks lattice:2,...] [--sections NAME,...]

Distance: root mean square difference of the genes' correlation matrix at hidden spots from that of
the truth. *Own* is the matrix of the measured spots, *draws* the mean of the matrices of 20 draws,
*one draw* that of the first. Region means: the mean over a spot's k nearest positions, hidden and
measured, for 30 spots; share (over regions and genes) of the truth's inside the 5 % and 95 %
quantiles of the draws (Weibull's plotting positions: right for few draws as well). A case that is done is not done again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import HERE, MASKS, RUNS, sections  # noqa: E402
from report_tables import as_markdown, three_places  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.data.result import Result  # noqa: E402
from s2s_core.geostat.draws import MapSimulation  # noqa: E402
from s2s_core.imputation import run  # noqa: E402

# Draws that correlations are averaged over.
FOR_CORRELATIONS = 20
SIZES = (10, 30, 100)
REGIONS = 30


def correlations(values: np.ndarray) -> np.ndarray:
    """(G, G) correlations of columns, 0 where a column is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(values.T))


def regions(result: Result, size: int) -> list[np.ndarray]:
    """Rows of the positions nearest to some spots; none where all are a third of the section."""
    section = result.section
    if size > section.n_positions // 3:
        return []
    xy = section.grid.lattice_xy(*np.divmod(section.pixels, section.grid.shape[1]))
    centres = np.random.default_rng(1).choice(len(xy), REGIONS, replace=False)
    return [np.argsort(((xy - xy[c]) ** 2).sum(1), kind="stable")[:size] for c in centres]


def inside(truth: np.ndarray, draws: np.ndarray) -> float:
    """Share of true values between the quantiles of (D, ...) draws."""
    low, high = np.quantile(draws, [0.05, 0.95], axis=0, method="weibull")
    known = np.isfinite(truth)
    held = (truth >= low - 1e-6) & (truth <= high + 1e-6)
    return float(held[known].mean()) if known.any() else np.nan


def evaluate_design(result: Result, count: int) -> dict:
    """What draws say of a result beside its maps."""
    hidden, truth = result.section.hidden, result.truth
    true = correlations(truth[hidden])

    def apart(matrix: np.ndarray) -> float:
        return float(np.sqrt(((matrix - true) ** 2).mean()))

    maps = {name: apart(correlations(values[hidden])) for name, values in result.maps.items()}
    own = apart(correlations(truth[result.section.measured]))
    begun = time.perf_counter()
    simulation = MapSimulation(result)
    prepared = time.perf_counter() - begun
    total, first, spots, seconds = 0.0, None, [], 0.0
    places = {size: regions(result, size) for size in SIZES}
    means = {size: [] for size in SIZES}
    for i in range(count):
        begun = time.perf_counter()
        drawn = simulation.draw(i)
        seconds += time.perf_counter() - begun
        if i < FOR_CORRELATIONS:
            matrix = correlations(drawn[hidden])
            first = matrix if first is None else first
            total = total + matrix
        spots.append(drawn[hidden].astype(np.float16))
        for size, rows in places.items():
            means[size].append([drawn[r].mean(0) for r in rows])
    found = {
        "own": own,
        "draws": apart(total / min(count, FOR_CORRELATIONS)),
        "one draw": apart(first),
        "spots inside": inside(truth[hidden].astype(np.float16), np.stack(spots)),
    }
    for size, rows in places.items():
        true_means = np.array([truth[r].mean(0) for r in rows])
        found[f"regions of {size}"] = inside(true_means, np.array(means[size])) if rows else np.nan
    best = min(maps, key=lambda name: maps[name])
    found |= {"best": best, "best map": maps[best], "own map": maps[result.config.method]}
    return found | {"prepare s": prepared, "a draw s": seconds / count, "maps": maps}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="programme-kriging")
    parser.add_argument("--compare", default="linear,nearest,bicubic,gaussian,kriging")
    parser.add_argument("--masks", type=lambda t: t.split(","), default=list(MASKS))
    parser.add_argument("--sections", type=lambda t: t.split(","))
    parser.add_argument("--draws", type=int, default=FOR_CORRELATIONS)
    parser.add_argument("--report", action="store_true", help="only cases that are done")
    parser.add_argument("--name", default="draws")
    args = parser.parse_args()
    rows = []
    for path in sections(args.sections):
        for mask in args.masks:
            kept = RUNS / "draws" / f"{path.stem}-{mask.replace(':', '')}-{args.method}.json"
            if args.report and not kept.exists():
                continue
            if not kept.exists():
                section = sample(read(path), mask, 0)
                names = tuple(args.compare.split(","))
                config = preset("fast", method=args.method, compare=names, seed=0)
                found = evaluate_design(run(section, config), args.draws)
                found |= {"measured": int(section.measured.sum()), "number": args.draws}
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
            found = json.loads(kept.read_text())
            print(path.stem, mask, found, flush=True)
            rows.append({"section": path.stem, "mask": mask, **found})
    write(pd.DataFrame(rows), args.name)


def write(table: pd.DataFrame, name: str) -> None:
    """A dated table with what it says in one line."""
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{name}"
    best = (table["draws"] < table["best map"]).sum()
    own = (table["draws"] <= table["own"]).sum()
    table = table.drop(columns="maps")
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
    shown = [c for c in table if c not in ("number", "prepare s", "a draw s")]
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`. {__doc__.split(chr(10) * 2)[2].strip()}",
        "",
        f"Draws are nearer to the truth's correlations than the best of all maps in {best} of "
        f"{len(table)} cases, and at least as near as the measured spots' own in {own}.",
        "",
        *as_markdown(table[shown], three_places),
    ]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md and .csv")


if __name__ == "__main__":
    main()
