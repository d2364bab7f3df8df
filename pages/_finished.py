"""A finished run as Results shows it: opened once, and what is computed from it kept."""

import pandas as pd
import streamlit as st

from s2s_core.assessment.checks import QualityCheck, check_quality
from s2s_core.assessment.gene_grades import grade_genes
from s2s_core.data.result import Result, load_result
from s2s_core.jobs import jobs

# A job's files never change once it is done, but it can be resumed or deleted: ids are random,
# so that what is kept under one is always that run's.
KEPT = 6


@st.cache_resource(max_entries=KEPT, show_spinner="Opening the result ...")
def result_of(job_id: str) -> Result:
    """The run's result; its maps stay on disk until they are looked at."""
    return load_result(jobs.find(job_id).result)


@st.cache_data(max_entries=KEPT, show_spinner="Looking at every gene ...")
def grades_of(job_id: str) -> pd.DataFrame:
    """Grade of every gene's map, clearest pattern first."""
    return grade_genes(result_of(job_id)).sort_values("moran", ascending=False)


@st.cache_data(max_entries=KEPT, show_spinner="Checking the maps ...")
def findings_of(job_id: str) -> list[QualityCheck]:
    """Quality checks of the maps."""
    return check_quality(result_of(job_id))
