"""What one browser session works on: typed access, and the job id in the URL."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages import _who
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.jobs import drafts, jobs
from s2s_core.sampling.painting import Painting
from s2s_core.sampling.pilot import Pilot

SHOWN_ERRORS = (S2SError,)
KEPT_WIDGETS = (
    "gene_mode",
    "gene_pick",
    "gene_paste",
    "gene_count",
    "situation",
    "design",
    "design_column",
    "design_seed",
    "densify",
    "preset",
    "method",
    "seed",
    "device",
    "result_gene",
    "panels",
    "colours",
    "quantile",
    "marked",
    "tissue_opacity",
    "multiples",
    "paint",
    "paint_start",
    "paint_tool",
    "paint_use",
)
# Choices that mean nothing for another section.
OF_A_SECTION = (
    "gene_mode",
    "gene_pick",
    "gene_paste",
    "gene_count",
    "situation",
    "result_gene",
    "paint",
    "paint_use",
    "paint_start",
    "design_column",
    "design_made",
    "region",
    "multiples",
)
PATH = (
    ("Data", "pages/data.py"),
    ("Sampling", "pages/sampling.py"),
    ("Train", "pages/train.py"),
    ("Results", "pages/results.py"),
)


@dataclass
class Workspace:
    """The section in hand and where it stands.

    Attributes
    ----------
    section : Section or None
        As read, all genes.
    name : str
    genes : list of str or None
        Chosen genes; None means all.
    sampled : Section or None
        With the chosen genes and sampling: what a run is started on.
    job_id : str or None
        The run that Train and Results show.
    mask_table : DataFrame or None
        Uploaded table of measured spot ids: the uploader itself forgets it on a page switch.
    painting : Painting or None
        Mask painted by hand, while that is what the user does.
    structure : DataFrame or None
        Moran's I and verdict of every gene of the section.
    expression : Series or None
        Mean of every gene of the section.
    pilot : Pilot or None
        Patterns of the section, by which designs are judged.
    study_id : str or None
        The study that the page of studies shows.
    draft_id : str or None
        The section as it is kept on disk until it is run.
    """

    section: Section | None = None
    name: str = ""
    genes: list[str] | None = None
    sampled: Section | None = None
    job_id: str | None = None
    mask_table: pd.DataFrame | None = None
    painting: Painting | None = None
    structure: pd.DataFrame | None = None
    expression: pd.Series | None = None
    pilot: Pilot | None = None
    study_id: str | None = None
    draft_id: str | None = None
    _chosen: Section | None = None

    @property
    def opened(self) -> Section:
        """The section in hand; a LookupError where there is none."""
        if self.section is None:
            raise LookupError("no section is open")
        return self.section

    @property
    def chosen(self) -> Section:
        """The section with the chosen genes only; the same object while the choice is the same."""
        if self.genes is None:
            return self.opened
        if self._chosen is None or list(self._chosen.genes) != self.genes:
            self._chosen = self.opened.subset_genes(self.genes)
        return self._chosen


def workspace() -> Workspace:
    """Workspace of this browser session."""
    if "workspace" not in st.session_state:
        st.session_state.workspace = Workspace()
    return st.session_state.workspace


def use_section(section: Section, name: str) -> None:
    """Take a new section; what belonged to the old one goes."""
    st.session_state.workspace = Workspace(section=section, name=name)
    st.session_state.workspace.draft_id = drafts.keep(section, name)
    for key in OF_A_SECTION:
        st.session_state.pop(key, None)
    st.query_params.clear()
    st.query_params.update(addresses())


def use_job(job: jobs.Job) -> None:
    """Attach to a run or a study, its section included."""
    here = workspace()
    jobs.touch(job)
    if job.kind in jobs.STUDIES:
        here.study_id = job.id
        st.query_params["study"] = job.id
        if here.section is None:
            here.section, here.name = job.section(), job.name
        return
    here.job_id = job.id
    if here.section is None:
        section = job.section()
        here.section, here.sampled, here.name = section.everything_known(), section, job.name
    st.query_params["job"] = job.id


def open_run(job: jobs.Job) -> None:
    """Leave what is in hand and take up a run with its section."""
    st.session_state.workspace = Workspace()
    use_job(job)


def may_change(job: jobs.Job) -> bool:
    """Whether this browser may stop, rename or delete a run: its own, or nobody's."""
    return job.kind != "demo" and job.owner in (None, _who.owner())


def current_job() -> jobs.Job | None:
    """The attached run, None where there is none (any more)."""
    return _attached("job_id")


def current_study() -> jobs.Job | None:
    """The attached study, None where there is none (any more)."""
    return _attached("study_id")


def _attached(which: str) -> jobs.Job | None:
    here = workspace()
    job_id = getattr(here, which)
    if job_id is None:
        return None
    try:
        return jobs.find(job_id)
    except S2SError:
        setattr(here, which, None)
        return None


def open_from_url() -> None:
    """Attach to the run and the study that the URL names; write the attached ones into it."""
    here = workspace()
    if here.draft_id is not None:
        st.query_params["section"] = here.draft_id
    elif here.section is None and "section" in st.query_params and "job" not in st.query_params:
        try:
            here.section, here.name = drafts.find(st.query_params["section"])
            here.draft_id = st.query_params["section"]
        except S2SError as error:
            st.query_params.pop("section", None)
            st.warning(str(error))
    for name, attached in (("job", here.job_id), ("study", here.study_id)):
        asked = st.query_params.get(name)
        if attached is not None:
            st.query_params[name] = attached
        elif asked:
            try:
                use_job(jobs.find(asked))
            except S2SError as error:
                st.query_params.pop(name, None)
                st.warning(str(error))


def leave(job: jobs.Job) -> None:
    """Let go of the attached run or study; it goes on by itself."""
    study = job.kind in jobs.STUDIES
    setattr(workspace(), "study_id" if study else "job_id", None)
    st.query_params.pop("study" if study else "job", None)


def show_path() -> None:
    """The path Data -> Sampling -> Train -> Results: where one stands and what is missing."""
    here = workspace()
    job = current_job()
    status = jobs.state(job).status if job else ""
    notes = {
        "Data": f"{here.section.n_known:,} spots, {len(here.section.genes):,} genes"
        if here.section
        else "open a section first",
        "Sampling": f"{int(here.sampled.measured.sum()):,} spots measured"
        if here.sampled
        else "choose what is measured",
        "Train": {"": "not started", "done": "finished"}.get(status, status),
        "Results": "ready" if status == "done" else "after training",
    }
    reached = {
        "Data": here.section is not None,
        "Sampling": here.sampled is not None,
        "Train": status == "done",
        "Results": status == "done",
    }
    icons = {True: ":material/check_circle:", False: ":material/radio_button_unchecked:"}
    with st.container(border=True):
        for column, (title, file) in zip(st.columns(4), PATH, strict=True):
            with column:
                st.page_link(file, label=f"**{title}**", icon=icons[reached[title]])
                st.caption(notes[title])


def next_step(label: str, page: str) -> None:
    """The one button that leads on along the path."""
    if st.button(f"Next: {label} →", type="primary", key=f"next-{page}"):
        st.switch_page(page, query_params=addresses())


def addresses() -> dict[str, str]:
    """What the URL of every page says of the attached run and study."""
    here = workspace()
    named = {"job": here.job_id, "study": here.study_id, "section": here.draft_id}
    return {name: value for name, value in named.items() if value}


def need_section() -> Section | None:
    """Return the section in hand, or say that one is needed."""
    section = workspace().section
    if section is None:
        st.info(
            "No section is open yet. Open the demo section or upload your own on the Data page."
        )
        st.page_link("pages/data.py", label="Go to Data")
    return section


def keep_widgets() -> None:
    """Assign kept widgets again: a page switch forgets keyed widgets unless that is done."""
    for key in list(st.session_state):
        if key in KEPT_WIDGETS or str(key).startswith("argument-"):
            st.session_state[key] = st.session_state[key]


def first_value(key: str, value: object) -> str:
    """First value of a keyed widget that is kept over page switches; returns the key."""
    st.session_state.setdefault(key, value)
    return key


def is_ours(error: Exception) -> bool:
    """Whether an exception is a defect of ours (Streamlit uses some to steer its runs)."""
    return not type(error).__module__.startswith("streamlit.")
