"""The main job: honesty, exactness, resuming, and that learning pays."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.assessment.metrics import summarise
from s2s_core.data.added_positions import densify
from s2s_core.data.observation import observe
from s2s_core.data.simulate import demo_section
from s2s_core.errors import Cancelled
from s2s_core.imputation import run
from s2s_core.methods import METHODS, applicable
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Spots
from tests.tiny import tiny_config, tiny_published

pytestmark = pytest.mark.slow

CLASSICAL = [name for name in METHODS if name != "s2s"]


def config_of(name: str, **changes):
    return replace(tiny_config(**changes), method=name)


def poisoned(section, value):
    """The section with ``value`` at every hidden spot, its totals included."""
    counts = section.counts.toarray()
    counts[~section.measured] = value
    filled = type(section.counts)(counts.astype(np.float32))
    totals = np.where(section.measured, section.spot_totals, value)
    return replace(section, counts=filled, totals=totals)


@pytest.mark.parametrize("name", ["s2s", *CLASSICAL])
def test_no_unmeasured_value_can_change_the_map(lattice, name):
    section = sample(lattice, "lattice:2")
    before = run(section, config_of(name)).imputed
    for value in (np.nan, 1e9):
        after = run(poisoned(section, value), config_of(name)).imputed
        assert np.array_equal(before, after)


def test_no_unmeasured_value_reaches_the_published_training(square):
    section = sample(square, "lattice:2").subset_genes(["Gene0", "Gene1"])
    before = run(section, tiny_published()).imputed
    assert np.array_equal(before, run(poisoned(section, np.nan), tiny_published()).imputed)


@pytest.mark.parametrize("design", ["lattice:2", "random:0.4"])
def test_measured_values_stay_as_they_are_with_every_method(lattice, design):
    section = sample(lattice, design)
    obs = observe(section)
    names = tuple(n for n in CLASSICAL if applicable(n, obs))
    result = run(section, replace(tiny_config(), compare=names))
    assert set(result.maps) == {"s2s", *names}
    for values in result.maps.values():
        assert np.array_equal(values[section.measured], obs.values)
        assert np.isfinite(values).all()
        assert (values >= 0).all()


def test_scores_of_a_simulated_mask_are_taken_at_hidden_truth(square):
    section = sample(square, "checkerboard")
    result = run(section, config_of("linear"))
    assert set(result.metrics["spots"]) == {Spots.HIDDEN}
    assert set(result.metrics["n_spots"]) == {int(section.hidden.sum())}
    gene = result.metrics.set_index("gene").loc["Gene2"]
    error = result.imputed[section.hidden, 2] - result.truth[section.hidden, 2]
    assert gene["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["s2s", "linear", "programme-kriging"])
@pytest.mark.parametrize("situation", ["gaps", "densify"])
def test_scores_without_truth_come_from_withheld_measured_spots(lattice, situation, name):
    if situation == "gaps":
        section = sample(lattice, "random:0.5").without_hidden()
    else:
        section = densify(lattice, 2)
    result = run(section, config_of(name))
    assert set(result.metrics["spots"]) == {Spots.WITHHELD}
    assert 5 <= result.metrics["n_spots"].iloc[0] < section.measured.sum() / 2
    assert np.isfinite(result.imputed).all()
    assert result.metrics["mae"].notna().all()


def test_withheld_scores_are_no_look_at_the_answer(square):
    """On pure noise a method scored on what it has seen would look good; none may."""
    rng = np.random.default_rng(0)
    noise = replace(
        square,
        counts=type(square.counts)(rng.poisson(3.0, square.counts.shape).astype(np.float32)),
        totals=None,
    )
    section = sample(noise, "random:0.6").without_hidden()
    result = run(section, config_of("nearest"))
    assert abs(result.metrics["pcc"].mean()) < 0.5
    assert result.metrics["mae"].mean() > 0.1


def test_a_trained_network_beats_the_nearest_spot():
    section = sample(demo_section(rows=26, genes=30), "lattice:2")
    result = run(section, replace(tiny_config(steps=20), compare=("nearest",)))
    table = summarise(result.metrics)
    assert table.loc["s2s", "rmse"] < table.loc["nearest", "rmse"]
    assert table.loc["s2s", "pcc"] > table.loc["nearest", "pcc"]


# The published training takes one gene after the other.
@pytest.mark.parametrize(("make", "last"), [(tiny_config, 6), (tiny_published, 18)])
def test_a_stopped_run_resumes_to_the_same_result(square, tmp_path, make, last):
    section = sample(square, "lattice:2").subset_genes(["Gene0", "Gene1", "Gene2"])
    whole = run(section, make(steps=6)).imputed
    steps = []

    def stop() -> bool:
        return len(steps) >= 3

    def count(progress) -> None:
        if progress.losses:
            steps.append(progress.step)

    with pytest.raises(Cancelled):
        run(section, make(steps=6), folder=tmp_path, on_progress=count, should_stop=stop)
    assert steps == [1, 2, 3]
    steps.clear()
    resumed = run(section, make(steps=6), folder=tmp_path, on_progress=count, resume=True).imputed
    assert steps == list(range(4, last + 1))
    assert np.array_equal(whole, resumed)


def test_the_same_seed_gives_the_same_map_and_another_does_not(square):
    section = sample(square, "lattice:2")
    first, again = (run(section, tiny_config()).imputed for _ in range(2))
    assert np.array_equal(first, again)
    other = run(section, replace(tiny_config(), seed=5)).metrics
    assert len(other) == len(section.genes)


def test_info_tells_what_was_done(square):
    section = sample(square, "lattice:2")
    info = run(section, replace(tiny_config(), compare=("linear",))).info
    assert info["design"] == "lattice:2"
    assert info["n_measured"] == section.measured.sum()
    assert set(info["seconds_by_method"]) == {"s2s", "linear"}
    assert info["details"]["s2s"]["steps_done"] == 6
    assert 0.0 <= info["details"]["s2s"]["network_share"] <= 1.0
    assert info["target_sum"] > 0


def test_a_gene_without_a_map_of_medians_is_named_and_gets_one_number(square):
    rng = np.random.default_rng(0)
    # Half of the genes are shuffled over the spots: nothing is left to map.
    counts = square.counts.toarray()
    half = counts.shape[1] // 2
    counts[:, :half] = rng.permuted(counts[:, :half], axis=0)
    section = sample(replace(square, counts=type(square.counts)(counts)), "checkerboard")
    result = run(section, config_of("kriging"))
    flat = result.metrics["median_constant"].to_numpy()
    assert flat[:half].mean() > flat[half:].mean()
    known = observe(section).values
    for gene in np.nonzero(flat)[0]:
        answer = result.layers["median"][section.hidden, gene]
        lower, upper = (result.layers[n][section.hidden, gene] for n in ("lower", "upper"))
        number = np.clip(np.median(known[:, gene]), lower, upper)
        assert np.allclose(answer, number, atol=1e-5)
