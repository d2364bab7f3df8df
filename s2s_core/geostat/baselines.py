"""Classical methods, all behind the same interface as the network.

A method is ``fit(obs) -> predictor`` and ``predictor(obs, targets) -> Prediction``. Everything
that is chosen (bandwidth, range, nugget, programmes) is chosen in ``fit`` on measured spots.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial import Delaunay, QhullError, cKDTree

from s2s_core.data.design_text import Decimation
from s2s_core.data.observation import Observation
from s2s_core.errors import S2SError
from s2s_core.geostat.kriging import krige
from s2s_core.geostat.programmes import fit_programmes
from s2s_core.geostat.variogram_fit import Criterion, fit_variograms
from s2s_core.geostat.variograms import Spots
from s2s_core.interfaces import Prediction, Predictor

# Widths that Gaussian smoothing chooses from, in pitches; untuned.
SIGMAS = np.geomspace(0.5, 6.0, 10)


def fit_nearest(obs: Observation) -> Predictor:
    """Value of the nearest measured spot."""

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        tree = cKDTree(obs.lattice_xy(obs.pixels))
        return Prediction(obs.values[tree.query(obs.lattice_xy(targets))[1]])

    return predict


def fit_linear(obs: Observation) -> Predictor:
    """Linear interpolation on the Delaunay triangulation, nearest outside it."""

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        weights = linear_weights(obs.lattice_xy(obs.pixels), obs.lattice_xy(targets))
        return Prediction(weights @ obs.values)

    return predict


def linear_weights(points: np.ndarray, targets: np.ndarray) -> sparse.csr_matrix:
    """(t, m) barycentric weights; they do not depend on the gene, so cost is per spot."""
    rows = np.arange(len(targets))
    nearest = cKDTree(points).query(targets)[1]
    try:
        mesh = Delaunay(points)
    except QhullError:
        # Points on one line have no triangles.
        return sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, nearest)), shape=(len(targets), len(points))
        )
    simplex = mesh.find_simplex(targets)
    inside = simplex >= 0
    transform = mesh.transform[simplex[inside]]
    part = np.einsum("tij,tj->ti", transform[:, :2], targets[inside] - transform[:, 2])
    # On an edge rounding makes weights of -1e-15: no expression is below zero.
    weight = np.maximum(np.column_stack([part, 1.0 - part.sum(1)]), 0.0)
    entries = [
        (weight.ravel(), np.repeat(rows[inside], 3), mesh.simplices[simplex[inside]].ravel()),
        (np.ones((~inside).sum()), rows[~inside], nearest[~inside]),
    ]
    value, row, col = (np.concatenate(e) for e in zip(*entries, strict=True))
    return sparse.csr_matrix(
        (value.astype(np.float32), (row, col)), shape=(len(targets), len(points))
    )


def fit_bilinear(obs: Observation) -> Predictor:
    """Bilinear interpolation between the measured spots of a lattice mask.

    Raises
    ------
    S2SError
        If the mask is no lattice.
    """
    _lattice(obs)

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        return Prediction(bilinear_weights(obs, targets) @ obs.values)

    return predict


def bilinear_weights(obs: Observation, targets: np.ndarray) -> sparse.csr_matrix:
    """(t, m) weights of the four measured spots around each target of a lattice mask.

    Along the two measured rows that enclose a target first, each row with its own offset, then
    between the rows: on a square lattice that is bilinear, on a hexagonal one it follows the
    row_offset. Beyond the rim the nearest node counts. Nodes without a measured spot (absent, or
    withheld) leave their weight to the others; a target without any is interpolated linearly.
    """
    lattice = _lattice(obs)
    stride, (row0, col0) = lattice.stride, lattice.phase
    height, width = obs.grid.shape
    nodes = np.full((-(-(height - row0) // stride), -(-(width - col0) // stride)), -1)
    node_row, node_col = (np.divmod(obs.pixels, width) - np.array([[row0], [col0]])) // stride
    nodes[node_row, node_col] = np.arange(len(obs.pixels))
    place = obs.lattice_xy(targets)[:, 0]
    along = np.clip((targets // width - row0) / stride, 0, len(nodes) - 1)
    entries = []
    for row, row_weight in _ends(along, len(nodes)):
        first = obs.grid.lattice_xy(row0 + stride * row, np.full(len(row), col0))[:, 0]
        across = np.clip((place - first) / stride, 0, nodes.shape[1] - 1)
        for col, col_weight in _ends(across, nodes.shape[1]):
            entries.append((nodes[row, col], row_weight * col_weight))
    spot, weight = (np.concatenate(part) for part in zip(*entries, strict=True))
    target = np.tile(np.arange(len(targets)), 4)
    there = (spot >= 0) & (weight > 0)
    weights = sparse.csr_matrix(
        (weight[there], (target[there], spot[there])), shape=(len(targets), len(obs.pixels))
    )
    total = np.asarray(weights.sum(1)).ravel()
    lost = np.nonzero(total < 1e-9)[0]
    weights = sparse.diags(1.0 / np.where(total < 1e-9, 1.0, total)).dot(weights)
    if len(lost):
        other = linear_weights(obs.lattice_xy(obs.pixels), obs.lattice_xy(targets[lost])).tocoo()
        weights = weights + sparse.csr_matrix(
            (other.data, (lost[other.row], other.col)), shape=weights.shape
        )
    return weights.astype(np.float32).tocsr()


def _ends(at: np.ndarray, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two of ``count`` nodes around each position, and the weight of each."""
    low = np.minimum(at.astype(int), count - 1)
    share = at - low
    return [(low, 1.0 - share), (np.minimum(low + 1, count - 1), share)]


def _lattice(obs: Observation, what: str = "Bilinear") -> Decimation:
    """Stride and phase of the mask, which ``what`` interpolation needs."""
    if obs.lattice is None:
        raise S2SError(
            f"{what} interpolation needs a lattice mask (lattice:S); choose linear instead."
        )
    return obs.lattice


def fit_bicubic(obs: Observation) -> Predictor:
    """Cubic splines on the decimated grid of a lattice mask.

    Raises
    ------
    S2SError
        If the mask is no lattice.
    """
    lattice = _lattice(obs, "Bicubic")
    stride, (row0, col0) = lattice.stride, lattice.phase

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        coarse = obs.mask_image()[row0::stride, col0::stride]
        if not coarse.any():
            raise S2SError("No measured spot lies on the lattice; choose linear instead.")
        # Decimated positions outside the tissue take the nearest measured value.
        fill = distance_transform_edt(~coarse, return_distances=False, return_indices=True)
        row, col = np.divmod(targets, obs.grid.shape[1])
        where = np.stack([(row - row0) / stride, (col - col0) / stride])
        images = obs.image(obs.values)[:, row0::stride, col0::stride][:, fill[0], fill[1]]
        mean = [map_coordinates(im, where, order=3, mode="nearest") for im in images]
        # Cubic curves overshoot: no expression is below zero.
        return Prediction(np.maximum(np.stack(mean, 1), 0.0).astype(np.float32))

    return predict


def fit_gaussian(obs: Observation) -> Predictor:
    """Gaussian smoothing; the width of each gene by leaving measured spots out in turn."""
    points = obs.lattice_xy(obs.pixels)
    errors = []
    for sigma in SIGMAS:
        weights = gaussian_weights(points, points, sigma, leave_out=True)
        errors.append(((weights @ obs.values - obs.values) ** 2).mean(0))
    best = SIGMAS[np.argmin(errors, axis=0)]

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        mean = np.empty((len(targets), obs.n_genes), np.float32)
        points, where = obs.lattice_xy(obs.pixels), obs.lattice_xy(targets)
        for sigma in np.unique(best):
            genes = best == sigma
            mean[:, genes] = gaussian_weights(points, where, sigma) @ obs.values[:, genes]
        return Prediction(mean)

    return predict


def gaussian_weights(
    points: np.ndarray, targets: np.ndarray, sigma: float, *, leave_out: bool = False
) -> sparse.csr_matrix:
    """(t, m) normalised Gaussian weights within 3.5 sigma; the nearest spot where none is."""
    tree = cKDTree(points)
    pairs = tree.sparse_distance_matrix(cKDTree(targets), 3.5 * sigma, output_type="coo_matrix")
    row, col, distance = pairs.col, pairs.row, pairs.data
    if leave_out:
        other = row != col
        row, col, distance = row[other], col[other], distance[other]
    weights = sparse.csr_matrix(
        (np.exp(-0.5 * (distance / sigma) ** 2), (row, col)), shape=(len(targets), len(points))
    )
    total = np.asarray(weights.sum(1)).ravel()
    empty = np.nonzero(total == 0)[0]
    if len(empty):
        k = 2 if leave_out else 1
        nearest = tree.query(targets[empty], k=[k])[1][:, 0]
        weights = weights + sparse.csr_matrix(
            (np.ones(len(empty)), (empty, nearest)), shape=weights.shape
        )
        total[empty] = 1.0
    return sparse.diags(1.0 / total).dot(weights).astype(np.float32)


def fit_kriging(obs: Observation, criterion: Criterion = Criterion.LIKELIHOOD) -> Predictor:
    """Kriging of every gene (Matern 3/2 and nugget)."""
    variograms = fit_variograms(Spots(obs.lattice_xy(obs.pixels)), obs.values, criterion)

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        spots = Spots(obs.lattice_xy(obs.pixels))
        kriged = krige(spots, obs.values, obs.lattice_xy(targets), variograms)
        return Prediction(np.maximum(kriged.mean, 0.0), np.sqrt(kriged.asked_variance()))

    return predict


def fit_programme_kriging(
    obs: Observation, programmes: int = 40, criterion: Criterion = Criterion.LIKELIHOOD
) -> Predictor:
    """Kriging of the panel's gene programmes: the classical method to beat."""
    low_rank = fit_programmes(obs.values, programmes)
    scores = low_rank.scores(obs.values)
    variograms = fit_variograms(Spots(obs.lattice_xy(obs.pixels)), scores, criterion)
    residual = (obs.values - low_rank.genes(scores)).var(0)

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        spots, scores = Spots(obs.lattice_xy(obs.pixels)), low_rank.scores(obs.values)
        kriged = krige(spots, scores, obs.lattice_xy(targets), variograms)
        sd = np.sqrt(low_rank.gene_variance(kriged.asked_variance()) + residual)
        return Prediction(np.maximum(low_rank.genes(kriged.mean), 0.0), sd)

    return predict
