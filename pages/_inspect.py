"""Further looks at a finished run: a region, several genes at once, what may be wrong."""

import numpy as np
import pandas as pd
import streamlit as st

from pages._maps import region_of
from pages._scores import LABELS
from s2s_core.assessment.checks import LEVELS, QualityCheck
from s2s_core.assessment.regions import compare_region, score_region
from s2s_core.data.result import Result
from s2s_core.output.maps import map_panels
from s2s_core.output.panels import Look, Panel
from s2s_core.vocabulary import CHECKS, USE

MOST_MULTIPLES = 12
SIGNS = {
    "fine": ":material/check_circle:",
    "watch": ":material/visibility:",
    "problem": ":material/error:",
}


def region(result: Result, grades: pd.DataFrame) -> None:
    """What differs inside the region that was drawn on the maps."""
    section = result.section
    drawn = region_of(section)
    if drawn is None:
        st.info('Choose "Lasso a region" or "Box a region" above the maps and draw around spots.')
        return
    measured = int((drawn & section.measured).sum())
    st.write(f"**{int(drawn.sum()):,} positions** inside, {measured:,} of them measured.")
    scored = score_region(result, drawn)
    if len(scored):
        st.caption(
            f"Scores at the {int(scored['n_spots'].iloc[0]):,} hidden spots inside the region, "
            "mean over genes, log-normalised."
        )
        names = {"mae": "MAE", "rmse": "RMSE", "pcc": "PCC", "genes": "genes with PCC"}
        shown = scored.drop(columns="n_spots").rename(columns=names, index=LABELS)
        st.dataframe(shown.style.format(precision=3, subset=["MAE", "RMSE", "PCC"], na_rep="–"))
    table = compare_region(result, drawn).join(grades["light"])
    st.dataframe(
        table.rename(
            columns={
                "inside": "mean inside",
                "outside": "mean outside",
                "light": "good for",
                "measured_difference": "difference, measured spots only",
            }
        ),
        height=300,
        column_config={
            c: st.column_config.NumberColumn(format="%.3f")
            for c in (
                "mean inside",
                "mean outside",
                "difference",
                "difference, measured spots only",
            )
        }
        | {"good for": st.column_config.TextColumn(help=USE.help())},
    )
    st.caption(
        "Log-normalised means of the imputed map, measured spots with their own values. Imputed "
        "positions are no independent samples: in a test the measured spots are the sample size."
    )


def multiples(result: Result, grades: pd.DataFrame) -> None:
    """Imputed maps of several genes, each on its own scale."""
    genes = list(grades.index)
    kept = [g for g in st.session_state.get("multiples", ()) if g in genes]
    st.session_state.multiples = kept or genes[:6]
    chosen = st.multiselect(
        "Genes",
        genes,
        key="multiples",
        max_selections=MOST_MULTIPLES,
        help=f"Up to {MOST_MULTIPLES}.",
    )
    if not chosen:
        return
    section = result.section
    columns = section.genes.get_indexer(chosen)
    panels = [
        Panel(gene, np.asarray(result.imputed[:, c]), "own")
        for gene, c in zip(chosen, columns, strict=True)
    ]
    look = Look(st.session_state.get("colours") or "Viridis")
    figure = map_panels(
        section, panels, "log-normalised", look=look, columns=4, width=940, uirevision="multiples"
    )
    st.plotly_chart(figure, key="multiples_map", config={"displaylogo": False})
    st.caption(
        "Imputed maps, log-normalised; each gene runs over its own range, told in its title."
    )


def checks(findings: list[QualityCheck]) -> None:
    """Quality checks, the gravest first."""
    bad = sum(f.level != "fine" for f in findings)
    st.markdown(
        "**Nothing has gone wrong with these maps as far as checks can tell.**"
        if not bad
        else f"**{bad} of {len(findings)} checks found something.**",
        help=CHECKS.help(),
    )
    for finding in sorted(findings, key=lambda f: -LEVELS.index(f.level)):
        show = {"problem": st.error, "watch": st.warning, "fine": st.success}[finding.level]
        advice = f" **What to do:** {finding.advice}" if finding.advice else ""
        show(f"**{finding.name}.** {finding.sentence}{advice}", icon=SIGNS[finding.level])
