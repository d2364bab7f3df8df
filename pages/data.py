"""Data: open a section, see what was read, choose genes."""

import streamlit as st

from pages import _state
from pages._genes import choose_genes, show_structure
from pages._quality import picture
from pages._runs import earlier_runs
from pages._upload import upload
from s2s_core.data.section import describe
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import demo


def main() -> None:
    """Draw the page."""
    st.title("Open a section")
    st.write(
        "A table of gene counts at spots of a tissue section. Sparser2Sparse fills in the spots "
        "that were not measured."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        upload()
    with right:
        offer_demo()
    if _state.workspace().section is not None:
        show_section()
    else:
        earlier_runs(None)


def offer_demo() -> None:
    """The simulated section, and the example that is finished already."""
    st.write("**No file at hand?**")
    st.write("The demo is a simulated section: about 2,700 spots, 300 genes, known truth.")
    with st.container(horizontal=True):
        if st.button("Open the demo section", type="primary", key="open_demo"):
            _state.use_section(demo_section(), "Demo section (simulated)")
            st.rerun()
        if not demo.wanted():
            return
        ready = demo.ready()
        label = "See a finished example" if ready else "Watch the example being made"
        if st.button(label, key="open_example"):
            _state.open_run(demo.example())
            page = "pages/results.py" if ready else "pages/train.py"
            st.switch_page(page, query_params=_state.addresses())


def show_section() -> None:
    """What was read, in words and as a picture, and the choice of genes."""
    here = _state.workspace()
    section = here.opened
    st.divider()
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(here.name)
        for sentence in describe(section):
            st.write("- " + sentence)
        choose_genes(here)
    with right:
        picture(section)
        if here.structure is not None:
            show_structure(here.structure)


main()
