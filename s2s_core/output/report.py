"""The report of a run: one HTML file that needs nothing else and can be mailed or archived.

No script, no font, no picture from elsewhere; every name that came from a file is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.block_scores import blocks_of
from s2s_core.assessment.checks import check_quality
from s2s_core.assessment.gene_grades import GRADES, RULE, count_grades, grade_genes
from s2s_core.assessment.metrics import summarise
from s2s_core.assessment.recommend import recommend
from s2s_core.data.result import Result
from s2s_core.data.section import unknown_genes
from s2s_core.data.store import atomic
from s2s_core.errors import S2SError
from s2s_core.output.figures import map_figure, save, scatter_figure
from s2s_core.output.run_text import (
    citation,
    command,
    label,
    methods_text,
    record,
    scored_where,
    section_name,
    summary_sentence,
)
from s2s_core.vocabulary import CHECKS, USE

__all__ = ["citation", "methods_text", "summary_sentence", "write_report"]

EXAMPLES = 4
NO_COMMAND = (
    "No command line repeats this run from the input file alone: its mask was drawn by hand or "
    "uploaded, spots were added later, its file is not known, or its settings are its own. The "
    "bundle holds them."
)
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
STYLE = """
:root { color-scheme: light dark; --ink: #20262b; --soft: #5a6670; --line: #d9dee2;
  --page: #ffffff; --card: #f5f7f8; --accent: #0b6e8a; --good: #1f7a4d; --warn: #8a5a00;
  --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaed; --soft: #a3afb8; --line: #39434b;
  --page: #14181b; --card: #1d2327; --accent: #6cc3dd; --good: #6fcf97; --warn: #f0b429;
  --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; color: var(--ink);
  background: var(--page); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; overflow-wrap: anywhere; } h2 { margin: 2.2rem 0 .5rem; font-size: 1.25rem; }
h3 { margin: 1.4rem 0 .4rem; font-size: 1rem; } p { max-width: 46rem; margin: .5rem 0; }
.soft { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; padding: 6px;
  box-sizing: border-box; }
code { background: var(--card); padding: .15rem .35rem; border-radius: 4px; overflow-wrap: anywhere; }
.fine, .test, .rank { color: var(--good); font-weight: 600; }
.watch, .look { color: var(--warn); font-weight: 600; }
.problem, .leave { color: var(--bad); font-weight: 600; }
summary { cursor: pointer; color: var(--accent); }
@media print { body { max-width: none; } details > * { display: block; } }
"""


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
    lights = grade_genes(result)
    shown = _examples(lights) if genes is None else list(dict.fromkeys(genes))
    missing = [g for g in shown if g not in result.section.genes]
    if missing:
        raise S2SError(unknown_genes(missing, result.section.genes))
    title = f"{section_name(result)}: {label(result.config.method)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        _p(summary_sentence(result, lights)),
        _maps(result, shown, chosen=genes is not None),
        _scores(result),
        _trust(lights),
        _diagnosis(result),
        "<h2>Methods</h2>",
        _p(methods_text(result)),
        "<h2>Cite</h2>",
        _p(citation()),
        _again(result),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )
    with atomic(path) as part:
        # A lone surrogate in a name must not break the file.
        part.write_text(page, encoding="utf-8", errors="replace")


def _examples(lights: pd.DataFrame) -> list[str]:
    """Genes from the best to the middling: the best alone would flatter."""
    ranked = lights["pcc"].sort_values(ascending=False, kind="stable", na_position="last").index
    places = np.linspace(0, (len(ranked) - 1) / 2, min(EXAMPLES, len(ranked)))
    return list(dict.fromkeys(ranked[np.rint(places).astype(int)]))


def _maps(result: Result, genes: list[str], *, chosen: bool) -> str:
    which = "chosen for this report" if chosen else "from the best PCC to the median one"
    out = [
        "<h2>Maps</h2>",
        _p(
            f"Genes {which}. Log-normalised values, one colour scale a gene; grey: not measured; "
            "dots: measured spots. Interval width: how far apart the ends of the interval are.",
            "soft",
        ),
    ]
    section, config = result.section, result.config
    beside = next((m for m in BESIDE if m in result.maps and m != config.method), None)
    for gene in genes:
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
        figure = map_figure(section, panels, "log-normalised", columns=3, marked=True, dpi=170)
        out += [f"<h3>{escape(gene)}</h3>", _picture(figure, f"Maps of {gene}")]
        if section.hidden.any():
            at = section.hidden
            scatter = scatter_figure(result.truth[at, g], result.imputed[at, g], gene, dpi=120)
            out.append(
                "<details><summary>Imputed against true values at hidden spots</summary>"
                f"{_picture(scatter, f'Imputed against true values of {gene}')}</details>"
            )
    return "\n".join(out)


def _scores(result: Result) -> str:
    metrics, out = result.metrics, ["<h2>Scores</h2>"]
    if metrics.empty:
        return "\n".join([*out, _p("The run was not scored.")])
    scale = metrics["scale"].iloc[0] if "scale" in metrics else "log-normalised values"
    out.append(
        _p(
            f"Mean over genes at {scored_where(metrics)}. Scale: {scale}. MAE and RMSE: lower is "
            "better; PCC, Spearman and SSIM: higher. Genes that are constant there have no PCC.",
            "soft",
        )
    )
    labels = {name: label(name) for name in metrics["method"].unique()}
    if len(labels) == 1:
        out.append(_score_table(summarise(metrics), labels, {}))
        return "\n".join(out)
    found = recommend(metrics, labels=labels, blocks=blocks_of(result))
    more = {"worse": "RMSE above the best", "p": "p (t test, over blocks of spots)"}
    out += [_score_table(found.table, labels, more), _p(found.sentence)]
    return "\n".join(out)


def _score_table(table: pd.DataFrame, labels: dict[str, str], more: dict[str, str]) -> str:
    columns = {key: text for key, text in {**SCORES, **more}.items() if key in table}
    style = {"genes": "{:,.0f}", "worse": "{:.1%}", "p": "{:.2g}"}
    rows = [
        [labels[str(name)], *(_number(row[key], style.get(key, "{:.3f}")) for key in columns)]
        for name, row in table.iterrows()
    ]
    return _table(["method", *columns.values()], rows, numbers=range(1, len(columns) + 1))


def _trust(lights: pd.DataFrame) -> str:
    counts = count_grades(lights)
    out = [
        "<h2>What each map is good for</h2>",
        _p(f"{USE.asked} {RULE}", "soft"),
        _table(
            ["light", "good for", "genes"],
            [[light, what, f"{counts[light]:,}"] for light, what in GRADES.items()],
            numbers=[2],
            classes=0,
        ),
    ]
    place = {light: i for i, light in enumerate(GRADES)}
    ranked = lights.assign(place=lights["light"].map(place)).sort_values(
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
    ][:MOST_ROWS]
    head = ["gene", "light", "PCC", "Spearman", "inside interval", "Moran's I, measured", "why"]
    table = _table(head, rows, numbers=range(2, 6), classes=1)
    cut = f", the best {MOST_ROWS:,} of {len(lights):,}" if len(lights) > MOST_ROWS else ""
    out.append(f"<details><summary>Every gene{cut}</summary>{table}</details>")
    return "\n".join(out)


def _diagnosis(result: Result) -> str:
    rows = [
        [f.name, f.level, " ".join(filter(None, (f.sentence, f.advice)))]
        for f in check_quality(result)
    ]
    words = "; ".join(f"{word}: {meaning}" for word, meaning in CHECKS.words.items())
    return "\n".join(
        [
            "<h2>Diagnosis</h2>",
            _p(f"{CHECKS.asked} ({words}.)", "soft"),
            _table(["check", "level", "found"], rows, classes=1),
        ]
    )


def _again(result: Result) -> str:
    out = [
        "<h2>Do it again</h2>",
        _p("With the bundle of this run (section, mask and settings in one file):"),
        "<p><code>python -m s2s_core reproduce BUNDLE.zip --out result</code></p>",
    ]
    line = command(result)
    if line:
        out += [
            _p("Or from the input file:"),
            f"<p><code>{escape(line)}</code></p>",
        ]
    else:
        out.append(_p(NO_COMMAND, "soft"))
    genes = ", ".join(map(str, result.section.genes))
    what = "Genes (genes.txt)" if line and "genes.txt" in line else "Genes"
    out += [
        _table(["what", "in this run"], [list(row) for row in record(result).items()]),
        _details("Every setting", result.config.to_json()),
        _details(what, genes),
    ]
    return "\n".join(out)


def _details(title: str, text: str) -> str:
    return (
        f"<details><summary>{escape(title)}</summary><p><code>{escape(text)}</code></p></details>"
    )


def _picture(figure, words: str) -> str:
    data = base64.b64encode(save(figure, "png")).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(words)}">'


def _p(words: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{escape(words)}</p>"


def _table(head: list[str], rows: list[list[str]], numbers=(), classes: int | None = None) -> str:
    """Table of escaped cells; ``classes`` is the column whose words are also its colour."""
    kinds = dict.fromkeys(numbers, ' class="number"')
    top = "".join(f"<th{kinds.get(i, '')}>{escape(str(c))}</th>" for i, c in enumerate(head))
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            kind = f' class="{escape(cell)}"' if i == classes else kinds.get(i, "")
            cells.append(f"<td{kind}>{escape(str(cell))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><tr>{top}</tr>\n{chr(10).join(lines)}</table></div>'


def _number(value: float, form: str = "{:.3f}") -> str:
    return form.format(value) if np.isfinite(value) else "–"
