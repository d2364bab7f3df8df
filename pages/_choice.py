"""The choice of a sampling design: its argument, seed, and what was painted."""

import numpy as np
import streamlit as st

from pages import _state
from s2s_core.data.mask_table import mask_from_table, read_mask_table
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from s2s_core.sampling.pilot import Pilot
from s2s_core.sampling.registry import DESIGNS

# Uses of a painted region besides being the mask itself; the design each needs, if any.
USES = {
    "mask": "exactly what is measured",
    "must": "always measured",
    "avoid": "never measured",
    "region": "measured in full, the rest sparsely",
    "density": "measured four times as densely",
}
NEEDS_PAINT = ("region", "density")
DENSER = 4.0
# Positions up to which the greedy design is worked out at every change; above, when asked.
ACTIVE_AT_ONCE = 2_000


def choose(section: Section, use: str | None, painted: np.ndarray | None) -> Section:
    """Section under the design that the user chooses.

    Parameters
    ----------
    section : Section
    use : str or None
        What the painted region is for (a key of :data:`USES`, not "mask").
    painted : (n,) bool array or None

    Raises
    ------
    S2SError
        Where the design cannot be made; the sentence is for the screen.
    """
    design = pick(section, use)
    if design == "csv":
        return _from_csv(section)
    if design == "obs":
        columns = [str(c) for c in section.obs.columns]
        if not columns:
            raise S2SError("The table has no further columns; choose another design.")
        return sample(section, f"obs:{st.selectbox('Column', columns, key='design_column')}")
    what = DESIGNS[design].argument
    argument = st.text_input(
        what[0].upper() + what[1:],
        key=_state.first_value(f"argument-{design}", DESIGNS[design].default),
    )
    seed = 0
    if DESIGNS[design].seeded:
        seed = int(st.number_input("Seed", 0, 10_000, key=_state.first_value("design_seed", 0)))
    arrays = {}
    if use is not None and painted is not None and painted.any():
        arrays[use] = 1.0 + (DENSER - 1.0) * painted if use == "density" else painted
    elif design in NEEDS_PAINT:
        raise S2SError("Paint the region on the map first: the design follows it.")
    return _made(section, f"{design}:{argument}", seed, arrays)


def pick(section: Section, use: str | None) -> str:
    """Name of the design; painting a region of interest leaves one."""
    if use in NEEDS_PAINT:
        return use
    hexagonal = section.grid.kind == "hex"
    names = [n for n in DESIGNS if n not in NEEDS_PAINT and (hexagonal or n != "hexlattice")]
    if st.session_state.get("design") not in names:
        st.session_state.design = names[0]
    return st.selectbox(
        "Sampling design",
        names,
        format_func=lambda n: DESIGNS[n].label,
        key="design",
        help="Which of the spots are kept as measured. The others are hidden from the network "
        "and used for the scores.",
    )


def pilot_of(section: Section) -> Pilot:
    """What the section's values say of its patterns, worked out once."""
    here = _state.workspace()
    if here.pilot is None or here.pilot.section is not section:
        here.pilot = Pilot(section)
    return here.pilot


def _from_csv(section: Section) -> Section:
    here = _state.workspace()
    table = st.file_uploader("CSV with a column spot_id", type=["csv"], key="mask_file")
    if table is not None:
        here.mask_table = read_mask_table(table)
    if here.mask_table is None:
        raise S2SError("Upload a CSV of the spot ids that are measured.")
    return section.with_measured(mask_from_table(here.mask_table, section), "csv")


def _made(section: Section, spec: str, seed: int, arrays: dict) -> Section:
    """The design, not made again while nothing of it changed."""
    key = (id(section), spec, seed, *((k, v.tobytes()) for k, v in arrays.items()))
    kept = st.session_state.get("design_made")
    if kept is not None and kept[0] == key:
        return kept[1]
    if spec.startswith("active") and section.n_positions > ACTIVE_AT_ONCE:
        st.caption("Every spot is chosen for what it adds; on a large section that takes minutes.")
        if not st.button("Work out the design", key="work_out"):
            raise S2SError('Press "Work out the design" to see which spots it measures.')
    with st.spinner("Making the design ..."):
        made = sample(section, spec, seed, pilot=pilot_of(section), **arrays)
    st.session_state.design_made = (key, made)
    return made
