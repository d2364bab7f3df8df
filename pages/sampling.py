"""Sampling: which spots count as measured."""

import numpy as np
import streamlit as st

from pages import _state
from pages._painting import canvas, painted
from s2s_core.errors import S2SError
from s2s_core.maps import mask_map
from s2s_core.masks import DESIGNS, mask_from_table, mask_table, read_mask_table, sample
from s2s_core.section import Section

SIMULATE = "Test it: hide part of the measured spots and compare with the truth"
GAPS = "Fill the gaps: impute tissue positions that have no measurement"
DENSIFY = "Make it denser: add positions between the measured spots"


def main() -> None:
    """Draw the page."""
    st.title("Choose what is measured")
    section = _state.need_section()
    if section is None:
        return
    here = _state.workspace()
    chosen = section if here.genes is None else section.subset_genes(here.genes)
    left, right = st.columns([2, 3], gap="large")
    with left:
        gaps = int((~section.known).sum())
        options = [SIMULATE, GAPS, DENSIFY] if gaps else [SIMULATE, DENSIFY]
        # A section that is mostly gaps is here to have them filled.
        sparse = gaps > 0.2 * section.n_positions
        situation = st.radio(
            "What do you want to do?", options,
            key=_state.begin("situation", GAPS if sparse else SIMULATE),
        )  # fmt: skip
        here.sampled, mask = design_mask(chosen, situation)
        if here.sampled is not None:
            report(here.sampled)
    with right:
        if mask is not None:
            canvas(chosen)
        elif here.sampled is not None:
            st.plotly_chart(mask_map(here.sampled), key="mask", config={"displaylogo": False})
        if here.sampled is not None:
            st.download_button(
                "Download the mask (CSV)",
                lambda: mask_table(here.sampled).to_csv(index=False).encode(),
                "mask.csv",
                "text/csv",
                on_click="ignore",
                help="Every position with its array row and column and whether it is measured: "
                "for the laboratory, and to come back with.",
            )


def design_mask(section: Section, situation: str) -> tuple[Section | None, np.ndarray | None]:
    """Section under what was chosen (None where that cannot be) and the painted mask, if any."""
    sampled, mask, problem = None, None, None
    try:
        sampled = apply(section, situation)
    except S2SError as error:
        problem = error
    if situation == SIMULATE:
        mask = painted(section, sampled)
        if mask is not None:
            problem = None
    try:
        if mask is not None:
            sampled = section.with_measured(mask, "painted")
        if problem is not None:
            raise problem
        sampled.check_ready()
    except S2SError as error:
        st.error(str(error))
        return None, mask
    return sampled, mask


def apply(section: Section, situation: str) -> Section:
    """Apply what the user asks for to the section."""
    if situation == GAPS:
        return section
    if situation == DENSIFY:
        stride = st.select_slider(
            "Times the density along each axis (S)", [2, 3, 4], key="densify",
            help="S = 2 puts one new position between every two spots: about four times as many.",
        )  # fmt: skip
        return sample(section, f"densify:{stride}")
    names = [name for name in DESIGNS if name != "csv"]
    design = st.selectbox(
        "Sampling design", [*names, "csv"], format_func=lambda n: DESIGNS[n].label, key="design",
        help="Which of the spots are kept as measured. The others are hidden from the network "
        "and used for the scores.",
    )  # fmt: skip
    if design == "csv":
        table = st.file_uploader("CSV with a column spot_id", type=["csv"], key="mask_file")
        here = _state.workspace()
        if table is not None:
            here.mask_table = read_mask_table(table)
        if here.mask_table is None:
            raise S2SError("Upload a CSV of the spot ids that are measured.")
        return section.with_measured(mask_from_table(here.mask_table, section), "csv")
    if design == "obs":
        columns = [str(c) for c in section.obs.columns]
        if not columns:
            raise S2SError("The table has no further columns; choose another design.")
        return sample(section, f"obs:{st.selectbox('Column', columns, key='design_column')}")
    what = DESIGNS[design].argument
    argument = st.text_input(
        what[0].upper() + what[1:],
        key=_state.begin(f"argument-{design}", DESIGNS[design].default),
    )
    seed = 0
    if design in ("random", "poisson"):
        seed = st.number_input("Seed", 0, 10_000, key=_state.begin("design_seed", 0))
    return sample(section, f"{design}:{argument}", int(seed))


def report(sampled: Section) -> None:
    """Exact counts of the design, and the way on."""
    measured, total = int(sampled.measured.sum()), sampled.n_positions
    one, two, three = st.columns(3)
    one.metric("Measured spots", f"{measured:,}")
    two.metric("Share of positions", f"{measured / total:.1%}")
    three.metric("To be imputed", f"{total - measured:,}")
    if sampled.hidden.any():
        st.caption(
            f"{int(sampled.hidden.sum()):,} hidden spots have a known value: scores are taken "
            "there. No method ever sees them."
        )
    else:
        st.caption(
            "Nothing is known about the imputed positions, so scores come from measured spots "
            "that are withheld from training."
        )
    _state.next_step("Train", "pages/train.py")


main()
