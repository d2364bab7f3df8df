"""Sparser2Sparse in the browser: navigation and what all pages share."""

import logging
from pathlib import Path

import streamlit as st

from pages import _state, _who
from s2s_core.jobs import demo, runner

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Sparser2Sparse",
    # A local file: a named icon would be fetched from a font host.
    page_icon=str(HERE / "assets" / "icon.png"),
    layout="wide",
)


@st.cache_resource(show_spinner=False)
def start_up() -> None:
    """Once a server: what is old goes, what waits goes on, the example is made."""
    runner.clear_away()
    runner.advance_queue()
    if demo.wanted():
        demo.example()


# Streamlit leaves a hand's breadth of nothing above every page.
st.html("<style>.stMainBlockContainer {padding-top: 4.2rem}</style>")
_state.keep_widgets()
_who.remember()
start_up()

page = st.navigation(
    [
        st.Page("pages/data.py", title="Data", default=True),
        # Addresses differ from every file name in pages/ on purpose: asked for /train before it
        # has run this file, a fresh server would run pages/train.py (or _train.py) on its own.
        st.Page("pages/sampling.py", title="Sampling", url_path="design"),
        st.Page("pages/train.py", title="Train", url_path="run"),
        st.Page("pages/results.py", title="Results", url_path="imputed"),
        st.Page("pages/study.py", title="Studies", url_path="studies"),
    ],
    # The path at the top of every page is the menu.
    position="hidden",
)
st.logo(str(HERE / "assets" / "icon.png"), size="large")
path = st.container()
_state.open_from_url()
try:
    page.run()
except _state.SHOWN_ERRORS as error:
    st.error(str(error))
except Exception as error:
    if not _state.is_ours(error):
        raise
    logging.getLogger("s2s").exception("unexpected error on a page")
    st.error(
        "Something went wrong in the program. Your data is still here; the details are in the log."
    )
# Drawn last, so that it tells of what the page just did.
with path:
    _state.show_path()
