"""The report of a run: one HTML file that needs nothing else and can be mailed or archived.

No script, no font, no picture from elsewhere; every name that came from a file is escaped. What it
says is computed into a :class:`Report`; ``templates/report.html`` says how it looks.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.block_scores import blocks_of
from s2s_core.assessment.checks import check_quality
from s2s_core.assessment.gene_grades import RULE, count_grades, grade_genes
from s2s_core.assessment.metrics import summarise
from s2s_core.assessment.recommend import recommend
from s2s_core.data.gene_lookup import unknown_genes
from s2s_core.data.result import Result
from s2s_core.data.store import atomic
from s2s_core.errors import S2SError
from s2s_core.output.figures import map_figure, save, scatter_figure
from s2s_core.output.rendering import render
from s2s_core.output.report_text import (
    citation,
    label,
    methods_text,
    scored_where,
    section_name,
    summary_sentence,
)
from s2s_core.output.reproduce import command, record
from s2s_core.vocabulary import CHECKS, USE

# What a browser may load for a report: nothing but what stands in it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
EXAMPLES = 4
# Rows of the gene table; metrics.csv has them all.
MOST_ROWS = 1000
SCORES = {
    "mae": "MAE",
    "mae_median": "MAE of the median",
    "rmse": "RMSE",
    "pcc": "PCC",
    "spearman": "Spearman",
    "ssim": "SSIM",
    "coverage": "inside interval",
    "interval_width": "interval width",
    "genes": "genes with PCC",
}
# First of these that was computed beside the chosen method stands beside its map.
BESIDE = ("programme-kriging", "kriging", "gaussian", "linear", "bicubic", "nearest")


@dataclass(frozen=True)
class Table:
    """Cells of a table.

    Attributes
    ----------
    head : list of str
    rows : list of lists of str
    numbers : range
        Columns that hold numbers.
    graded : int or None
        Column whose words are also the class of their cell, which gives them a colour.
    """

    head: list[str]
    rows: list[list[str]]
    numbers: range = range(0)
    graded: int | None = None


@dataclass(frozen=True)
class GeneMaps:
    """Pictures of one gene, as base64 of PNG: its maps and, with hidden truth, its scatter plot."""

    gene: str
    maps: str
    scatter: str | None


@dataclass(frozen=True)
class Scores:
    """Scores of all methods: where and on what scale, and which method they recommend ("": one
    method alone)."""

    where: str
    scale: str
    table: Table
    recommendation: str


@dataclass(frozen=True)
class Report:
    """Contents of a report, in their order.

    Attributes
    ----------
    title, summary : str
    chosen : bool
        Whether somebody chose the genes that are shown.
    maps : list of GeneMaps
    scores : Scores or None
        None for a run that was not scored.
    grade_counts, genes, checks, record : Table
        Genes by grade, every gene with its grade, checks of the maps, what a repetition takes.
    genes_cut : str
        Where ``genes`` does not hold all: how many it holds, as the end of a title.
    methods, citation : str
    command : str or None
        Command line that repeats the run, where there is one.
    settings, gene_names : str
    """

    title: str
    summary: str
    chosen: bool
    maps: list[GeneMaps]
    scores: Scores | None
    grade_counts: Table
    genes: Table
    genes_cut: str
    checks: Table
    methods: str
    citation: str
    command: str | None
    record: Table
    settings: str
    gene_names: str


def write_report(result: Result, path: str | Path, genes: Iterable[str] | None = None) -> None:
    """Write the report of a finished run as one self-contained HTML file.

    Parameters
    ----------
    result : Result
    path : str or Path
    genes : list of str, optional
        Genes to show maps of; default: four from the best to the middling by PCC.

    Raises
    ------
    S2SError
        If a gene is not in the section.
    """
    page = render(
        "report.html",
        report=report_of(result, genes),
        policy=POLICY,
        use=USE,
        rule=RULE,
        checks=CHECKS,
    )
    with atomic(path) as part:
        # A lone surrogate in a name must not break the file.
        part.write_text(page, encoding="utf-8", errors="replace")


def report_of(result: Result, genes: Iterable[str] | None = None) -> Report:
    """Contents of the report of a run; parameters and errors as in :func:`write_report`."""
    grades = grade_genes(result)
    shown = _examples(grades) if genes is None else list(dict.fromkeys(genes))
    missing = [g for g in shown if g not in result.section.genes]
    if missing:
        raise S2SError(unknown_genes(missing, result.section.genes))
    cut = len(grades) > MOST_ROWS
    return Report(
        title=f"{section_name(result)}: {label(result.config.method)}",
        summary=summary_sentence(result, grades),
        chosen=genes is not None,
        maps=[_gene_maps(result, gene) for gene in shown],
        scores=_scores(result),
        grade_counts=_grade_counts(grades),
        genes=_gene_table(grades),
        genes_cut=f", the best {MOST_ROWS:,} of {len(grades):,}" if cut else "",
        checks=_checks(result),
        methods=methods_text(result),
        citation=citation(),
        command=command(result),
        record=Table(["what", "in this run"], [list(row) for row in record(result).items()]),
        settings=result.config.to_json(),
        gene_names=", ".join(map(str, result.section.genes)),
    )


def _examples(grades: pd.DataFrame) -> list[str]:
    """Genes from the best to the middling: the best alone would flatter."""
    ranked = grades["pcc"].sort_values(ascending=False, kind="stable", na_position="last").index
    places = np.linspace(0, (len(ranked) - 1) / 2, min(EXAMPLES, len(ranked)))
    return list(dict.fromkeys(ranked[np.rint(places).astype(int)]))


def _gene_maps(result: Result, gene: str) -> GeneMaps:
    section, config = result.section, result.config
    beside = next((m for m in BESIDE if m in result.maps and m != config.method), None)
    g = int(section.genes.get_loc(gene))
    panels = [
        ("measured", np.where(section.measured, result.truth[:, g], np.nan)),
        (f"imputed ({label(config.method)})", result.imputed[:, g]),
    ]
    if beside:
        panels.append((label(beside), result.maps[beside][:, g]))
    if section.hidden.any():
        panels.append(("truth", result.truth[:, g]))
    if result.layers:
        width = result.layers["upper"][:, g] - result.layers["lower"][:, g]
        panels.append((f"{config.coverage:.0%} interval width", width))
    maps = map_figure(section, panels, "log-normalised", columns=3, marked=True, dpi=170)
    scatter = None
    if section.hidden.any():
        at = section.hidden
        figure = scatter_figure(result.truth[at, g], result.imputed[at, g], gene, dpi=120)
        scatter = _png(figure)
    return GeneMaps(gene, _png(maps), scatter)


def _png(figure) -> str:
    return base64.b64encode(save(figure, "png")).decode()


def _scores(result: Result) -> Scores | None:
    metrics = result.metrics
    if metrics.empty:
        return None
    labels = {name: label(name) for name in metrics["method"].unique()}
    if len(labels) == 1:
        table, recommendation = _score_table(summarise(metrics), labels, {}), ""
    else:
        found = recommend(metrics, labels=labels, blocks=blocks_of(result))
        more = {"worse": "RMSE above the best", "p": "p (t test, over blocks of spots)"}
        table, recommendation = _score_table(found.table, labels, more), found.sentence
    scale = metrics["scale"].iloc[0] if "scale" in metrics else "log-normalised values"
    return Scores(scored_where(metrics), scale, table, recommendation)


def _score_table(table: pd.DataFrame, labels: dict[str, str], more: dict[str, str]) -> Table:
    columns = {key: text for key, text in {**SCORES, **more}.items() if key in table}
    style = {"genes": "{:,.0f}", "worse": "{:.1%}", "p": "{:.2g}"}
    rows = [
        [labels[str(name)], *(_number(row[key], style.get(key, "{:.3f}")) for key in columns)]
        for name, row in table.iterrows()
    ]
    return Table(["method", *columns.values()], rows, numbers=range(1, len(columns) + 1))


def _grade_counts(grades: pd.DataFrame) -> Table:
    counts = count_grades(grades)
    rows = [[str(grade), what, f"{counts[grade]:,}"] for grade, what in USE.words.items()]
    return Table(["light", "good for", "genes"], rows, numbers=range(2, 3), graded=0)


def _gene_table(grades: pd.DataFrame) -> Table:
    place = {str(grade): i for i, grade in enumerate(USE.words)}
    ranked = grades.assign(place=grades["light"].map(place)).sort_values(
        ["place", "pcc"], ascending=[True, False], kind="stable"
    )
    rows = [
        [
            gene,
            row.light,
            *map(_number, (row.pcc, row.spearman, row.coverage, row.moran)),
            row.reason,
        ]
        for gene, row in zip(ranked.index, ranked.itertuples(), strict=True)
    ]
    head = ["gene", "light", "PCC", "Spearman", "inside interval", "Moran's I, measured", "why"]
    return Table(head, rows[:MOST_ROWS], numbers=range(2, 6), graded=1)


def _checks(result: Result) -> Table:
    rows = [
        [f.name, f.level, " ".join(filter(None, (f.sentence, f.advice)))]
        for f in check_quality(result)
    ]
    return Table(["check", "level", "found"], rows, graded=1)


def _number(value: float, form: str = "{:.3f}") -> str:
    return form.format(value) if np.isfinite(value) else "–"
