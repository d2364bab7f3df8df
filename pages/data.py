"""Data: open a section, see what was read, choose genes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from pages import _state
from pages._genes import choose_genes, show_structure
from s2s_core.errors import S2SError
from s2s_core.maps import Panel, map_panels
from s2s_core.readers import read
from s2s_core.section import describe
from s2s_core.simulate import demo_section

SCALES = {"auto": "find out", "counts": "raw counts", "log": "log-normalised already"}
ABSENT = {
    "auto": "find out",
    "gaps": "gaps to impute",
    "zeros": "measured, but empty",
    "background": "not tissue",
}


@dataclass(frozen=True)
class Reading:
    """How the user wants a file to be read."""

    scale: str
    absent: str
    bin_size: float | None


def main() -> None:
    """Draw the page."""
    st.title("Open a section")
    st.write(
        "A table of gene counts at spots of a tissue section. Sparser2Sparse fills in the spots "
        "that were not measured."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        upload = st.file_uploader(
            "Your section: .h5ad, or a table with one row a spot (.csv, .tsv, also .gz)",
            type=["h5ad", "csv", "tsv", "txt", "gz"],
            key=f"upload-{st.session_state.get('upload_count', 0)}",
            help="A table needs a column of spot ids, columns x and y (or array_row and "
            "array_col), and one column a gene. Files stay on this computer.",
        )
        reading = reading_options()
    with right:
        st.write("**No file at hand?**")
        st.write("The demo is a simulated section: about 2,700 spots, 300 genes, known truth.")
        if st.button("Open the demo section", type="primary", key="open_demo"):
            _state.use_section(demo_section(), "Demo section (simulated)")
            st.rerun()
    if upload is not None:
        take_upload(upload, reading)
    if _state.workspace().section is not None:
        show_section()


def reading_options() -> Reading:
    """Options few need, with what each is for."""
    with st.expander("Reading options"):
        one, two, three = st.columns(3)
        scale = one.selectbox("Values are", SCALES, format_func=SCALES.get, key="scale")
        absent = two.selectbox(
            "Positions without a spot are", ABSENT, format_func=ABSENT.get, key="absent",
            help="Positions inside the tissue that the file has no spot for.",
        )  # fmt: skip
        size = three.number_input(
            "Bin size (0: propose one)", min_value=0.0, value=0.0, key="bin_size",
            help="For cells and beads, which lie on no lattice: edge of the square pixels they "
            "are counted in, in the file's own unit.",
        )  # fmt: skip
    return Reading(scale, absent, size or None)


def take_upload(upload, reading: Reading) -> None:
    """Read an uploaded file once; a failure leaves what was open untouched."""
    # The suffixes tell .csv.gz from .csv; the name itself is never used as a path.
    suffix = "".join(s for s in Path(upload.name).suffixes if s in {".h5ad", ".csv", ".tsv", ".txt", ".gz"})
    with tempfile.TemporaryDirectory(prefix="s2s-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(upload.getbuffer())
        try:
            with st.spinner("Reading the section ..."):
                section = read(path, scale=reading.scale, absent=reading.absent, bin_size=reading.bin_size)
        except S2SError as error:
            st.error(str(error).replace(path.name, upload.name))
            return
    _state.use_section(section, upload.name)
    # A fresh widget lets go of the upload's memory.
    st.session_state.upload_count = st.session_state.get("upload_count", 0) + 1
    st.rerun()


def show_section() -> None:
    """What was read, in words and as a picture, and the choice of genes."""
    here = _state.workspace()
    section = here.section
    st.divider()
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(here.name)
        for sentence in describe(section):
            st.write("- " + sentence)
        choose_genes(here)
    with right:
        totals = np.where(section.known, section.spot_totals, np.nan)
        name = "sum of values" if section.is_log else "counts"
        figure = map_panels(section, [Panel("Total per spot", totals)], name, width=500)
        st.plotly_chart(figure, key="totals", config={"displaylogo": False})
        if here.structure is not None:
            show_structure(here.structure)


main()
