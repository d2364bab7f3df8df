"""Charts: every number at its place."""

import numpy as np

from s2s_core.charts import loss_curves, truth_scatter


def test_loss_curves_keep_scores_at_their_steps():
    lines = [
        {"step": i, "losses": {"s2s": 1 / i, "images": 0.5, "total": 1.0},
         "score": 0.9 if i % 2 == 0 else None}
        for i in range(1, 6)
    ]  # fmt: skip
    figure = loss_curves(lines)
    assert len(figure.data) == 3
    assert list(figure.data[-1].x) == [2, 4]
    assert list(figure.data[-1].y) == [0.9, 0.9]


def test_a_scatter_shows_every_scored_spot():
    truth, imputed = np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.9, 2.5])
    figure = truth_scatter(truth, imputed, "MBP")
    np.testing.assert_array_equal(figure.data[-1].y, imputed)
    assert "MBP" in figure.layout.xaxis.title.text
    truth_scatter(np.zeros(3), np.zeros(3), "none").to_json()
