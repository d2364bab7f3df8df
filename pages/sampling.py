"""Sampling: which spots count as measured."""

import streamlit as st

from pages import _state
from pages._choice import choose
from pages._facts import meaning, numbers
from pages._painting import canvas, paint_upon, painted_region
from s2s_core.data.mask_table import mask_table
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.output.file_names import download_name
from s2s_core.output.maps import mask_map
from s2s_core.sampling.apply import sample

SIMULATE, GAPS, DENSIFY = "simulate", "gaps", "densify"
SITUATIONS = {
    SIMULATE: "Try it out: hide part of the measured spots and compare with the truth",
    GAPS: "Fill the gaps: impute tissue positions that have no measurement",
    DENSIFY: "Make it denser: add positions between the measured spots",
}
HINTS = {
    SIMULATE: "to learn how few spots would do; the table then holds estimates at the hidden ones",
    GAPS: "to get a table to analyse, with every measured spot as it is",
    DENSIFY: "to get a finer table to analyse, with every measured spot as it is",
}


def main() -> None:
    """Draw the page."""
    st.title("Choose what is measured")
    section = _state.need_section()
    if section is None:
        return
    here = _state.workspace()
    section = here.chosen
    left, right = st.columns([2, 3], gap="large")
    use = None
    with left:
        gaps = int((~section.known).sum())
        options = [SIMULATE, GAPS, DENSIFY] if gaps else [SIMULATE, DENSIFY]
        # A section that is mostly gaps is here to have them filled.
        sparse = gaps > 0.2 * section.n_positions
        situation = st.radio(
            "What do you want to do?",
            options,
            format_func=SITUATIONS.__getitem__,
            captions=[HINTS[o] for o in options],
            key=_state.first_value("situation", GAPS if sparse else SIMULATE),
        )
        try:
            here.sampled, use = apply(section, situation)
        except S2SError as error:
            here.sampled, use = None, st.session_state.get("paint_use") if here.painting else None
            blank = here.painting is not None and not here.painting.mask.any()
            if blank:
                st.info("Draw around spots on the map to say which are measured.")
            else:
                st.error(str(error))
        if here.sampled is not None:
            report(here.sampled)
    with right:
        if use is not None and here.painting is not None:
            canvas(section, here.painting, here.sampled, use)
        elif here.sampled is not None:
            st.plotly_chart(mask_map(here.sampled), key="mask", config={"displaylogo": False})
        if here.sampled is not None:
            if situation == SIMULATE:
                meaning(section, here.sampled)
            download(here.sampled)
            if situation == SIMULATE:
                st.page_link(
                    "pages/study.py",
                    label="How sparse can I go? Try designs and budgets →",
                    icon=":material/query_stats:",
                )


def apply(section: Section, situation: str) -> tuple[Section, str | None]:
    """Section under what the user asks for, and what is painted for, if anything is.

    Raises
    ------
    S2SError
        Where that cannot be imputed.
    """
    use = None
    if situation == GAPS:
        sampled = section
    elif situation == DENSIFY:
        stride = st.select_slider(
            "Times the density along each axis (S)",
            [2, 3, 4],
            key="densify",
            help="S = 2 puts one new position between every two spots: about four times as many.",
        )
        sampled = sample(section, f"densify:{stride}")
    else:
        use, painted = painted_region(section)
        if use == "mask" and painted is not None:
            sampled = section.with_measured(painted, "painted")
        elif use == "mask":
            painted = paint_upon(choose(section, None, None).measured)
            sampled = section.with_measured(painted, "painted")
        else:
            sampled = choose(section, use, painted)
    sampled.check_ready()
    return sampled, use


def report(sampled: Section) -> None:
    """Exact counts of the design, and the way on."""
    numbers(sampled)
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


def download(sampled: Section) -> None:
    """The mask as a table."""
    st.download_button(
        "Download the mask (CSV)",
        lambda: mask_table(sampled).to_csv(index=False).encode(),
        download_name(sampled, "mask.csv"),
        "text/csv",
        on_click="ignore",
        help="Every position with its array row and column and whether it is measured: "
        "for the laboratory, and to come back with.",
    )


main()
