"""Whether a gene's map is as good as its grade says: bounds of PCC against the delivered map.

python benchmarks/reliability.py [--sections A,B] [--report]

Ten masks hide part of development sections. Kriging of gene programmes delivers a map from all measured
spots, and predicts every measured spot without itself (ten folds, fitted without the fold), as a run
does for the spots it is scored at; of these, 20 to 500 are drawn, evenly spread, five times. Bounds and
classes are those of `s2s_core/assessment` (intervals are taken to fit), the truth is the PCC of the
delivered map at all hidden spots. Maps are kept in benchmarks/runs/reliability; the table says how
many genes lie below their bound: 5 % of all genes and 10 % of each class are allowed.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.stats import norm, rankdata  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.assessment.gene_grades import LOOK_PCC, RANK, TEST, grades  # noqa: E402
from s2s_core.assessment.metrics import pearson, pearson_errors  # noqa: E402
from s2s_core.assessment.reliability import ALL_LEVEL, CLASS_LEVEL, Correlations  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.data.observation import folds, known_values, morton_order, observe  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.data.structure import NONE, gene_structure  # noqa: E402
from s2s_core.interfaces import Hooks  # noqa: E402
from s2s_core.methods import method  # noqa: E402

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
RUNS = HERE / "runs" / "reliability"
SECTIONS = (
    "st1_human_pancreas_pdac",
    "st1_human_breast_her2_E1",
    "visium_human_breast_crop",
    "visium_human_prostate_normal_crop",
    "osmfish_mouse_cortex_bin35um",
)
# A hole: 60 % of the positions at random, none of the tenth nearest to the middle.
HOLE = "hole"
MASKS = (
    "lattice:2",
    "checkerboard",
    "random:0.3",
    "random:0.5",
    "random:0.7",
    "poisson:0.3",
    "stratified:0.5",
    "stripes:2",
    "columns:3x2",
    HOLE,
)
SCORED = (20, 30, 50, 100, 200, 500)
DRAWS = 5
FOLDS = 10
CLASSES = ("test", "rank", "look")


def masked(section: Section, mask: str, seed: int) -> Section:
    """The section as a mask leaves it."""
    if mask != HOLE:
        return sample(section, mask, seed=seed)
    points = section.grid.lattice_xy(section.row, section.col)
    far = np.hypot(*(points - np.median(points, axis=0)).T)
    measured = np.random.default_rng(0).random(len(points)) < 0.6
    return section.with_measured(measured & (far > np.quantile(far, 0.1)) & section.known)


def compute(name: str, mask: str, seed: int) -> None:
    """Keep the delivered map at hidden spots, and every measured spot predicted from the others."""
    path = RUNS / f"{name}__{mask.replace(':', '_')}.npz"
    if path.exists():
        return
    section = masked(read(DATA / f"{name}.h5ad"), mask, seed)
    obs, config = observe(section), preset("fast")
    fit, at = method("programme-kriging").fit, section.hidden
    delivered = fit(obs, config, Hooks())(obs, obs.targets).mean
    predicted = np.empty_like(obs.values)
    for fold in folds(obs, FOLDS):
        known = replace(obs.subset(~fold), lattice=obs.lattice)
        predicted[fold] = fit(known, config, Hooks())(known, obs.pixels[fold]).mean
    RUNS.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        truth=known_values(section, obs.target_sum)[at],
        delivered=delivered[at].astype(np.float32),
        measured=obs.values,
        predicted=predicted,
        points=obs.lattice_xy(obs.pixels),
        patterned=(gene_structure(section)["verdict"] != NONE).to_numpy(),
        n_unmeasured=int((~section.measured).sum()),
    )
    print(name, mask, flush=True)


def spread(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of so many points, evenly spread, as a run chooses the spots it is scored at."""
    order, step = morton_order(points), len(points) / count
    start = np.random.default_rng(seed).uniform(0, step)
    return order[np.floor(start + step * np.arange(count)).astype(int) % len(points)]


def scored(path: Path) -> list[dict]:
    """One row a number of scored spots, draw and class: genes, and how many are below their bound."""
    kept = np.load(path)
    name, mask = path.stem.split("__")
    truth = pearson(kept["truth"].astype(float), kept["delivered"].astype(float))
    rows = []
    for count in (n for n in SCORED if n <= len(kept["measured"])):
        for draw in range(DRAWS):
            at = spread(kept["points"], count, draw)
            a, b = kept["measured"][at].astype(float), kept["predicted"][at].astype(float)
            ranks = rankdata(a, axis=0), rankdata(b, axis=0)
            pcc, spearman = (
                Correlations(pearson(*v), pearson_errors(*v), count, int(kept["n_unmeasured"]))
                for v in ((a, b), ranks)
            )
            known = np.isfinite(pcc.values) & np.isfinite(truth)
            earlier = _earlier(pcc.values, spearman.values, count, kept["patterned"])
            found = grades(pcc, spearman, kept["patterned"], np.ones(len(truth), bool))
            of_all = pcc.bounds(ALL_LEVEL)
            for rule, word, bound in (
                ("now", found[0], found[1]),
                ("earlier", earlier[0], earlier[1]),
            ):
                groups = {"all": (known, of_all if rule == "now" else bound)}
                groups |= {c: (known & (word == c), bound) for c in CLASSES}
                rows += [
                    {
                        "section": name,
                        "mask": mask,
                        "scored": count,
                        "draw": draw,
                        "rule": rule,
                        "class": group,
                        "genes": int(where.sum()),
                        "below": int((limit > truth)[where].sum()),
                    }
                    for group, (where, limit) in groups.items()
                ]
    return rows


def _earlier(pcc, spearman, count: int, patterned) -> tuple[np.ndarray, np.ndarray]:
    """Grades and bounds by Fisher's z on independent spots, every gene for itself."""
    low, rank = (
        np.tanh(np.arctanh(np.clip(v, -0.999999, 0.999999)) - norm.ppf(0.95) / np.sqrt(count - 3))
        for v in (pcc, spearman)
    )
    look = patterned & (pcc >= LOOK_PCC) & (low > 0)
    ranked = look & (low >= RANK) & (rank >= RANK)
    word = np.select([ranked & (low >= TEST), ranked, look], CLASSES, "leave")
    return word, low


def share(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Share of the genes below their bound, and how many genes there were."""
    sums = table.groupby(by, sort=False)[["below", "genes"]].sum()
    return sums.assign(share=sums["below"] / sums["genes"].where(sums["genes"] > 0))


def report() -> None:
    """Write the dated tables."""
    paths = [RUNS / f"{n}__{m.replace(':', '_')}.npz" for n in SECTIONS for m in MASKS]
    table = pd.DataFrame([row for path in paths if path.exists() for row in scored(path)])
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-reliability"
    summary = share(table, ["rule", "class", "scored", "section", "mask"]).reset_index()
    summary.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python benchmarks/reliability.py`: {len(SECTIONS)} development sections, {len(MASKS)} masks, {DRAWS} draws of "
        "the scored spots. Genes whose delivered map has a PCC below the bound that was stated; "
        f"allowed: {ALL_LEVEL:.0%} of all genes, {CLASS_LEVEL:.0%} of a class (in brackets: genes, summed over sections, "
        "masks and draws; – none). *Earlier*: Fisher's z on independent spots, every gene for itself. "
        "With 20 scored spots no class is given now.",
        "",
        "| rule | genes | " + " | ".join(f"{n} scored" for n in SCORED) + " | all from 30 |",
        "|---|---|" + "---|" * (len(SCORED) + 1),
    ]
    by_count = share(table, ["rule", "class", "scored"])
    whole = share(table[table["scored"] >= 30], ["rule", "class"])
    for rule in ("earlier", "now"):
        for group in ("all", *CLASSES):
            cells = [
                _cell(by_count.loc[(rule, group, n)]) if (rule, group, n) in by_count.index else "–"
                for n in SCORED
            ]
            lines.append(
                f"| {rule} | {group} | {' | '.join(cells)} | {_cell(whole.loc[(rule, group)])} |"
            )
    now = table[(table["rule"] == "now") & (table["scored"] >= 30)]
    for by in ("section", "mask"):
        lines += ["", f"Now, from 30 scored spots, by {by}:", ""]
        found = share(now, [by, "class"])
        lines += [f"| {by} | all | test | rank | look |", "|" + "---|" * 5]
        for value in found.index.get_level_values(0).unique():
            cells = [_cell(found.loc[(value, group)]) for group in ("all", *CLASSES)]
            lines.append(f"| {value} | {' | '.join(cells)} |")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(row: pd.Series) -> str:
    return "–" if not row["genes"] else f"{row['share']:.1%} ({row['genes']:,.0f})"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", action="store_true", help="only read maps that are kept")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    args = parser.parse_args()
    if not args.report:
        for name in args.sections.split(","):
            for seed, mask in enumerate(MASKS):
                compute(name, mask, seed)
    report()


if __name__ == "__main__":
    main()
