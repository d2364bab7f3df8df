"""The published training, in values: what a step sees, what its losses are taken on, how it ends."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from s2s_core.config import ModelConfig, PaperTraining, preset
from s2s_core.data.grid import HEX_ROW
from s2s_core.data.observation import observe
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks
from s2s_core.network import fit_paper, predict_patches
from s2s_core.network.batches import orient
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.decimation import decimated_grid, sublattice
from s2s_core.network.fit import fit_network
from s2s_core.network.losses import deep_supervision
from s2s_core.network.natural_images import load_grayscale, plain_crop
from s2s_core.network.patch_source import PaperSource
from s2s_core.network.patches import covering_corners, nearest_sample, tissue_corners
from s2s_core.network.trainer import learning_rate
from s2s_core.sampling.apply import sample
from tests.made import made_section
from tests.tiny import tiny_published

CPU = torch.device("cpu")
PAPER = PaperTraining()


@pytest.fixture(scope="module")
def wide():
    """A square section of 40 x 50 positions, every second row and column measured."""
    return observe(sample(made_section("square", 40, 50), "lattice:2"))


def source_of(obs, gene=0, seed=0, **changes):
    train = replace(PAPER, patch=16, patch_stride=4, **changes)
    return PaperSource(obs, np.array([gene]), train, seed)


def drawn(source, step=0, seed=0):
    return source.draw(step, np.random.default_rng(seed))


def test_the_preset_is_the_published_training():
    config = preset("paper")
    assert config.model == ModelConfig(3, 8, 4, 32, 32, 2, 8, 4)
    train = config.train
    published = {
        "epochs": 3000,
        "steps": None,
        "batch": 16,
        "patch": 64,
        "patch_stride": 2,
        "loss_power": 1,
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "warmup_steps": 0,
        "cosine": False,
        "clip_norm": None,
        "weight_st": 10.0,
        "natural_images": True,
        "set_aside": 0.0,
        "patience": None,
        "precision": "float32",
        "shared_network": False,
        "prediction": "patches",
        "augment_at_prediction": False,
    }
    assert {name: getattr(train, name) for name in published} == published
    assert {learning_rate(step, 10, train) for step in range(10)} == {1e-4}


def test_an_epoch_is_a_pass_over_all_patches(wide):
    source = source_of(wide)
    patches = len(source.corners)
    assert patches > 2 * 16
    assert source.steps == 3000 * -(-patches // 16)
    for epoch in range(2):
        steps = range(epoch * source.steps_an_epoch, (epoch + 1) * source.steps_an_epoch)
        items = [source.items_of(step) for step in steps]
        assert all(len(set(some)) == len(some) for some in items)
        assert [len(some) for some in items[:-1]] == [16] * (len(items) - 1)
        assert sorted(np.concatenate(items)) == list(range(patches))
    assert list(source.items_of(0)) != list(source.items_of(source.steps_an_epoch))
    assert list(source.items_of(0)) != list(source_of(wide, seed=1).items_of(0))


def test_a_step_sees_sixteen_different_patches_in_orientations_of_their_own(wide):
    source = source_of(wide)
    batch = drawn(source)["s2d"]
    assert len({image.numpy().tobytes() for image in batch.target}) == 16
    seen = set()
    for item, image in zip(source.items_of(0), batch.target[:, 0].numpy(), strict=True):
        own = source._values[0][source._window(item)]
        fits = [k for k in range(8) if np.array_equal(orient(own, k), image)]
        assert fits
        seen.update(fits[:1])
    assert len(seen) >= 4


def test_a_section_smaller_than_a_patch_is_seen_in_sixteen_orientations():
    obs = observe(sample(made_section("square", 20, 26), "lattice:2"))
    source = PaperSource(obs, np.array([0]), PAPER, 0)
    assert (len(source.corners), source.steps) == (1, 3000)
    batches = drawn(source)
    assert {name: tuple(b.start.shape[1:]) for name, b in batches.items()} == {
        "s2s": (1, 13, 13),
        "s2d": (1, 26, 26),
        "images s2s": (1, 13, 13),
        "images s2d": (1, 26, 26),
    }
    # Equal views are computed once and count as often as they were drawn; photographs all differ.
    views, counts = batches["s2d"].target, batches["s2d"].weight.amax((1, 2, 3))
    assert len({image.numpy().tobytes() for image in views}) == len(views) >= 6
    assert counts.sum() == 16
    assert torch.equal(batches["s2s"].weight.amax((1, 2, 3)), counts)
    assert len({image.numpy().tobytes() for image in batches["images s2d"].target}) == 16
    # What was added to make the section square is neither tissue nor sample.
    assert (batches["images s2d"].weight.sum((1, 2, 3)) == obs.grid.tissue.sum()).all()


def test_which_pixels_enter_each_loss(wide):
    """L_s2s: X_m on its own grid, from X_l; L_s2d: X_m; L_gni: all tissue, same masks."""
    batches = drawn(source_of(wide))
    sparser, dense = batches["s2s"], batches["s2d"]
    assert torch.equal(dense.weight > 0, dense.mask)
    assert sparser.weight.shape[-1] * 2 == dense.weight.shape[-1]
    # The sparser input is every second row and column of what was measured.
    assert (sparser.mask & (sparser.weight == 0)).sum() == 0
    assert sparser.weight.sum() > 3 * sparser.mask.sum()
    for name in ("s2s", "s2d"):
        tissue, photo = batches[name], batches[f"images {name}"]
        assert torch.equal(tissue.mask, photo.mask)
        assert torch.equal(photo.measured[photo.mask], photo.target[photo.mask])
        assert not photo.measured[~photo.mask].any()
        assert (photo.weight >= tissue.weight).all()
        assert (tissue.loss_weight, photo.loss_weight) == (10.0, 1.0)
        assert photo.target.min() >= 0
        assert photo.target.max() <= 1
    assert (sparser.before_consistency, dense.before_consistency) == (False, True)
    assert not batches["images s2d"].before_consistency
    # Where there is tissue a photograph counts whether or not it was measured.
    assert batches["images s2d"].weight.sum() > 3 * dense.mask.sum()


def test_the_sparser_input_is_restored_to_what_was_measured(wide):
    """Input and target are the section's values on the decimated grid, a tenth as large."""
    source = source_of(wide)
    image = wide.image(wide.values)[0][::2, ::2] / 10
    batch = drawn(source)["s2s"]
    for k, item in enumerate(source.items_of(0)):
        row, col = source._coarse_corners[item]
        assert (2 * row, 2 * col) == tuple(source.corners[item])
        own = image[row : row + 8, col : col + 8]
        target = batch.target[k, 0].numpy()
        assert any(np.array_equal(orient(own, o), target) for o in range(8))
    assert torch.equal(batch.measured[batch.mask], batch.target[batch.mask])
    assert len(torch.unique(batch.start)) < len(torch.unique(batch.target))


@pytest.mark.parametrize(("choice", "before"), [("mended", True), ("published", False)])
def test_l_s2d_as_published_never_meets_data_consistency(wide, choice, before):
    batches = drawn(source_of(wide, loss_s2d=choice))
    for name in ("s2d", "images s2d"):
        assert bool(batches[name].mask.any()) == before
    assert batches["s2d"].before_consistency == before
    assert torch.equal(batches["s2d"].weight, drawn(source_of(wide))["s2d"].weight)
    assert torch.equal(batches["s2d"].start, drawn(source_of(wide))["s2d"].start)


def test_data_consistency_after_the_last_cascade_is_the_papers_and_an_option():
    torch.manual_seed(0)
    x, mask = torch.randn(1, 1, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., ::2, ::2] = True
    for kept in (True, False):
        model = CDCIN(replace(tiny_published().model, last_consistency=kept))
        found = model(x, x, mask)
        assert torch.equal(found.consistent[0][mask], x[mask])
        assert torch.equal(found.consistent[-1][mask], x[mask]) == kept


def test_arithmetic_is_as_precise_as_asked(monkeypatch):
    """float32 unless bfloat16 is asked for, while training and while predicting."""
    seen, obs, forward = [], few_genes(1), CDCIN.forward

    def watched(self, *images):
        seen.append(torch.is_autocast_enabled("cpu"))
        return forward(self, *images)

    monkeypatch.setattr(CDCIN, "forward", watched)
    for precision, low in (("float32", False), ("bfloat16", True)):
        config = tiny_published(steps=1)
        config = replace(config, train=replace(config.train, precision=precision))
        fit_network(obs, config, Hooks())(obs, obs.targets)
        assert set(seen) == {low}
        seen.clear()


@pytest.mark.parametrize(("kind", "views"), [("square", 8), ("hex", 4)])
def test_a_section_can_be_predicted_in_one_piece_and_in_all_its_orientations(
    kind, views, monkeypatch
):
    obs = observe(sample(made_section(kind, 20, 22), "random:0.3"))

    def whole(model, inputs, device, *, orientations, precision):
        assert [len(own) for own in orientations] == [views]
        assert inputs.start.shape == (1, 20, 22)
        assert np.array_equal(inputs.measured[inputs.mask], inputs.start[inputs.mask])
        return inputs.start

    monkeypatch.setattr(predict_patches, "predict", whole)
    train = replace(PAPER, prediction="section", augment_at_prediction=True)
    found = predict_patches.predict_gene(None, obs, 1, obs.pixels, CPU, train)
    assert found == pytest.approx(obs.values[:, 1], rel=1e-5)


def test_losses_that_are_off_are_not_computed(wide):
    assert set(drawn(source_of(wide, loss_s2d="off"))) == {"s2s", "images s2s", "images s2d"}
    assert set(drawn(source_of(wide, natural_images=False))) == {"s2s", "s2d"}
    assert drawn(source_of(wide, weight_st=3.0))["s2s"].loss_weight == 3.0


def test_losses_are_what_one_computes_by_hand():
    """Two cascades, four pixels of which one is unknown: k / K, L1, mean over what counts."""
    outputs = [
        torch.tensor([[[[1.0, 2.0], [0.0, 5.0]]]]),
        torch.tensor([[[[2.0, 2.0], [1.0, 5.0]]]]),
    ]
    target = torch.tensor([[[[0.0, 2.0], [3.0, float("nan")]]]])
    weight = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    by_hand = 1 / 2 * (1 + 0 + 3) / 3 + 2 / 2 * (2 + 0 + 2) / 3
    assert float(deep_supervision(outputs, target, weight, 1)) == pytest.approx(by_hand)


@pytest.mark.parametrize("design", ["random:0.4", "checkerboard"])
def test_other_masks_withhold_a_random_part_of_what_was_measured(design):
    obs = observe(sample(made_section("square", 40, 50), design))
    source = source_of(obs)
    assert source.decimated is None
    batches = drawn(source)
    assert set(batches) == {"s2s", "images"}
    sparser, photo = batches["s2s"], batches["images"]
    assert not (sparser.mask & (sparser.weight > 0)).any()
    share = sparser.weight.sum((1, 2, 3)) / (sparser.weight > 0).logical_or(sparser.mask).sum(
        (1, 2, 3)
    )
    assert 0.0 < float(share.min()) < float(share.max()) < 0.75
    assert torch.equal(sparser.mask, photo.mask)
    assert (photo.weight.sum() > sparser.weight.sum()) and not (
        photo.mask & (photo.weight > 0)
    ).any()


def lattice_of(section, keep):
    """An observation of a section's spots that were measured for no stated reason."""
    return observe(
        replace(sample(section, "random:0.5"), measured=keep, design="", known=section.known)
    )


@pytest.mark.parametrize(("stride", "phase"), [(2, (0, 0)), (2, (1, 0)), (3, (1, 2)), (4, (0, 3))])
def test_a_lattice_is_known_by_its_positions(stride, phase):
    section = made_section("square", 40, 50)
    keep = (section.row % stride == phase[0]) & (section.col % stride == phase[1])
    found = decimated_grid(lattice_of(section, keep))
    assert found.stride == stride
    row, col = np.divmod(found.pixels, 50)
    assert (row == np.arange(phase[0], 40, stride)[:, None]).all()
    assert (col == np.arange(phase[1], 50, stride)).all()
    # A few spots missing change nothing; many do, and so does one that is not on it.
    some = np.flatnonzero(keep)
    fewer = keep.copy()
    fewer[some[::10]] = False
    assert decimated_grid(lattice_of(section, fewer)).stride == stride
    fewer[some[::2]] = False
    assert decimated_grid(lattice_of(section, fewer)) is None
    more = keep.copy()
    more[
        np.flatnonzero((section.row % stride != phase[0]) & (section.col % stride == phase[1]))[3]
    ] = True
    assert decimated_grid(lattice_of(section, more)) is None


def test_a_real_sparse_section_trains_on_its_lattice():
    section = sample(made_section("square", 16, 18), "densify:2")
    source = PaperSource(observe(section), np.array([0]), PAPER, 0)
    assert source.decimated.stride == 2
    assert {"s2s", "s2d"} < set(drawn(source))


@pytest.mark.parametrize(
    ("design", "stride"), [("hexlattice:4", 2), ("hexlattice:9", 3), ("hexlattice:4@3", 2)]
)
def test_hexagonal_lattices_train_on_a_hexagonal_grid(design, stride):
    obs = observe(sample(made_section("hex", 30, 34), design))
    found = decimated_grid(obs)
    assert found.stride == stride
    assert set(obs.pixels) == set(found.pixels[found.pixels >= 0]) & set(obs.targets)
    row, col = np.indices(found.pixels.shape)
    own = np.stack([col + 0.5 * ((row + found.parity) % 2), row * HEX_ROW], -1) * stride
    true = obs.lattice_xy(np.maximum(found.pixels, 0).ravel()).reshape(own.shape)
    apart = (true - own)[found.pixels >= 0]
    assert apart == pytest.approx(np.broadcast_to(apart[0], apart.shape), abs=1e-9)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_a_hexagonal_sublattice_is_a_hexagonal_lattice(stride, parity):
    pattern = sublattice(24, stride, hexagonal=True, parity=parity)
    assert pattern[0, 0]
    row, col = np.nonzero(pattern)
    points = np.column_stack([col + 0.5 * ((row + parity) % 2), row * HEX_ROW])
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    apart[apart < 1e-9] = np.inf
    assert apart.min(1) == pytest.approx(np.full(len(points), stride))
    # Inside every point has six neighbours at that distance.
    assert (np.isclose(apart, stride).sum(1) == 6).sum() > 0.3 * len(points)


@pytest.mark.parametrize("design", ["lattice:2", "hexlattice:3"])
def test_hexagonal_sections_whose_lattice_is_none_take_the_general_form(design):
    obs = observe(sample(made_section("hex", 30, 34), design))
    source = source_of(obs)
    assert source.decimated is None
    assert "no hexagonal lattice" in fit_paper._task(source)
    # Rows stay rows: a staggered grid is flipped, and never turned by 90 degrees.
    batch = drawn(source)["images"]
    assert batch.mask.shape[-2:] == (16, 16)


def test_filling_takes_the_nearest_sample_by_true_distance():
    mask = np.zeros((6, 6), bool)
    mask[::2, ::2] = True
    replicated = np.arange(36).reshape(6, 6)[::2, ::2].repeat(2, 0).repeat(2, 1)
    assert np.array_equal(nearest_sample(mask), replicated)
    # On a hexagonal grid the pixel below to the left is nearer than the one below to the right.
    mask = np.zeros((3, 5), bool)
    mask[0, 2], mask[2, 3] = True, True
    for parity in (0, 1):
        found = nearest_sample(mask, hexagonal=True, parity=parity)
        col = np.arange(5) + 0.5 * ((1 + parity) % 2)
        up, down = np.abs(col - 2 - 0.5 * parity), np.abs(col - 3 - 0.5 * parity)
        assert np.array_equal(found[1] == 2, up <= down)


def test_patches_are_half_tissue_and_predictions_cover_all_of_it():
    tissue = np.zeros((20, 30), bool)
    tissue[:, :12] = True
    tissue[0, 29] = True
    corners = tissue_corners(tissue, 8, 2)
    assert all(tissue[r : r + 8, c : c + 8].mean() >= 0.5 for r, c in corners)
    assert {(0, 0), (12, 4)} <= {tuple(map(int, corner)) for corner in corners}
    covered = np.zeros_like(tissue)
    for r, c in covering_corners(tissue, 8, 2):
        covered[r : r + 8, c : c + 8] = True
    assert covered[tissue].all()
    assert [tuple(map(int, c)) for c in tissue_corners(tissue, 30, 2)] == [(0, 0)]


def test_photographs_are_plain_crops_between_0_and_1():
    photographs = load_grayscale()
    crops = np.stack([plain_crop(photographs, 64, np.random.default_rng(s)) for s in range(40)])
    assert crops.shape == (40, 64, 64)
    assert crops.min() >= 0
    assert 0.5 < crops.max() <= 1
    assert np.ptp(crops.mean((1, 2))) > 0.2
    assert plain_crop(photographs, 2000, np.random.default_rng(0)).shape == (2000, 2000)


def test_a_prediction_is_the_mean_over_the_patches_a_pixel_lies_in(wide, monkeypatch):
    """A network that answers with the mean of what it was given in a patch."""

    def mean_of(model, inputs, device, *, orientations, precision):
        assert set(orientations) == {(0,)}
        shape = inputs.start.shape
        return np.broadcast_to(inputs.start.mean((1, 2))[:, None, None], shape)

    monkeypatch.setattr(predict_patches, "predict", mean_of)
    train = replace(PAPER, patch=16, patch_stride=4)
    found = predict_patches.predict_gene(None, wide, 1, wide.targets, CPU, train)
    image = (wide.image(wide.values)[1][::2, ::2]).repeat(2, 0).repeat(2, 1)
    total, count = np.zeros(image.shape), np.zeros(image.shape)
    for r, c in covering_corners(wide.grid.tissue, 16, 4):
        total[r : r + 16, c : c + 16] += image[r : r + 16, c : c + 16].mean()
        count[r : r + 16, c : c + 16] += 1
    wanted = (total / np.maximum(count, 1)).ravel()[wide.targets]
    assert found == pytest.approx(wanted, rel=1e-4)


def test_an_untrained_network_gives_back_what_it_was_given_in_the_genes_own_units(wide):
    """Into the network a tenth, out of it ten times: measured values come back."""
    config = tiny_published(steps=0)
    found = fit_network(wide, config, Hooks())(wide, wide.pixels).mean
    assert found == pytest.approx(wide.values, abs=1e-5)


def few_genes(count):
    section = made_section("square", 20, 20)
    return observe(sample(section.subset_genes(list(section.genes[:count])), "lattice:2"))


def test_every_gene_has_a_network_of_its_own():
    """A gene's map does not depend on which genes were trained with it."""
    obs, config = few_genes(3), tiny_published(steps=2)
    whole = fit_network(obs, config, Hooks())(obs, obs.targets)
    alone = replace(obs, values=obs.values[:, [2]])
    part = fit_network(alone, config, Hooks())(alone, obs.targets)
    assert part.mean[:, 0] == pytest.approx(whole.mean[:, 2], abs=1e-6)
    assert (whole.details["networks"], whole.details["steps_done"]) == (3, 2)
    shared = replace(config, train=replace(config.train, shared_network=True))
    together = fit_network(obs, shared, Hooks())(obs, obs.targets)
    assert together.details["networks"] == 1
    assert np.abs(together.mean[:, 2] - whole.mean[:, 2]).max() > 1e-6
    assert preset("paper-shared").train == replace(PAPER, shared_network=True)


def test_a_run_that_was_stopped_goes_on_with_the_gene_in_hand(tmp_path):
    obs, config = few_genes(3), tiny_published(steps=3)
    whole = fit_network(obs, config, Hooks())(obs, obs.targets).mean
    file, seen = tmp_path / "checkpoint.pt", []
    hooks = Hooks(checkpoint=file, on_progress=seen.append, should_stop=lambda: len(seen) == 4)
    with pytest.raises(Cancelled):
        fit_network(obs, config, hooks)
    assert (seen[-1].step, seen[-1].steps) == (4, 9)
    assert "gene 2 of 3" in seen[-1].words
    later = []
    resumed = replace(hooks, resume=True, on_progress=later.append, should_stop=lambda: False)
    again = fit_network(obs, config, resumed)(obs, obs.targets).mean
    assert [p.step for p in later] == [5, 6, 7, 8, 9]
    assert again == pytest.approx(whole, abs=1e-6)
    other = replace(config, train=replace(config.train, weight_st=1.0))
    with pytest.raises(S2SError, match="another section or other settings"):
        fit_network(obs, other, resumed)


def test_genes_that_are_the_same_everywhere_are_filled_in_without_a_network():
    obs = few_genes(3)
    values = obs.values.copy()
    values[:, 1] = 0.5
    found = fit_network(replace(obs, values=values), tiny_published(steps=1), Hooks())
    obs = replace(obs, values=values)
    answer = found(obs, obs.targets)
    assert (answer.mean[:, 1] == 0.5).all()
    assert (answer.details["networks"], answer.details["constant_genes"]) == (2, 1)
    with pytest.raises(S2SError, match="Every gene is the same at all measured spots"):
        fit_network(replace(obs, values=values * 0), tiny_published(steps=1), Hooks())


def test_spots_set_aside_are_an_option_that_stops_and_chooses():
    obs = few_genes(1)
    assert not PaperSource(obs, np.array([0]), PAPER, 0).aside.any()
    train = replace(PAPER, set_aside=0.2, patience=1)
    assert PaperSource(obs, np.array([0]), train, 0).aside.sum() == round(0.2 * len(obs.pixels))
    config = replace(tiny_published(), train=replace(train, steps=4, check_every=1, batch=2))
    details = fit_network(obs, config, Hooks())(obs, obs.targets).details
    assert np.isfinite(details["score_set_aside"])
    with pytest.raises(S2SError, match="give set_aside a share"):
        replace(PAPER, patience=2)
