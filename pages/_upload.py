"""Uploads on Data: how files are to be read, and reading them once.

Files that could not be read stay on a desk, a folder on disk: the missing one may be added to
them, other options tried, one of several sections chosen.
"""

import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import streamlit as st

from pages import _state
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.jobs import drafts
from s2s_core.limits import Limits
from s2s_core.readers import READERS
from s2s_core.readers.several import ALL
from s2s_core.readers.subprocess_reader import read_in_subprocess

SCALES = {"auto": "find out", "counts": "raw counts", "log": "log-normalised already"}
ABSENT = {
    "auto": "find out",
    "gaps": "gaps to impute",
    "zeros": "measured, but empty",
    "background": "not tissue",
}
KINDS = {
    "auto": "find out",
    "hex": "a hexagonal lattice",
    "square": "a square lattice",
    "points": "scattered: count them in square bins",
}
TOTALS = {"auto": "find out", "sum": "the sum of its genes", "none": "nothing"}


@dataclass(frozen=True)
class Reading:
    """How the user wants a file to be read."""

    technology: str
    scale: str
    absent: str
    bin_size: float | None
    kind: str = "auto"
    totals: str = "auto"
    where: str | None = None


@dataclass
class Desk:
    """Files that were refused.

    Attributes
    ----------
    folder : Path
    error : S2SError
        Why; of the class ``SeveralSections`` where one is to be chosen.
    """

    folder: Path
    error: S2SError

    @property
    def files(self) -> list[Path]:
        """In the order of their names."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []


def upload() -> None:
    """The field for files, the options of reading, and what was refused."""
    uploads = st.file_uploader(
        "Your section: what the instrument wrote, an .h5ad, a zipped .zarr, or a table",
        accept_multiple_files=True,
        max_upload_size=int(Limits.from_environment().max_upload_mb),
        key=f"upload-{st.session_state.get('upload_count', 0)}",
        help="Space Ranger, Visium HD, Xenium, MERFISH, CosMx, Stereo-seq, Slide-seq, ST: drop "
        "the files all at once, or the folder as one .zip or .tar.gz. A SpatialData store (.zarr) is such a "
        "folder; of it the folders tables and shapes are enough. A table (.csv, .tsv, .parquet, also "
        ".gz) needs a column of spot ids, columns x and y (or array_row and array_col), and "
        "one column a gene. Files stay on this computer.",
    )
    reading = reading_options()
    if "upload_error" in st.session_state:
        st.error(st.session_state.pop("upload_error"))
    desk = st.session_state.get("desk")
    if uploads:
        take_uploads(uploads, reading, desk)
    elif desk is not None:
        show_desk(desk, reading)


def reading_options() -> Reading:
    """Options few need, with what each is for."""
    with st.expander("Reading options"):
        technology = st.selectbox(
            "Format",
            ["auto", *READERS],
            key="technology",
            format_func=lambda n: "find out" if n == "auto" else READERS[n].label,
        )
        one, two, three = st.columns(3)
        scale = one.selectbox("Values are", SCALES, format_func=SCALES.__getitem__, key="scale")
        absent = two.selectbox(
            "Positions without a spot are",
            ABSENT,
            format_func=ABSENT.__getitem__,
            key="absent",
            help="Positions inside the tissue that the file has no spot for. Found out: gaps on a "
            "lattice of spots; not tissue where points were counted in bins.",
        )
        size = three.number_input(
            "Bin size (0: propose one)",
            min_value=0.0,
            value=0.0,
            key="bin_size",
            help="For cells and beads, which lie on no lattice: edge of the square pixels they "
            "are counted in, in the file's own unit; for Visium HD in micrometres.",
        )
        four, five = st.columns(2)
        kind = four.selectbox("Spots lie on", KINDS, format_func=KINDS.__getitem__, key="kind")
        totals = five.selectbox(
            "A spot is scaled by",
            TOTALS,
            format_func=TOTALS.__getitem__,
            key="scaled_by",
            help="Found out: the sum of its genes; with fewer than 10 genes its total in a column "
            "such as total_counts, or nothing.",
        )
    return Reading(technology, scale, absent, size or None, kind, totals)


def take_uploads(uploads: list, reading: Reading, desk: Desk | None) -> None:
    """Read uploaded files once; a failure leaves what was open untouched and keeps the files."""
    empty = [u.name for u in uploads if u.size == 0]
    if empty:
        st.session_state.upload_error = f"{empty[0]!r} is empty; export it again."
        fresh_field()
    folder = drafts.desk()
    paths = save_uploads(uploads, folder)
    error = open_files(paths, reading, max(uploads, key=lambda u: u.size).name)
    # What was refused before may lack just these; files that are complete come without them.
    new = {p.name for p in paths}
    before = [] if desk is None else [f for f in desk.files if f.name not in new]
    if before and error is not None and not isinstance(error, SeveralSections):
        for file in before:
            shutil.move(file, folder / file.name)
        both = sorted(folder.iterdir())
        error = open_files(both, reading, largest(both))
    clear(desk)
    st.session_state.desk = None if error is None else Desk(folder, error)
    fresh_field()


def open_files(paths: list[Path], reading: Reading, name: str) -> S2SError | None:
    """Open a section and let go of its files; returns why where it cannot be opened."""
    try:
        with st.spinner("Reading the section ..."):
            section = read_in_subprocess(paths[0] if len(paths) == 1 else paths, **asdict(reading))
    except S2SError as error:
        return error
    _state.use_section(section, name)
    shutil.rmtree(paths[0].parent, ignore_errors=True)
    return None


def largest(paths: list[Path]) -> str:
    """Name of the largest file, which a section is called by."""
    return max(paths, key=lambda p: p.stat().st_size).name


def show_desk(desk: Desk, reading: Reading) -> None:
    """Why files were refused, the files, and the ways on."""
    files = desk.files
    if not files:
        st.session_state.desk = None
        return
    several = desk.error if isinstance(desk.error, SeveralSections) else None
    (st.warning if several else st.error)(str(desk.error))
    if several:
        display_name = {
            label: f"{label} ({spots:,} spots)" for label, spots in several.values.items()
        }
        together = "All of them: they are one section"
        chosen = st.selectbox(
            f"Section (column {several.column})",
            [*display_name, together],
            key="section_pick",
            format_func=lambda label: display_name.get(label, label),
        )
        where = ALL if chosen == together else f"{several.column}={chosen}"
        reading = replace(reading, where=where)
    sizes = ", ".join(f"{f.name} ({f.stat().st_size / 1e6:,.1f} MB)" for f in files)
    st.caption(f"Kept: {sizes}. Add what is missing above, or change the reading options.")
    with st.container(horizontal=True):
        if st.button(
            "Open this section" if several else "Read again",
            key="read_again",
            type="primary" if several else "secondary",
        ):
            error = open_files(files, reading, largest(files))
            st.session_state.desk = None if error is None else Desk(desk.folder, error)
            st.rerun()
        if st.button("Forget these files", key="forget_files"):
            clear(desk)
            st.session_state.desk = None
            st.rerun()


def clear(desk: Desk | None) -> None:
    """Delete what lies on a desk."""
    if desk is not None:
        shutil.rmtree(desk.folder, ignore_errors=True)


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
