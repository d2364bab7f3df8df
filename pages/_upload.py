"""Uploads on Data: how files are to be read, and reading them once."""

import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from pages import _state
from s2s_core.errors import S2SError
from s2s_core.limits import Limits
from s2s_core.readers import READERS
from s2s_core.readers.apart import read_apart

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

    technology: str
    scale: str
    absent: str
    bin_size: float | None


def upload() -> None:
    """The field for files and the options of reading."""
    uploads = st.file_uploader(
        "Your section: what the instrument wrote, an .h5ad, a zipped .zarr, or a table",
        accept_multiple_files=True,
        max_upload_size=int(Limits.limits().max_upload_mb),
        key=f"upload-{st.session_state.get('upload_count', 0)}",
        help="Space Ranger, Visium HD, Xenium, MERFISH, CosMx, Stereo-seq, Slide-seq, ST: drop "
        "the files all at once, or the folder as one .zip. A SpatialData store (.zarr) is such a "
        "folder; of it the folders tables and shapes are enough. A table (.csv, .tsv, .parquet, also "
        ".gz) needs a column of spot ids, columns x and y (or array_row and array_col), and "
        "one column a gene. Files stay on this computer.",
    )
    reading = reading_options()
    if "upload_error" in st.session_state:
        st.error(st.session_state.pop("upload_error"))
    if uploads:
        take_uploads(uploads, reading)


def reading_options() -> Reading:
    """Options few need, with what each is for."""
    with st.expander("Reading options"):
        technology = st.selectbox(
            "Format", ["auto", *READERS], key="technology",
            format_func=lambda n: "find out" if n == "auto" else READERS[n].label,
        )  # fmt: skip
        one, two, three = st.columns(3)
        scale = one.selectbox("Values are", SCALES, format_func=SCALES.get, key="scale")
        absent = two.selectbox(
            "Positions without a spot are", ABSENT, format_func=ABSENT.get, key="absent",
            help="Positions inside the tissue that the file has no spot for.",
        )  # fmt: skip
        size = three.number_input(
            "Bin size (0: propose one)", min_value=0.0, value=0.0, key="bin_size",
            help="For cells and beads, which lie on no lattice: edge of the square pixels they "
            "are counted in, in the file's own unit; for Visium HD in micrometres.",
        )  # fmt: skip
    return Reading(technology, scale, absent, size or None)


def take_uploads(uploads: list, reading: Reading) -> None:
    """Read uploaded files once; a failure leaves what was open untouched."""
    empty = [u.name for u in uploads if u.size == 0]
    if empty:
        st.session_state.upload_error = f"{empty[0]!r} is empty; export it again."
        fresh_field()
    with tempfile.TemporaryDirectory(prefix="s2s-") as folder:
        paths = save_uploads(uploads, Path(folder))
        try:
            with st.spinner("Reading the section ..."):
                section = read_apart(paths[0] if len(paths) == 1 else paths, **asdict(reading))
        except S2SError as error:
            # What was refused must not be mixed with the next file.
            st.session_state.upload_error = str(error)
            fresh_field()
    _state.use_section(section, max(uploads, key=lambda u: u.size).name)
    fresh_field()


def fresh_field() -> None:
    """Draw the page anew with an empty field, which lets go of the files' memory."""
    st.session_state.upload_count = st.session_state.get("upload_count", 0) + 1
    st.rerun()


def save_uploads(uploads: list, folder: Path) -> list[Path]:
    """Copy uploads into a folder, under their own names made harmless."""
    paths = []
    for i, upload in enumerate(uploads):
        # Formats are known by their files' names, but a name must not become a path.
        name = re.sub(r"[^\w.() +-]", "_", Path(upload.name.replace("\\", "/")).name).lstrip(".")
        path = folder / (name[-150:] or f"upload{i}")
        if path.exists():
            path = folder / f"{i}-{path.name}"
        path.write_bytes(upload.getbuffer())
        paths.append(path)
    return paths
