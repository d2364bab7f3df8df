"""Rules of sections, grids and designs, on lattices small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial import cKDTree

from s2s_core.data.added_positions import densify
from s2s_core.data.grid import fit_affine, from_array_index, lattice_uv
from s2s_core.data.mask_table import mask_from_table, mask_table
from s2s_core.data.structure import morans_i, neighbour_weights
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from s2s_core.sampling.design_metrics import _dispersion
from s2s_core.sampling.registry import DESIGNS
from s2s_core.sampling.stochastic import poisson_disc
from s2s_core.sampling.task import Task
from tests.made import made_section


def test_what_is_not_known_cannot_be_measured(square):
    section = sample(square, "random:0.5", seed=1).without_hidden()
    asked = section.with_measured(np.ones(section.n_positions, bool))
    assert np.array_equal(asked.measured, section.known)
    assert not asked.measured.all()


def test_the_liveliest_gene_varies_most_and_is_not_the_loudest(square):
    counts = np.full((120, 6), 3.0)
    counts[:, 0] = 1000.0
    counts[:, 4] = np.arange(120) % 7
    section = replace(square, counts=sparse.csr_matrix(counts.astype(np.float32)))
    assert section.most_variable_gene() == "Gene4"
    # Only what is measured is looked at.
    hidden = np.arange(120) % 2 == 0
    counts[hidden, 1] = np.arange(60) * 50.0
    section = replace(section, counts=sparse.csr_matrix(counts.astype(np.float32)))
    assert section.with_measured(~hidden).most_variable_gene() == "Gene4"


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("stride", [2, 3])
def test_densified_tissue_ends_where_the_tissue_ends(kind, stride):
    """No new position lies farther from every old one than a point between spots can."""
    section = made_section(kind, 8, 8)
    fine = densify(section, stride)
    farthest = cKDTree(section.xy).query(fine.xy)[0].max() / section.grid.pitch
    # The middle of a square is 0.71 pitches from its corners, that of a triangle 0.58.
    assert farthest <= (0.75 if kind == "square" else 0.6)
    # All between the old ones is tissue: about stride squared as many.
    assert stride**2 * 49 <= fine.n_positions <= stride**2 * 81


@pytest.mark.parametrize("line", ["row", "column"])
def test_a_single_line_of_spots_lies_where_its_coordinates_say(line):
    place = np.arange(20)
    row, col = (np.zeros(20, int) + 4, place) if line == "row" else (place, np.zeros(20, int) + 4)
    xy = np.column_stack([col, row]) * 50.0 + [500.0, 300.0]
    uv = lattice_uv("square", row, col)
    affine = fit_affine(uv, xy)
    assert uv @ affine[:2] + affine[2] == pytest.approx(xy)
    grid = from_array_index("square", row, col, xy=xy)
    assert grid.to_xy(row - grid.row0, col - grid.col0) == pytest.approx(xy)
    assert grid.pitch == pytest.approx(50.0)


def task_of(section, count, seed):
    n = section.n_positions
    return Task(
        section, "", np.random.default_rng(seed), np.ones(n, bool), np.zeros(n, bool), count
    )


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_blue_noise_keeps_nearly_the_distance_of_a_perfect_lattice(kind):
    section = made_section(kind, 30, 30)
    apart = []
    for seed in range(3):
        task = task_of(section, 90, seed)
        mask = poisson_disc(task, task.allowed, np.ones(900))
        assert mask.sum() == 90
        apart.append(cKDTree(task.points[mask]).query(task.points[mask], k=2)[0][:, 1])
    cell = 10 * (np.sqrt(3) / 2 if kind == "hex" else 1.0)
    perfect = np.sqrt(cell * 2 / np.sqrt(3))
    assert np.concatenate(apart).mean() > 0.72 * perfect
    assert np.concatenate(apart).min() > 0.5 * perfect


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_random_draw_has_a_dispersion_of_one(share):
    """By definition, on a small lattice where drawing without replacement matters."""
    points = np.stack(np.indices((9, 9)), -1).reshape(-1, 2).astype(float)
    rng = np.random.default_rng(0)
    found = [_dispersion(rng.permutation(81) < round(81 * share), points) for _ in range(400)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.05)
    assert _dispersion(points[:, 0] < 4.5, points) > 3


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize(
    "design",
    [
        "checkerboard",
        "lattice:2",
        "lattice:3",
        "stripes:2",
        "stripes:3",
        "poisson:0.5",
        "poisson:0.25",
    ],
)
def test_even_designs_are_even(kind, design):
    """Wherever the shells of the lattice lie."""
    section = made_section(kind, 24, 24)
    points = section.grid.lattice_xy(section.row, section.col)
    assert _dispersion(sample(section, design).measured, points) < 0.6


def test_morans_i_and_its_error_are_their_definitions():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 5, (40, 2))
    weights = neighbour_weights(points)
    w = weights.toarray()
    values = rng.normal(size=(40, 3)) + points[:, :1]
    statistic, z_score = morans_i(values, weights)
    z = values - values.mean(0)
    s0, s1 = w.sum(), ((w + w.T) ** 2).sum() / 2
    s2 = ((w.sum(0) + w.sum(1)) ** 2).sum()
    wanted = 40 / s0 * np.einsum("ic,ij,jc->c", z, w, z) / (z**2).sum(0)
    assert statistic == pytest.approx(wanted, rel=1e-4)
    variance = (40**2 * s1 - 40 * s2 + 3 * s0**2) / ((40**2 - 1) * s0**2) - 1 / 39**2
    assert z_score == pytest.approx((wanted + 1 / 39) / np.sqrt(variance), rel=1e-4)
    # Of values without any pattern the z-score is a standard normal.
    chance = morans_i(rng.normal(size=(40, 4000)), weights)[1]
    assert chance.mean() == pytest.approx(0.0, abs=0.06)
    assert chance.std() == pytest.approx(1.0, abs=0.03)


def test_a_hexagonal_part_begins_with_its_first_phase(hexagonal):
    phases = [sample(hexagonal, f"hexlattice:4@{k}").measured for k in range(4)]
    assert np.array_equal(sample(hexagonal, "hexlattice:4").measured, phases[0])
    assert np.array_equal(np.sum(phases, 0), np.ones(hexagonal.n_positions))


def test_one_unknown_id_spoils_a_mask(square):
    table = mask_table(square)[["spot_id"]].head(20)
    assert mask_from_table(table, square).sum() == 20
    table.loc[3, "spot_id"] = "nowhere"
    with pytest.raises(S2SError, match="1 ids of the mask are no spots"):
        mask_from_table(table, square)


def test_one_negative_density_is_refused(square):
    wanted = np.ones(120)
    wanted[7] = -1.0
    with pytest.raises(S2SError, match="0 or more at every spot"):
        sample(square, "density:0.3", density=wanted)


@pytest.mark.parametrize(
    "name", ["random", "stratified", "poisson", "lattice", "checkerboard", "stripes"]
)
def test_designs_say_whether_they_draw_lots_and_begin_with_seed_0(square, name):
    spec = f"{name}:0.3" if DESIGNS[name].kind == "budget" else name
    plain, zero, one = (sample(square, spec, **k).measured for k in ({}, {"seed": 0}, {"seed": 1}))
    assert np.array_equal(plain, zero)
    assert DESIGNS[name].seeded is not np.array_equal(zero, one)
