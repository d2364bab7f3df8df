"""Tables of an experiment: scores by gene, a line a variant, paired tests, in CSV and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.assessment.compare import Comparison, Verdict, compare, paired_wilcoxon, untested
from s2s_core.data.section import MIN_MEASURED, SCALED
from s2s_core.data.store import atomic
from s2s_core.studies.cases import read_about, read_cases

SCORES = ("mae", "rmse", "pcc", "ssim")
# Scores at the hidden spots by spatial block, which variants are compared by.
BLOCKS = "blocks"
COLUMNS_OF_RUNS = ("fit_seconds", "prediction_seconds", "parameters", "steps", "network_share")


def write_tables(
    folder: Path, names: list[str], question: str, against: str, seeds: int
) -> pd.DataFrame:
    """Write ``scores.csv`` (by gene), ``summary.csv`` and ``report.md`` of what is done."""
    about = read_about(folder)
    records = [r for r in read_cases(folder) if r["variant"] in names and r["seed"] < seeds]
    left_out = sorted({r["variant"] for r in records if r.get("left_out")})
    records = [r for r in records if not r.get("left_out")]
    genes = pd.concat(
        [
            pd.DataFrame(
                {
                    "variant": r["variant"],
                    "seed": r["seed"],
                    "gene": about["genes"],
                    **{s: np.array(r[s], float) for s in SCORES},
                }
            )
            for r in records
        ],
        ignore_index=True,
    )
    kept_apart = (*SCORES, BLOCKS)
    runs = pd.DataFrame([{k: v for k, v in r.items() if k not in kept_apart} for r in records])
    summary = summarise(
        genes, runs, [n for n in names if n not in left_out], against, _blocks(records)
    )
    lines = [
        f"# {about['name']}: {question}",
        "",
        f"Preset {about['preset']}, mask {about['mask']} unless said; {seeds} seed{'s' * (seeds != 1)}; {len(about['genes']):,} "
        f"genes, scored at the hidden spots ({about.get('scale', SCALED)}). Mean and median (quartiles) over genes, seeds averaged; "
        f"p: Wilcoxon over genes against *{against}*, descriptive (genes share spots); what is said of "
        "variants is tested over spatial blocks of spots, and over seeds where there are several. MAE is that of the conditional mean. "
        "Prediction: fastest of several for the whole section, all genes, the first estimate already made. "
        "Share: how much of the network's correction withheld spots let in.",
        "",
        *_verdicts(summary, against),
        "",
        *_markdown(summary),
    ]
    if left_out:
        lines += ["", left_out_words(left_out)]
    for name, part in (("scores.csv", genes), ("summary.csv", summary)):
        with atomic(folder / name) as file:
            part.to_csv(file, index=False)
    with atomic(folder / "report.md") as file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return summary


def left_out_of(folder: Path) -> list[str]:
    """Variants of an experiment that were left out, since their mask leaves too few spots."""
    return list(dict.fromkeys(r["variant"] for r in read_cases(folder) if r.get("left_out")))


def left_out_words(names: list[str]) -> str:
    """What is said of variants that are left out."""
    return f"Left out, fewer than {MIN_MEASURED} measured spots: {'; '.join(names)}."


def summarise(
    genes: pd.DataFrame,
    runs: pd.DataFrame,
    names: list[str],
    against: str,
    blocks: Mapping[str, Sequence[BlockScores]] | None = None,
) -> pd.DataFrame:
    """Table of one row per variant: scores over genes, change and p against one of them, times.

    ``mae_p`` and ``pcc_p`` are Wilcoxon's over genes; ``mae_verdict`` and ``mae_p_blocks`` are those of
    :mod:`s2s_core.assessment.compare`, undecided where no ``blocks`` were kept.
    """
    means = genes.groupby(["variant", "gene"], sort=False)[list(SCORES)].mean()
    draws = genes.groupby(["variant", "seed"], sort=False)["mae"].mean().groupby("variant").std()
    base, rows = means.loc[against], []
    for name in names:
        own, run = means.loc[name], runs[runs["variant"] == name]
        row = {"variant": name, "n_measured": round(run["n_measured"].mean())}
        for score in SCORES:
            row[score] = own[score].mean()
            quartiles = own[score].quantile([0.5, 0.25, 0.75])
            row |= dict(
                zip((f"{score}_median", f"{score}_q25", f"{score}_q75"), quartiles, strict=True)
            )
        row["mae_sd_of_seeds"] = draws[name]
        row["mae_change"] = row["mae"] / base["mae"].mean() - 1.0
        for score in ("mae", "pcc"):
            row[f"{score}_p"] = paired_wilcoxon((own[score] - base[score]).to_numpy())
        found = _compare(own["mae"], base["mae"], name, against, blocks or {})
        row["mae_p_blocks"] = found.p_difference
        row["mae_verdict"] = "" if name == against else str(found.verdict)
        for column in COLUMNS_OF_RUNS:
            row[column] = pd.to_numeric(run[column]).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def _blocks(records: list[dict]) -> dict[str, list[BlockScores]]:
    """Scores by block of every variant, one a seed; those of an earlier version have none."""
    found: dict[str, list[BlockScores]] = {}
    for record in sorted(records, key=lambda record: record["seed"]):
        blocks = BlockScores.from_json(record.get(BLOCKS))
        if blocks is not None:
            found.setdefault(record["variant"], []).append(blocks)
    return found


def _compare(
    own: pd.Series,
    base: pd.Series,
    name: str,
    against: str,
    blocks: Mapping[str, Sequence[BlockScores]],
) -> Comparison:
    ours, theirs = blocks.get(name), blocks.get(against)
    if ours and theirs:
        return compare(ours, theirs, "mae", genes=(own.to_numpy(float), base.to_numpy(float)))
    return untested(float(own.mean() - base.mean()), float(base.mean()), "mae")


def _verdicts(summary: pd.DataFrame, against: str) -> list[str]:
    """One line per variant: is its error another than that of the one compared with?"""
    words = {
        Verdict.BETTER: "MAE lower than with",
        Verdict.WORSE: "MAE higher than with",
        Verdict.EQUIVALENT: "no difference in MAE to",
        Verdict.UNDECIDED: "undecided whether its MAE differs from that of",
    }
    lines = []
    for _, row in summary[summary["variant"] != against].iterrows():
        p = "" if pd.isna(row["mae_p_blocks"]) else f", p = {row['mae_p_blocks']:.2g}"
        lines.append(
            f"- {row['variant']}: {words[Verdict(row['mae_verdict'])]} {against} "
            f"({row['mae_change']:+.1%}{p})."
        )
    return lines


def _markdown(summary: pd.DataFrame) -> list[str]:
    lines = [
        "| variant | spots | MAE | sd of seeds | median (quartiles) | change | p | RMSE | PCC | median (quartiles) "
        "| p | SSIM | parameters | steps | share | fit, s | prediction, s |",
        "|" + "---|" * 17,
    ]

    def number(value, digits: int) -> str:
        return "" if pd.isna(value) else f"{value:,.{digits}f}"

    for _, r in summary.iterrows():
        spread = {
            s: f"{r[f'{s}_median']:.3f} ({r[f'{s}_q25']:.3f} to {r[f'{s}_q75']:.3f})"
            for s in SCORES
        }
        lines.append(
            f"| {r['variant']} | {r['n_measured']:,} | {r['mae']:.4f} | {number(r['mae_sd_of_seeds'], 4)} "
            f"| {spread['mae']} | {r['mae_change']:+.2%} | {r['mae_p']:.2g} | {r['rmse']:.4f} | {r['pcc']:.4f} "
            f"| {spread['pcc']} | {r['pcc_p']:.2g} | {number(r['ssim'], 4)} | {number(r['parameters'], 0)} "
            f"| {number(r['steps'], 0)} | {number(r['network_share'], 2)} | {r['fit_seconds']:.1f} "
            f"| {r['prediction_seconds']:.3f} |"
        )
    return lines
