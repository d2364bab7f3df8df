"""Tables and pictures of what the benchmark computed."""

from __future__ import annotations

import json
import os
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pictures import write_pictures
from report_tables import (
    CLASSICAL,
    as_markdown,
    median_table,
    method_table,
    order,
    pcc_table,
    replication_table,
    score_table,
)

from s2s_core.assessment.metrics import paired_test

SCORES = (
    "mae",
    "mae_median",
    "mae_map",
    "rmse",
    "pcc",
    "spearman",
    "ssim",
    "ssim_spots",
    "ssim_li",
    "rmse_z",
    "js_li",
    "moran_bias",
    "moran_error",
    "coverage",
    "interval_width",
)
RUN_SCORES = ("correlation_distance", "spatial_overlap")
SPATIAL = 60
# Two development files are of one tumour.
TISSUES = {
    "visium_human_breast_crop": "10x breast cancer",
    "xenium_human_breast_bin30um": "10x breast cancer",
}
ABOUT = (
    "Scores at hidden in-tissue spots, log1p of counts scaled to the median total of the measured "
    "spots; mean over genes, then over draws (phases of a lattice, seeds). *Best classical* is the "
    "best of ten at that very score and section: kriging of gene programmes and per gene, each with "
    "two ways of fitting, STARK, Gaussian smoothing, linear (Delaunay), bilinear, bicubic, nearest. "
    "*Kriging as ours*: programmes under four weightings of the genes, averaged over variograms, noise "
    "by depth, genes' remainders (`programme-kriging-average`; per gene: `kriging-average`). *First "
    "estimate*: that with the regression among programmes, without the network. Gains are absolute; "
    "positive is better."
)


def write_report(
    cases: list,
    stem: Path,
    command: str,
    tissues: dict[str, str] | None = None,
    no_counts: str = "",
    note: str = "",
    *,
    pictures: bool = True,
) -> None:
    """Write ``stem.csv`` (everything), ``stem.md`` (what matters) and pictures beside them.

    Parameters
    ----------
    cases : list of Case
    stem : Path
    command : str
    tissues : dict, optional
        Piece of tissue of each section; default: those of the development sections.
    no_counts : str
        Sections whose name begins so hold no counts that could be split for a ceiling.
    note : str
        What else a reader must know, above the tables.
    pictures : bool
        Draw some genes; not of sections that no choice may look at.
    """
    stem.parent.mkdir(exist_ok=True)
    # Methods without intervals and sections without a ceiling have empty columns.
    warnings.filterwarnings("ignore", message="Mean of empty slice")
    genes, runs = gather([case for case in cases if case.group != "residuals"])
    if no_counts:
        signal = genes["section"].str.startswith(no_counts)
        genes.loc[signal, ["halves", "attainable"]] = np.nan
    table = _table(genes, runs)
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    residuals = _residuals([case for case in cases if case.group == "residuals"])
    tissues = TISSUES if tissues is None else tissues
    stem.with_suffix(".md").write_text(
        _markdown(genes, runs, residuals, f"`python {command}`", tissues, note)
    )
    if pictures:
        write_pictures(cases, stem)


def gather(cases) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores per gene of all cases, and one row a method and case with time and memory."""
    genes, runs = [], []
    for case in cases:
        words = _words(case)
        table = pd.read_csv(case.stem.with_suffix(".csv"), keep_default_na=False, na_values=[""])
        # Among the most spatial genes of the section itself, by Moran's I of the truth.
        most = min(SPATIAL, table["gene"].nunique() // 3)
        cut = table.drop_duplicates("gene")["moran"].nlargest(most).min()
        table["moran_error"] = table["moran_bias"].abs()
        genes.append(table.assign(spatial=table["moran"] >= cut, **words))
        info = json.loads(case.stem.with_suffix(".json").read_text())
        runs += [
            {
                **words,
                "method": name,
                "seconds": seconds,
                "peak_mb": info["peak_memory_mb"],
                "n_measured": info["n_measured"],
                **{score: info[score].get(name, np.nan) for score in RUN_SCORES},
                "network_share": info["details"].get(name, {}).get("network_share", np.nan),
            }
            for name, seconds in info["seconds"].items()
        ]
    return pd.concat(genes, ignore_index=True), pd.DataFrame(runs)


def _words(case) -> dict:
    """Section, mask and draw of a case: phases of a lattice are draws of it."""
    mask, _, phase = case.mask.partition("@")
    return {"section": case.name, "mask": mask, "draw": f"{case.seed}@{phase}"}


def _residuals(cases) -> pd.DataFrame:
    tables = [
        pd.read_csv(case.stem.with_suffix(".csv"), keep_default_na=False, na_values=[""]).assign(
            **_words(case)
        )
        for case in cases
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def section_means(genes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Mean scores over genes and draws, indexed by section and method."""
    keys = ["section", "method"]
    each = genes.groupby([*keys, "draw"], sort=False)[[s for s in SCORES if s in genes]].mean()
    of_runs = runs.groupby([*keys, "draw"], sort=False)[[*RUN_SCORES, "seconds"]].mean()
    means = each.join(of_runs).groupby(level=keys, sort=False).mean()
    constant = genes.groupby(keys, sort=False)["median_constant"].mean()
    return means.assign(constant=constant)


def _table(genes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a section, mask, method and group of genes; spread over genes, draws averaged."""
    rows = []
    for (section, mask), part in genes.groupby(["section", "mask"], sort=False):
        time = runs[(runs["section"] == section) & (runs["mask"] == mask)].groupby("method")
        time = time[["seconds", "peak_mb", "n_measured", *RUN_SCORES, "network_share"]].mean()
        best = best_classical(part)
        for name, mine in part.groupby("method", sort=False):
            for group, chosen in (
                ("all", mine),
                ("spatial", mine[mine["spatial"]]),
                ("other", mine[~mine["spatial"]]),
            ):
                each = chosen.groupby("gene")[[s for s in SCORES if s in chosen]].mean()
                row = {
                    "section": section,
                    "mask": mask,
                    "method": name,
                    "genes": group,
                    "n_genes": len(each),
                    "without_pcc": int(each["pcc"].isna().sum()),
                    "halves_pcc": chosen["halves"].mean(),
                    "attainable_pcc": chosen["attainable"].mean(),
                    "median_constant": chosen["median_constant"].mean(),
                }
                for score in each:
                    quarter = each[score].quantile([0.25, 0.75]).to_numpy()
                    row |= {
                        f"{score}_mean": each[score].mean(),
                        f"{score}_median": each[score].median(),
                        f"{score}_q25": quarter[0],
                        f"{score}_q75": quarter[1],
                    }
                for score in ("pcc", "rmse", "ssim", "mae"):
                    row[f"p_{score}_vs_best"] = _p(part, str(name), best, score)
                rows.append(row | {"best_classical": best, **time.loc[name].to_dict()})
    return pd.DataFrame(rows)


def best_classical(part: pd.DataFrame) -> str:
    """The classical method with the highest mean PCC."""
    means = part[part["method"].isin(CLASSICAL)].groupby("method")["pcc"].mean()
    return str(means.idxmax())


def _p(part: pd.DataFrame, name: str, other: str, score: str) -> float:
    each = part.groupby(["method", "gene"], as_index=False)[score].mean()
    return paired_test(each, name, other, score)


def _markdown(genes, runs, residuals, command: str, tissues: dict[str, str], note: str) -> str:
    lines = [
        "# Benchmark",
        "",
        f"{command} on {platform.machine()}, {os.cpu_count()} cores. {ABOUT} Quartiles, "
        "spatial genes apart and all methods: the CSV.",
        "",
        *([note, ""] if note else []),
    ]
    for mask, part in genes.groupby("mask", sort=False):
        of_runs = runs[runs["mask"] == mask]
        means = section_means(part, of_runs)
        lines += [f"## {mask}", ""]
        for title, table in (
            ("PCC", pcc_table(means, part, of_runs)),
            ("RMSE", score_table(means, "rmse")),
            ("SSIM over hidden spots", score_table(means, "ssim_spots")),
            (
                "SSIM over the whole map, measured spots and background included",
                score_table(means, "ssim"),
            ),
            ("Medians: MAE", median_table(means, part)),
            ("All methods, mean over sections", method_table(means)),
            ("The section as the unit", replication_table(means, tissues)),
        ):
            lines += [f"### {title}", "", *as_markdown(table), ""]
        if len(residuals):
            other = residuals[residuals["mask"] == mask]
            lines += ["### A second normalisation: Pearson residuals", "", *order(means, other)]
    return "\n".join(lines)
