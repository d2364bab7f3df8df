"""The choice of genes on Data: what each gene promises, and which to impute."""

import re

import numpy as np
import pandas as pd
import streamlit as st

from pages import _state
from s2s_core.data.expression import mean_expression
from s2s_core.data.gene_lookup import parse_genes
from s2s_core.data.section import Section
from s2s_core.data.structure import NONE, RULE, gene_structure
from s2s_core.vocabulary import PATTERN

ALL, SPATIAL, EXPRESSED, CHOOSE = "all", "spatial", "expressed", "choose"
MODES = {
    ALL: "All genes",
    SPATIAL: "Most spatial",
    EXPRESSED: "Highest expressed",
    CHOOSE: "Choose",
}
FIND = "Find the genes with a spatial pattern"
# Spots x genes up to which the table is made without being asked for: about a second.
AT_ONCE = 30_000_000


def choose_genes(here: _state.Workspace) -> None:
    """All genes, the most promising, or some by search and a pasted list."""
    section = here.opened
    table = structure(here)
    mode = st.radio(
        "Genes to impute",
        list(MODES),
        format_func=MODES.__getitem__,
        horizontal=True,
        key="gene_mode",
    )
    chosen = None
    if mode == SPATIAL and table is None:
        st.info(
            f'"{MODES[SPATIAL]}" needs the spatial pattern of every gene: press "{FIND}" first.'
        )
        return
    if mode in (SPATIAL, EXPRESSED):
        most = len(section.genes)
        key = _state.first_value("gene_count", min(100, most))
        count = st.number_input("How many", 1, most, key=key)
        ranked = expression(here) if mode == EXPRESSED or table is None else table["moran"]
        best = ranked.nlargest(int(count)).index
        chosen = [gene for gene in section.genes if gene in set(best)]
    elif mode == CHOOSE:
        chosen = picked(section)
        if not chosen:
            st.info("Choose at least one gene.")
            return
    if chosen != here.genes:
        here.genes, here.sampled = chosen, None
    count = len(section.genes) if chosen is None else len(chosen)
    st.write(f"**{count:,} genes** will be imputed.")
    if chosen is None and table is not None:
        suggest_spatial(table)
    _state.next_step("Sampling", "pages/sampling.py")


def suggest_spatial(table: pd.DataFrame) -> None:
    """Where most genes have no pattern, say how to leave those out."""
    flat = int((table["verdict"] == NONE).sum())
    if 2 * flat > len(table):
        st.info(
            f"{flat:,} of them have no spatial pattern, which no method can fill in: choose "
            f'"{MODES[SPATIAL]}" to leave them out ({len(table) - flat:,} have one).'
        )


def picked(section: Section) -> list[str]:
    """Genes by search and from a pasted list."""
    names = st.multiselect(
        "Search", list(section.genes), key="gene_pick", placeholder="Type a gene name"
    )
    pasted = st.text_area(
        "Or paste a list", key="gene_paste", placeholder="Names apart by commas, spaces or lines"
    )
    chosen, unknown = parse_genes([*names, *re.split(r"[,;\s]+", pasted.strip())], section.genes)
    if unknown:
        st.warning(unknown)
    return chosen


def structure(here: _state.Workspace) -> pd.DataFrame | None:
    """Table of what every gene promises; None while it is not made."""
    section = here.opened
    if here.structure is None:
        large = int(section.known.sum()) * len(section.genes) > AT_ONCE
        if large and not st.button(FIND, key="find_structure"):
            return None
        with st.spinner("Looking for spatial patterns ..."):
            here.structure = gene_structure(section)
    return here.structure


def expression(here: _state.Workspace) -> pd.Series:
    """Mean of every gene, whether or not its spatial pattern is known."""
    if here.expression is None:
        here.expression = mean_expression(here.opened)
    return here.expression


def show_structure(table: pd.DataFrame) -> None:
    """Say how many genes have a spatial pattern, and show the table behind it."""
    counts = table["verdict"].value_counts().reindex(list(PATTERN.words), fill_value=0)
    words = "; ".join(f"{verdict}: **{count:,}**" for verdict, count in counts.items())
    meaning = PATTERN.help(RULE)
    st.markdown(f"{PATTERN.asked} Of {len(table):,} genes: {words}.", help=meaning)
    with st.expander("Every gene"):
        shown = table.sort_values("moran", ascending=False).drop(columns=["z_score", "p"])
        st.dataframe(
            shown.rename(columns=COLUMNS),
            height=320,
            column_config={
                "Moran's I": st.column_config.ProgressColumn(
                    format="%.2f",
                    min_value=0.0,
                    max_value=float(np.ceil(10 * shown["moran"].max()) / 10),
                ),
                "mean": st.column_config.NumberColumn(format="%.2f"),
                COLUMNS["verdict"]: st.column_config.TextColumn(help=meaning),
                "detected": st.column_config.NumberColumn(format="percent"),
            },
        )
        st.caption(
            "Moran's I says how alike neighbouring spots are: 0 is chance, 1 a smooth pattern. "
            "No method can fill in a gene whose spots know nothing of their neighbours. Mean: "
            "log-normalised. Detected: share of spots with a count. Computed on the measured spots."
        )


COLUMNS = {"moran": "Moran's I", "verdict": "spatial pattern"}
