"""Charts: every number at its place."""

import numpy as np
import pandas as pd

from s2s_core.output.charts import budget_curves, loss_curves, truth_scatter, variants_chart


def test_loss_curves_keep_scores_at_their_steps():
    lines = [
        {
            "step": i,
            "losses": {"s2s": 1 / i, "images": 0.5, "total": 1.0},
            "score": 0.9 if i % 2 == 0 else None,
        }
        for i in range(1, 6)
    ]
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


def test_the_toolbar_has_a_strip_of_its_own():
    summary = pd.DataFrame(
        {"variant": ["a", "b"]} | {f"pcc_{k}": [0.5, 0.6] for k in ("median", "q25", "q75")}
    )
    found = pd.DataFrame(
        {"design": "random", "budget": [0.1, 0.2], "n_measured": [10, 20]}
        | {k: [0.5, 0.6] for k in ("pcc", "pcc_low", "pcc_high")}
    )
    for figure in (
        variants_chart(summary, "pcc"),
        budget_curves(found, "pcc", {}, 0.8),
    ):
        assert figure.layout.margin.t >= 36
        assert figure.layout.modebar.bgcolor == "rgba(0,0,0,0)"


def test_the_right_axis_of_the_losses_keeps_clear_of_the_left_chart():
    figure = loss_curves([{"step": 1, "losses": {"s2s": 1.0}, "score": 0.9}])
    between = figure.layout.xaxis2.domain[0] - figure.layout.xaxis.domain[1]
    # Numbers and a title take about 70 pixels of the narrowest chart.
    assert between * 380 > 70
