"""Scores on Results: of all methods, of every gene, and what each map is good for."""

import numpy as np
import pandas as pd
import streamlit as st

from s2s_core.assessment.block_scores import blocks_of
from s2s_core.assessment.gene_grades import RULE, count_grades
from s2s_core.assessment.metrics import summarise
from s2s_core.assessment.recommend import recommend, verdict
from s2s_core.data.result import Result
from s2s_core.methods import METHODS
from s2s_core.output.charts import truth_scatter
from s2s_core.output.report import SCORES
from s2s_core.vocabulary import USE

LABELS = {name: method.label for name, method in METHODS.items()}
COLUMNS = SCORES | {"coverage": "inside 90 % interval"}
# Headings and pixels of columns, so that the table of genes fits beside the scatter plot.
NARROW = {
    "MAE of the median": "MAE, med.",
    "inside 90 % interval": "in interval",
    "interval width": "width",
}
WIDTHS = {
    "Moran's I": 70,
    "MAE of the median": 80,
    "Spearman": 76,
    "inside 90 % interval": 80,
    "interval width": 60,
}
# Shapes and words, not colours alone.
DOTS = ("●●●", "●●○", "●○○", "○○○")
MARKS = {word: f"{dots} {word}" for word, dots in zip(USE.words, DOTS, strict=True)}


def scores(result: Result, grades: pd.DataFrame, gene: str) -> None:
    """Scores of all methods, then of every gene."""
    of_methods(result)
    left, right = st.columns([5, 2], gap="medium")
    with left:
        of_genes(result, grades)
    with right:
        scatter(result, gene)


def where(result: Result) -> str:
    """On which spots and scale the scores were taken."""
    metrics = result.metrics
    return (
        f"at {int(metrics['n_spots'].iloc[0]):,} spots: {metrics['spots'].iloc[0]}. Scale: "
        f"{metrics['scale'].iloc[0]}"
    )


def of_methods(result: Result) -> None:
    """Mean over genes of every method, and whether a simpler one is as good."""
    metrics = result.metrics
    st.caption(
        f"Mean over genes, {where(result)}. MAE and RMSE: lower is better; PCC, Spearman "
        "and SSIM: higher. Intervals are right when nine in ten values fall inside, and the "
        "narrower the better."
    )
    table = summarise(metrics)
    table.index = [LABELS[name] for name in table.index]
    shown = {c: label for c, label in COLUMNS.items() if c in table}
    numbers = [label for c, label in shown.items() if c != "genes"]
    st.dataframe(
        table[list(shown)]
        .rename(columns=shown)
        .style.format(precision=3, subset=numbers, na_rep="–"),
        placeholder="–",
    )
    st.write(verdict(metrics, result.config.method, LABELS, blocks_of(result)))


def of_genes(result: Result, grades: pd.DataFrame) -> None:
    """Table of genes with their grade; a click on a row shows that gene."""
    st.write("**Every gene**")
    counts = count_grades(grades)
    st.write(
        "; ".join(
            f"{MARKS[name]}: **{counts.get(name, 0):,}** ({USE.words[name]})" for name in MARKS
        )
        + "."
    )
    mine = result.metrics[result.metrics["method"] == result.config.method].set_index("gene")
    columns = [c for c in COLUMNS if c in mine.columns]
    table = grades[["light", "moran"]].join(mine[columns])
    table["light"] = table["light"].map(MARKS).fillna("no class")
    table = table.rename(columns=COLUMNS | {"moran": "Moran's I", "light": "good for"})

    names = int(np.clip(24 + 7 * grades.index.str.len().max(), 70, 140))

    def show_chosen() -> None:
        rows = st.session_state["gene_table"].selection.rows
        if rows:
            st.session_state.result_gene = grades.index[rows[0]]

    st.dataframe(
        table,
        height=340,
        key="gene_table",
        on_select=show_chosen,
        selection_mode="single-row",
        column_config={
            c: st.column_config.NumberColumn(
                NARROW.get(c),
                format="%.3f",
                width=WIDTHS.get(c, 54),
                help=c if c in NARROW else None,
            )
            for c in table.columns
            if c != "good for"
        }
        | {
            "gene": st.column_config.TextColumn(width=names),
            "good for": st.column_config.TextColumn(width=78, help=USE.help()),
        },
    )
    *first, last = USE.words
    with st.expander(f"What {', '.join(first)} and {last} mean"):
        st.markdown(USE.help(RULE))


def scatter(result: Result, gene: str) -> None:
    """Imputed against true values of the chosen gene."""
    section = result.section
    if not section.hidden.any():
        st.caption("Imputed against true values can be drawn where the truth was hidden by a mask.")
        return
    column = int(section.genes.get_loc(gene))
    st.write(f"**{gene}: imputed against true, at hidden spots**")
    at = section.hidden
    figure = truth_scatter(
        np.asarray(result.truth[at, column]), np.asarray(result.imputed[at, column]), gene
    )
    st.plotly_chart(figure, key="scatter", config={"displayModeBar": False})


def recommendation(result: Result) -> str:
    """Table of the method comparison; returns the recommended method."""
    found = recommend(result.metrics, labels=LABELS, blocks=blocks_of(result))
    (st.success if found.sure else st.info)(found.sentence)
    st.caption(
        f"{where(result)[:1].upper()}{where(result)[1:]}. Worse: mean RMSE above that of the best. "
        "p: t test over blocks of spots against the best. Simplicity: 1 is the simplest."
    )
    table = found.table.copy()
    table.index = [LABELS[name] for name in table.index]
    names = COLUMNS | {
        "worse": "worse than the best",
        "simplicity": "simplicity",
        "as_good": "as good",
    }
    shown = [c for c in ("rmse", "worse", "p", "pcc", "simplicity", "as_good") if c in table]
    st.dataframe(
        table[shown].rename(columns=names),
        column_config={
            "worse than the best": st.column_config.NumberColumn(format="percent"),
            "p": st.column_config.NumberColumn(format="%.1e"),
            "RMSE": st.column_config.NumberColumn(format="%.4f"),
            "PCC": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    return found.method
