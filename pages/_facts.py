"""Design metrics of a sampling design, before anything is trained."""

import streamlit as st

from pages import _state
from pages._choice import pilot_of
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling.design_metrics import RULE, evaluate_design
from s2s_core.sampling.design_record import DesignMetrics
from s2s_core.vocabulary import DESIGN, Resolution

AT_ONCE = 20_000
COLUMNS = {
    "verdict": "with this design",
    "range": "range (pitches)",
    "correlation": "kept across a gap",
    "expected_pcc": "expected PCC",
    "expected_rmse": "expected RMSE",
}


def numbers(sampled: Section) -> None:
    """Exact counts of the design."""
    measured, total = int(sampled.measured.sum()), sampled.n_positions
    one, two, three = st.columns(3)
    one.metric("Measured spots", f"{measured:,}")
    two.metric("Share of positions", f"{measured / total:.1%}")
    three.metric("To be imputed", f"{total - measured:,}")


def meaning(section: Section, sampled: Section) -> None:
    """Gaps, expected accuracy and genes of a design, judged on the whole section as pilot."""
    here = _state.workspace()
    fresh = here.pilot is None or here.pilot.section is not section
    # The first look at a large section takes seconds; later ones do not.
    if (
        fresh
        and section.n_positions > AT_ONCE
        and not st.button("What does this design mean?", key="judge")
    ):
        return
    try:
        with st.spinner("Judging the design ..."):
            facts = evaluate_design(pilot_of(section), sampled.measured)
    except S2SError as error:
        st.caption(f"What it means cannot be said: {error}")
        return
    st.write("**What this design means**")
    one, two, three = st.columns(3)
    one.metric("Largest gap", f"{facts.largest_gap:.1f} pitches", help=_gap_words(facts))
    two.metric(
        "Expected PCC",
        f"{facts.expected_pcc:.2f}",
        help="Mean over genes at unmeasured positions, from the kriging variance of gene "
        "programmes: before any training, without looking at hidden values one by one.",
    )
    resolved = facts.genes["verdict"].eq(Resolution.RESOLVED).sum()
    words = DESIGN.help(RULE)
    three.metric("Genes resolved", f"{resolved:,} of {len(facts.genes):,}", help=words)
    with st.expander("In words, and gene by gene"):
        for sentence in facts.sentences:
            st.write("- " + sentence)
        table = facts.genes[list(COLUMNS)].rename(columns=COLUMNS)
        st.dataframe(
            table,
            height=260,
            column_config={
                c: st.column_config.NumberColumn(format="%.2f")
                for c in table.columns
                if c != COLUMNS["verdict"]
            }
            | {COLUMNS["verdict"]: st.column_config.TextColumn(help=words)},
        )
        st.caption(
            "Log-normalised scale. The pilot is the section itself with everything that is known."
        )


def _gap_words(facts: DesignMetrics) -> str:
    unit = f" ({facts.largest_gap_unit:,.0f} {facts.unit})" if facts.unit else ""
    return f"An unmeasured position is at most {facts.largest_gap:.1f} pitches{unit} from a measured one."
