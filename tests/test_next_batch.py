"""The next batch after a run: unsure places, spread, and better than lots."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from s2s_core.cli.finished_run import finished_run
from s2s_core.cli.main import main
from s2s_core.data.result import save_result
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError
from s2s_core.output.export import export
from s2s_core.sampling.apply import sample
from s2s_core.sampling.next_batch import next_batch, uncertainty
from tests.made import made_result


@pytest.fixture(scope="module")
def section():
    return sample(demo_section(rows=34, genes=12), "random:0.25", 1)


@pytest.fixture
def flat(section):
    return np.ones((section.n_positions, 12), np.float32)


def points_of(section, table):
    at = section.spot_ids.get_indexer(table["spot_id"])
    return section.grid.lattice_xy(section.row[at], section.col[at])


def apart(points):
    """Mean distance to the nearest other point."""
    return cKDTree(points).query(points, k=2)[0][:, 1].mean()


def farthest(section, allowed, count):
    """The positions that are farthest from any measured spot: a batch without foresight."""
    every = section.grid.lattice_xy(section.row, section.col)
    gap = cKDTree(every[section.measured]).query(every)[0]
    return every[np.argsort(-np.where(allowed, gap, 0), kind="stable")[:count]]


def test_spots_are_unmeasured_different_and_where_they_say(section, flat):
    table = next_batch(section, flat, 20, 3)
    at = section.spot_ids.get_indexer(table["spot_id"])
    assert not section.measured[at].any()
    assert len(set(at)) == 20
    array_row, array_col = section.array_index
    assert np.array_equal(table["array_row"], array_row[at])
    assert np.array_equal(table["array_col"], array_col[at])
    assert np.array_equal(table[["x", "y"]], section.xy[at])
    assert table["order"].tolist() == list(range(1, 21))
    assert table.equals(next_batch(section, flat, 20, 3))


def test_they_do_not_cluster_and_fill_the_gaps(section, flat):
    chosen = points_of(section, next_batch(section, flat, 25))
    every = section.grid.lattice_xy(section.row, section.col)
    assert apart(chosen) > 1.15 * apart(farthest(section, ~section.measured, 25))
    gap = cKDTree(every[section.measured]).query(every)[0]
    taken = cKDTree(every[section.measured]).query(chosen)[0]
    assert taken.mean() > 1.3 * gap[~section.measured].mean()


def test_unsure_places_come_first_but_not_alone(section, flat):
    left = section.xy[:, 0] < np.median(section.xy[:, 0])
    spread = np.where(left[:, None], 5.0, 1.0) * flat
    table = next_batch(section, spread, 20)
    inside = left[section.spot_ids.get_indexer(table["spot_id"])]
    assert inside.mean() > 0.8
    assert apart(points_of(section, table)) > 1.1 * apart(farthest(section, left, 20))


def test_only_allowed_positions_are_proposed(section, flat):
    allowed = np.arange(section.n_positions) % 2 == 0
    table = next_batch(section, flat, 10, allowed=allowed)
    assert allowed[section.spot_ids.get_indexer(table["spot_id"])].all()


def test_genes_count_alike_whatever_their_scale(section):
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.5, 1.5, (section.n_positions, 3))
    scaled = spread * [1, 100, 0.01]
    assert np.allclose(uncertainty(section, spread), uncertainty(section, scaled))
    assert uncertainty(section, spread)[~section.measured].mean() == pytest.approx(1.0)


def test_hidden_values_are_not_looked_at(section, flat):
    counts = section.counts.tolil()
    counts[section.hidden] = 999
    spoiled = replace(section, counts=counts.tocsr())
    assert next_batch(spoiled, flat, 15).equals(next_batch(section, flat, 15))


def test_the_smallest_batch_is_one_spot(section, flat):
    assert len(next_batch(section, flat, 1)) == 1


def test_bad_batches_are_refused(section, flat):
    away = int((~section.measured).sum())
    for count in (0, away + 1):
        with pytest.raises(S2SError, match=f"between 1 and {away}"):
            next_batch(section, flat, count)
    with pytest.raises(S2SError, match="how unsure"):
        next_batch(section, 0 * flat, 5)


@pytest.mark.parametrize("kept", ["result", "exported"])
def test_a_finished_run_is_found_in_either_folder(section, tmp_path, kept, capsys):
    result = made_result(section)
    if kept == "result":
        save_result(result, tmp_path / "result")
    else:
        export(result, tmp_path)
    found, spread = finished_run(tmp_path)
    order = found.spot_ids.get_indexer(section.spot_ids)
    assert np.array_equal(found.measured[order], section.measured)
    assert np.allclose(np.asarray(spread)[order], 0.25)
    out = tmp_path / "next.csv"
    assert main(["design", "next", str(tmp_path), "--budget", "7", "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert len(table) == 7
    assert not section.measured[section.spot_ids.get_indexer(table["spot_id"])].any()
    assert main(["design", "next", str(tmp_path / "nowhere"), "--budget", "7"]) == 2
    assert "holds no finished run" in capsys.readouterr().err
