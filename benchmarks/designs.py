"""An equal-budget tournament of sampling designs; writes a dated table.

python benchmarks/designs.py [--sections NAME,...] [--budgets 10,25,50] [--seeds 3] [--engine s2s]
                             [--report]

Every design measures exactly the same number of spots of a section; kriging of gene programmes (or
the network, preset fast) imputes the rest. Done cases are kept in benchmarks/runs: a stopped
tournament goes on where it was, and --report writes the table of what is done.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import DATA, RUNS  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from s2s_core import read  # noqa: E402
from s2s_core.interfaces import Hooks
from s2s_core.sampling.design_metrics import verdicts  # noqa: E402
from s2s_core.sampling.pilot import Pilot  # noqa: E402
from s2s_core.sampling.registry import BUDGETED, DESIGNS  # noqa: E402
from s2s_core.studies.budget_curve import WORTH, paired  # noqa: E402
from s2s_core.studies.budget_study import Plan, run_design, tabulate  # noqa: E402
from s2s_core.studies.plan import DRAFT, FINAL  # noqa: E402

HERE = Path(__file__).parent
SECTIONS = (
    "visium_human_breast_crop",
    "visium_human_prostate_normal_crop",
    "osmfish_mouse_cortex_bin35um",
    "visium_mouse_brain_coronal",
    "xenium_human_breast_bin30um",
)
BASE, PLAIN = "random", "lattice"
# Folder of each engine's cases.
ENGINES = {DRAFT: "designs", FINAL: "designs-s2s"}
LABELS = {DRAFT: "kriging of gene programmes", FINAL: "Sparser2Sparse (preset fast)"}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", type=lambda t: t.split(","), default=list(SECTIONS))
    parser.add_argument("--designs", type=lambda t: t.split(","), default=list(BUDGETED))
    parser.add_argument(
        "--budgets", type=lambda t: [float(v) / 100 for v in t.split(",")], default=[0.1, 0.25, 0.5]
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--engine", default=DRAFT, choices=list(ENGINES))
    parser.add_argument("--name", default="designs")
    parser.add_argument(
        "--report", action="store_true", help="only write the table of what is done"
    )
    args = parser.parse_args()
    tables, foretold = [], []
    for name in args.sections:
        section = read(DATA / f"{name}.h5ad").everything_known()
        plan, folder = (
            Plan(tuple(args.designs), tuple(args.budgets), args.seeds, args.engine),
            RUNS / ENGINES[args.engine] / name,
        )
        if args.report:
            table = tabulate(folder, plan)
        else:
            table = run_design(section, plan, folder, Hooks(on_progress=show))
        tables.append(table.assign(section=name))
        foretold.append(foresight(table, Pilot(section)).assign(section=name))
    write(pd.concat(tables, ignore_index=True), pd.concat(foretold, ignore_index=True), args)


def show(progress) -> None:
    """One line a case."""
    print(
        f"{progress.step} of {progress.steps}, {progress.seconds_left or 0:.0f} s left", flush=True
    )


def foresight(table: pd.DataFrame, pilot: Pilot) -> pd.DataFrame:
    """How well what was foretold agrees with what came out, budget by budget and over all.

    Rank correlations: over designs (mean over genes and draws) and over genes (within a case,
    then averaged); and the mean PCC of genes by what planning said of them. Designs that follow
    the values hide other kinds of spots than the rest and are left out.
    """
    rows = []
    for budget, part in [*table.groupby("budget"), ("all", table)]:
        blind = part[~part["design"].map(lambda name: DESIGNS[name].informed)]
        case = blind.groupby(["design", "budget"])[
            ["rmse", "expected_rmse", "pcc", "expected_pcc"]
        ].mean()
        genes = [
            _rank(p["pcc"], p["expected_pcc"])
            for _, p in blind.groupby(["design", "budget", "seed"])
        ]
        rows.append(
            {
                "budget": budget,
                "designs": len(case),
                "rmse over designs": _rank(case["rmse"], case["expected_rmse"]),
                "pcc over designs": _rank(case["pcc"], case["expected_pcc"]),
                "pcc over genes": float(np.nanmean(genes)),
                "rmse foretold": case["expected_rmse"].mean(),
                "rmse achieved": case["rmse"].mean(),
                "pcc foretold": case["expected_pcc"].mean(),
                "pcc achieved": case["pcc"].mean(),
                **(_by_verdict(part, pilot, budget) if budget != "all" else {}),
            }
        )
    return pd.DataFrame(rows)


def _by_verdict(part: pd.DataFrame, pilot: Pilot, budget: float) -> dict:
    """Mean PCC and number of genes by verdict, for a design of that budget spread evenly."""
    # Of an even design nine in ten positions lie within about 0.6 mean spacings.
    said = verdicts(pilot, 0.6 * budget**-0.5)
    scores = part[part["design"] == "stratified"].groupby("gene")["pcc"].mean()
    groups = scores.groupby(said.reindex(scores.index))
    return {f"pcc: {word}": f"{group.mean():.3f} ({len(group)})" for word, group in groups}


def _rank(a, b) -> float:
    both = pd.DataFrame({"a": np.asarray(a, float), "b": np.asarray(b, float)}).dropna()
    return float(spearmanr(both["a"], both["b"]).statistic) if len(both) > 2 else np.nan


def standing(table: pd.DataFrame) -> pd.DataFrame:
    """One row a section, budget and design: scores, rank by the whole map's PCC, paired tests."""
    rows = []
    for (section, budget), part in table.groupby(["section", "budget"], sort=False):
        means = part.groupby("design")[["pcc", "rmse", "pcc_map", "rmse_map"]].mean()
        spread = part.groupby(["design", "seed"])["pcc_map"].mean().groupby("design").std()
        means = means.sort_values("pcc_map", ascending=False)
        best = means.index[0]
        for rank, (design, row) in enumerate(means.iterrows(), 1):
            gain, p = paired(part, budget, design, BASE)
            over_plain, p_plain = paired(part, budget, design, PLAIN)
            behind, p_best = paired(part, budget, design, best)
            rows.append(
                {
                    "section": section,
                    "budget": budget,
                    "design": design,
                    "rank": rank,
                    "n_measured": int(part.loc[part["design"] == design, "n_measured"].iloc[0]),
                    **row.to_dict(),
                    "pcc_map_sd_of_draws": spread[design],
                    "gain_on_random": gain,
                    "p_random": p,
                    "gain_on_lattice": over_plain,
                    "p_lattice": p_plain,
                    "behind_best": behind,
                    "p_best": 1.0 if design == best else p_best,
                }
            )
    return pd.DataFrame(rows)


def write(table: pd.DataFrame, foretold: pd.DataFrame, args) -> None:
    """Write the dated tables as CSV and Markdown."""
    found = standing(table)
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    found.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`. Every design measures exactly the same number of spots; engine: "
        f"{LABELS[args.engine]}; {args.seeds} draws (periodic designs: phases); mean over genes. *Hidden*: at the "
        "spots a design leaves out, which differ from design to design. *Map*: over all spots with the measured "
        "values in place, the same spots for every design; ranks and tests are by its PCC. p: the larger of "
        "Wilcoxon's over genes (draws averaged) and Welch's over draws (genes averaged); "
        f"differences below {WORTH} or with p >= 0.05 are none (=). Designs marked * chose "
        "their spots by the values of the very section they are scored on: an upper bound.",
        "",
        *_overall(found),
    ]
    for (section, budget), part in found.groupby(["section", "budget"], sort=False):
        lines += [
            "",
            f"## {section}, {budget:.0%} ({part['n_measured'].iloc[0]} spots)",
            "",
            "| rank | design | PCC map | sd of draws | RMSE map | PCC hidden | RMSE hidden | against random | p "
            "| against the best | p |",
            "|" + "---|" * 11,
        ]
        for _, row in part.iterrows():
            lines.append(
                f"| {row['rank']} | {_name(row['design'])} | {row['pcc_map']:.4f} | {row['pcc_map_sd_of_draws']:.4f} "
                f"| {row['rmse_map']:.4f} | {row['pcc']:.4f} | {row['rmse']:.4f} "
                f"| {row['gain_on_random']:+.4f}{_sign(row['gain_on_random'], row['p_random'])} | {row['p_random']:.1g} "
                f"| {row['behind_best']:+.4f}{_sign(row['behind_best'], row['p_best'])} | {row['p_best']:.1g} |"
            )
    lines += [
        "",
        "## Foretold and achieved at hidden spots",
        "",
        "What planning says before anything is measured, against what came out: rank correlation over designs "
        "(of one budget, and of all budgets together) and over genes (mean over cases); levels; mean PCC "
        "(number of genes) under the stratified design by what planning said of each gene. Designs that follow the "
        "values are left out: they hide other kinds of spots.",
        "",
    ]
    columns = ["section", *foretold.columns.drop("section")]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for _, row in foretold.iterrows():
        lines.append("| " + " | ".join(_cell(row[c]) for c in columns) + " |")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md and .csv")


def _overall(found: pd.DataFrame) -> list[str]:
    """Mean rank and gain on random of every design over sections, budget by budget."""
    budgets = list(dict.fromkeys(found["budget"]))
    lines = [
        "| design | mean rank | on lattice (wins, ties, losses) | "
        + " | ".join(f"gain on random, {b:.0%} (wins, ties, losses)" for b in budgets)
        + " |",
        "|" + "---|" * (3 + len(budgets)),
    ]
    for design, part in sorted(found.groupby("design"), key=lambda item: item[1]["rank"].mean()):
        signs = [
            _sign(g, p) for g, p in zip(part["gain_on_lattice"], part["p_lattice"], strict=True)
        ]
        cells = [_score(part["gain_on_lattice"].mean(), signs) if design != PLAIN else ""]
        for budget in budgets:
            here = part[part["budget"] == budget]
            signs = [
                _sign(g, p) for g, p in zip(here["gain_on_random"], here["p_random"], strict=True)
            ]
            shown = len(here) and design != BASE
            cells.append(_score(here["gain_on_random"].mean(), signs) if shown else "")
        lines.append(f"| {_name(design)} | {part['rank'].mean():.1f} | {' | '.join(cells)} |")
    return lines


def _score(gain: float, signs: list[str]) -> str:
    return f"{gain:+.4f} ({signs.count(' +')}, {signs.count(' =')}, {signs.count(' -')})"


def _name(design: str) -> str:
    return design + ("*" if DESIGNS[design].informed else "")


def _sign(gain: float, p: float) -> str:
    return " =" if p >= 0.05 or abs(gain) < WORTH else " +" if gain > 0 else " -"


def _cell(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3f}"
    return str(value)


if __name__ == "__main__":
    main()
