"""New measurements: into the right rows, and refused where they cannot be."""

import io

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.additions import ADDED_KEY, add_measurements, read_additions
from s2s_core.data.observation import observe
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample


@pytest.fixture
def run(lattice):
    return sample(lattice, "lattice:2").without_hidden()


def table_of(full, rows):
    table = pd.DataFrame(full.counts[rows].toarray(), columns=list(full.genes))
    table.insert(0, "spot_id", np.asarray(full.spot_ids[rows]))
    return table


def test_added_spots_are_as_if_measured_at_once(lattice, run):
    rows = np.nonzero(~run.measured)[0][[5, 1, 9]]
    added = add_measurements(run, table_of(lattice, rows))
    mask = run.measured.copy()
    mask[rows] = True
    at_once = lattice.with_measured(mask)
    np.testing.assert_array_equal(added.measured, mask)
    np.testing.assert_allclose(observe(added).values, observe(at_once).values)
    assert not run.measured[rows].any()
    # The section is no longer its file's, which a record of it must say.
    again = np.nonzero(~added.measured)[0][:2]
    assert add_measurements(added, table_of(lattice, again)).uns[ADDED_KEY] == 5


def test_spots_are_found_by_array_position_too(lattice, run):
    rows = np.nonzero(~run.measured)[0][:4]
    table = table_of(lattice, rows).drop(columns="spot_id")
    table["array_row"], table["array_col"] = (a[rows] for a in lattice.array_index)
    added = add_measurements(run, table)
    assert added.measured[rows].all()


def test_a_table_survives_csv(lattice, run):
    rows = np.nonzero(~run.measured)[0][:3]
    text = table_of(lattice, rows).to_csv(index=False)
    added = add_measurements(run, read_additions(io.StringIO(text)))
    np.testing.assert_allclose(added.counts[rows].toarray(), lattice.counts[rows].toarray())


def test_totals_count_what_is_outside_the_panel(lattice):
    panel = sample(lattice, "lattice:2").without_hidden().subset_genes(lattice.genes[:2])
    rows = np.nonzero(~panel.measured)[0][:2]
    added = add_measurements(panel, table_of(lattice, rows))
    np.testing.assert_allclose(added.totals[rows], lattice.counts[rows].sum(1).A1)


def test_a_stated_total_counts_and_without_any_the_panels_share_does(lattice):
    panel = sample(lattice, "lattice:2").without_hidden().subset_genes(lattice.genes[:2])
    rows = np.nonzero(~panel.measured)[0][:2]
    table = table_of(panel, rows).assign(**{gene: [3.0, 5.0] for gene in panel.genes})
    added = add_measurements(panel, table.assign(total_counts=[70, 90]))
    assert added.totals[rows].tolist() == [70, 90]
    at = panel.measured
    share = np.median(panel.counts[at].sum(1).A1 / panel.totals[at])
    assert add_measurements(panel, table).totals[rows] == pytest.approx([6 / share, 10 / share])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, s: t.drop(columns=s.genes[0]), "lack 1 of"),
        (lambda t, s: t.assign(spot_id="nowhere"), "no positions"),
        (lambda t, s: pd.concat([t, t]), "named twice"),
        (lambda t, s: t.assign(spot_id=s.spot_ids[s.measured][0]).head(1), "measured already"),
        (lambda t, s: t.drop(columns="spot_id"), "name no spots"),
        (lambda t, s: t.head(0), "is empty"),
        (lambda t, s: t.assign(**{s.genes[0]: -1.0}), "negative"),
        (lambda t, s: t.assign(**{s.genes[0]: "x"}), "no numbers"),
    ],
)
def test_what_cannot_be_added_is_one_sentence(lattice, run, change, said):
    table = table_of(lattice, np.nonzero(~run.measured)[0][:2])
    with pytest.raises(S2SError, match=said):
        add_measurements(run, change(table, run))
