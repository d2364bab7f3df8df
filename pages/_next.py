"""The next batch after a run: which spots to measure, and what came of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from pages import _state
from pages._start import start_run
from s2s_core.data.additions import add_measurements, read_additions
from s2s_core.data.design_text import BATCH
from s2s_core.data.result import Result
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.jobs import jobs
from s2s_core.output.file_names import download_name
from s2s_core.output.maps import mask_map
from s2s_core.output.tables import guard
from s2s_core.sampling.next_batch import next_batch

# Every spot is chosen for what it adds: minutes on large sections.
AT_ONCE = 3_000


def batch(job: jobs.Job, result: Result) -> None:
    """Choose the next spots, take the list to the laboratory, bring the counts back."""
    section = result.section
    spread = result.sd.get(result.config.method)
    if spread is None:
        st.info("This method does not say how unsure it is; run Sparser2Sparse or a kriging.")
        return
    known = section.hidden if section.hidden.any() else ~section.measured
    st.write(
        "Where would further spots help most? Each is chosen so that measuring it lowers the "
        "uncertainty of the whole map, given what is measured and chosen before it."
    )
    most = int(known.sum())
    count = int(st.number_input("Spots to measure next", 1, most, min(most, 24), key="batch_count"))
    if section.n_positions > AT_ONCE and not st.button("Choose them", key="batch_choose"):
        return
    try:
        with st.spinner("Choosing spots ..."):
            table = next_batch(section, np.asarray(spread), count, allowed=known)
    except S2SError as error:
        st.error(str(error))
        return
    rows = section.spot_ids.get_indexer(table["spot_id"])
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.dataframe(
            table[["order", "spot_id", "array_row", "array_col", "uncertainty"]],
            hide_index=True,
            height=320,
            column_config={
                "uncertainty": st.column_config.NumberColumn(
                    "uncertainty (mean: 1)",
                    format="%.2f",
                    help="The run's own, relative to the mean over unmeasured positions.",
                )
            },
        )
        written = table.assign(spot_id=table["spot_id"].map(guard)).to_csv(index=False)
        st.download_button(
            "Download the list (CSV)",
            written,
            download_name(section, "next_batch.csv"),
            "text/csv",
            key="batch_list",
            on_click="ignore",
        )
    with right:
        chosen = np.zeros(section.n_positions, bool)
        chosen[rows] = True
        figure = mask_map(section, proposed=chosen)
        st.plotly_chart(figure, key="batch_map", config={"displaylogo": False})
    if section.hidden.any():
        hidden = section.with_measured(section.measured | chosen, section.design + BATCH)
        if st.button("They are hidden here: measure them and run again", key="batch_take"):
            again(job, hidden)
        st.caption(
            "This was a trial: what these spots hold is at hand. Of a section with unmeasured spots "
            "the new counts are brought back here."
        )
    else:
        bring_back(job, section, table)


def bring_back(job: jobs.Job, section: Section, batch: pd.DataFrame) -> None:
    """Take a table of new measurements into the section and run again."""
    st.write(
        f"**When they are measured:** fill in their counts, one row a spot and one column for each "
        f"of the {len(section.genes):,} genes, and bring the table back. Everything is then imputed "
        "again from all measured spots."
    )
    empty = batch[["spot_id", "array_row", "array_col"]].assign(spot_id=batch["spot_id"].map(guard))
    empty = empty.reindex(columns=[*empty.columns, *map(guard, section.genes)])
    st.download_button(
        "Download a table to fill in (CSV)",
        empty.to_csv(index=False),
        download_name(section, "next_counts.csv"),
        "text/csv",
        key="batch_empty",
        on_click="ignore",
    )
    upload = st.file_uploader(
        "Measured them? The table of their counts (CSV)",
        type=["csv"],
        key="batch_upload",
        help="One row a spot with spot_id (or array_row and array_col) and a column for every gene.",
    )
    if upload is None:
        return
    try:
        added = add_measurements(section, read_additions(upload))
        added.check_ready()
    except S2SError as error:
        st.error(str(error))
        return
    st.write(added.notes[-1])
    if st.button("Run again with them", type="primary", key="batch_again"):
        again(job, added)


def again(job: jobs.Job, section: Section) -> None:
    """Run the same settings on a section with more spots measured."""
    here = _state.workspace()
    here.section, here.sampled, here.genes = section.everything_known(), section, None
    start_run(section, replace(job.config()), job.name)
    st.switch_page("pages/train.py", query_params=_state.addresses())
