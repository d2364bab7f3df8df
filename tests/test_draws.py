"""Draws of a map: measured values kept, seeds obeyed, laws and correlations as they should be."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest

from s2s_core import read
from s2s_core.cli.main import main
from s2s_core.config import preset
from s2s_core.data.assemble import assemble
from s2s_core.data.observation import observe
from s2s_core.data.result import load_result, save_result
from s2s_core.errors import S2SError
from s2s_core.geostat import conditional_simulation, draws
from s2s_core.geostat.draws import MapSimulation, draw_maps
from s2s_core.geostat.gene_correlations import Source, gene_correlations
from s2s_core.imputation import run
from s2s_core.output.draws_file import write_draws
from s2s_core.sampling.apply import sample
from tests.made import made_section, made_table


@pytest.fixture(scope="module", params=["square", "hex"])
def result(request):
    section = sample(made_section(request.param, 16, 18), "random:0.4", seed=2)
    return run(section, preset("fast", method="programme-kriging", compare=()))


def test_draws_keep_what_was_measured_and_are_possible_measurements(result):
    drawn = result.draws(3)
    measured = result.section.measured
    assert drawn.shape == (3, *result.truth.shape)
    assert drawn.dtype == np.float32
    assert (drawn[:, measured] == observe(result.section).values).all()
    assert np.isfinite(drawn).all()
    assert (drawn >= 0.0).all()
    assert not np.array_equal(drawn[0][~measured], drawn[1][~measured])


def test_a_draw_depends_on_its_seed_and_number_alone(result):
    many = result.draws(4, seed=5)
    assert np.array_equal(result.draws(2, seed=5), many[:2])
    assert np.array_equal(MapSimulation(result).draw(3, 5), many[3])
    assert not np.array_equal(result.draws(1, seed=6)[0], many[0])


def test_draws_do_not_depend_on_how_much_is_held_at_once(result, monkeypatch):
    whole = result.draws(2)
    monkeypatch.setattr(draws, "GENES_AT_ONCE", 2)
    assert np.array_equal(result.draws(2), whole)
    signal = result.draws(2, kind="signal")
    monkeypatch.undo()
    assert np.array_equal(result.draws(2, kind="signal"), signal)


def test_intervals_of_draws_hold_hidden_measurements_and_region_means(result):
    section = result.section
    drawn, truth = result.draws(60), result.truth
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0, method="weibull")
    hidden = section.hidden
    assert 0.84 < ((truth >= low) & (truth <= high))[hidden].mean() < 0.96
    xy = section.grid.lattice_xy(*np.divmod(section.pixels, section.grid.shape[1]))
    near = [np.argsort(((xy - p) ** 2).sum(1))[:25] for p in xy[::7]]
    means = np.array([[one[rows].mean(0) for rows in near] for one in drawn])
    low, high = np.quantile(means, [0.05, 0.95], axis=0, method="weibull")
    true = np.array([truth[rows].mean(0) for rows in near])
    assert 0.78 < ((true >= low) & (true <= high)).mean() < 0.98


def test_the_signal_varies_less_than_measurements_around_the_same_mean(result):
    hidden = result.section.hidden
    signal = np.stack([one[hidden] for one in draw_maps(result, 30, kind="signal")])
    measured = np.stack([one[hidden] for one in draw_maps(result, 30)])
    mean = result.maps["programme-kriging"][hidden]
    assert 0.0 < signal.var(0).mean() < 0.8 * measured.var(0).mean()
    for drawn in (signal, measured):
        assert np.abs(drawn.mean((0, 1)) - mean.mean(0)).max() < 0.12 * mean.std()


def test_a_run_opened_again_draws_the_same(result, tmp_path):
    save_result(result, tmp_path)
    assert np.array_equal(load_result(tmp_path).draws(1), result.draws(1))


def test_spots_kept_for_scores_have_their_own_predictions(result):
    section = result.section
    known = replace(section, known=section.measured)
    kept = run(known, preset("fast", method="programme-kriging", compare=()))
    assert kept.withheld.mean.shape == observe(known).values.shape
    assert np.isfinite(kept.withheld.mean).all()
    right = np.corrcoef(kept.withheld.mean.ravel(), observe(known).values.ravel())[0, 1]
    assert right > 0.5


def test_runs_without_predictions_at_withheld_spots_say_what_to_do(result):
    with pytest.raises(S2SError, match="run the method again"):
        replace(result, withheld=None).draws(1)
    with pytest.raises(S2SError, match="At least one draw"):
        next(draw_maps(result, 0))


def test_any_method_can_be_drawn_from(result):
    section = result.section
    nearest = run(section, preset("fast", method="nearest", compare=()))
    assert (nearest.draws(1)[0][section.measured] == observe(section).values).all()


def test_memory_is_bounded_by_chunks_of_columns(result, monkeypatch):
    asked = []
    real = conditional_simulation.krige

    def watched(spots, values, *rest, **options):
        asked.append(values.shape[1])
        return real(spots, values, *rest, **options)

    simulation = MapSimulation(result)
    monkeypatch.setattr(conditional_simulation, "COLUMNS", 4)
    monkeypatch.setattr(conditional_simulation, "krige", watched)
    simulation.draw(0)
    assert max(asked) <= 4
    assert sum(asked) > 4


def test_correlations_come_from_draws_or_measured_spots(result):
    hidden = result.section.hidden
    from_draws = gene_correlations(result, draws=5, rows=hidden)
    alone = gene_correlations(result, Source.MEASURED)
    true = np.corrcoef(result.truth[hidden].T)
    of_map = np.corrcoef(result.imputed[hidden].T)
    assert list(from_draws.index) == list(result.section.genes)
    values = observe(result.section).values
    assert np.allclose(alone, np.corrcoef(values.T))
    assert np.abs(from_draws - true).to_numpy().mean() < 0.6 * np.abs(of_map - true).mean()


def test_genes_that_are_missed_together_are_drawn_together():
    """Three genes are high where the other three are low, spot by spot, without any pattern."""
    _, obs, var, xy, index = made_table("square", 18, 18)
    rng = np.random.default_rng(0)
    swing = np.where(np.arange(6) < 3, 1.0, -1.0) * rng.normal(size=(len(xy), 1))
    counts = rng.poisson(20.0 * np.exp(0.5 * swing)).astype(np.float32)
    place = {"xy": xy, "array_index": index, "kind": "square", "totals": "sum"}
    section = sample(assemble(counts, obs=obs, var=var, **place), "random:0.5", seed=1)
    result = run(section, preset("fast", method="programme-kriging", compare=()))
    hidden = section.hidden
    found = gene_correlations(result, draws=5, rows=hidden).to_numpy()
    true = np.corrcoef(result.truth[hidden].T)
    assert true[0, 1] > 0.5 > -0.5 > true[0, 4]
    assert np.abs(found - true).max() < 0.15


def test_a_file_of_draws_opens_as_anndata(result, tmp_path):
    write_draws(result, tmp_path / "draws.h5ad", 2, seed=4)
    table = ad.read_h5ad(tmp_path / "draws.h5ad")
    order = result.section.written_order
    assert list(table.layers) == ["draw_1", "draw_2"]
    assert np.array_equal(table.layers["draw_2"], result.draws(2, seed=4)[1][order])
    assert np.array_equal(table.X, result.imputed[order])
    assert (table.uns["s2s"]["draws"], table.uns["s2s"]["draws_seed"]) == (2, 4)


def test_a_file_of_draws_keeps_the_order_of_the_rows_that_were_read(tmp_path):
    table = made_section("square", 12, 12).to_anndata()
    table[np.random.default_rng(0).permutation(table.n_obs)].copy().write_h5ad(tmp_path / "a.h5ad")
    section = sample(read(tmp_path / "a.h5ad"), "random:0.5", seed=1)
    result = run(section, preset("fast", method="nearest", compare=()))
    write_draws(result, tmp_path / "draws.h5ad", 1)
    written = ad.read_h5ad(tmp_path / "draws.h5ad").to_df("draw_1").loc[section.spot_ids]
    assert not np.array_equal(section.written_order, np.arange(section.n_positions))
    assert np.array_equal(written, result.draws(1)[0])


def test_the_command_line_writes_draws(result, tmp_path, capsys):
    source = tmp_path / "in.h5ad"
    result.section.everything_known().to_anndata().write_h5ad(source)
    words = ["impute", str(source), "--out", str(tmp_path / "out"), "--mask", "lattice:2"]
    words += ["--method", "nearest", "--compare", "none"]
    assert main([*words, "--draws", "2"]) == 0
    assert "2 draws" in capsys.readouterr().out
    assert len(ad.read_h5ad(tmp_path / "out" / "draws.h5ad").layers) == 2
    assert main([*words, "--draws", "0"]) == 2
    assert "--draws takes 1 or more" in capsys.readouterr().err
